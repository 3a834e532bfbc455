"""What goes wrong at a URL: what passes by itself is tried again, the rest is said in one sentence.

Each driver of fsspec has errors of its own, and some hide one inside another; here they become two. `FileNotFoundError`
says that there is no such object, for whoever asked to make something of it. `RemoteError` says everything else.
"""

from __future__ import annotations

import errno
import os
import random
import sys
import time
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from nait_widgets.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE = 60.0  # seconds that something is tried again, and the environment variable that says otherwise
_VARIABLE = "NAIT_PATIENCE"
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 8.0

# The errors of each driver that are no OSError. Only a driver that has been imported can raise them.
_ERRORS = {
    "aiohttp": ("ClientError",),
    "azure.core.exceptions": ("AzureError",),
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "gcsfs.retry": ("HttpError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "httpx": ("HTTPError",),
    "huggingface_hub.errors": ("HfHubHTTPError",),
    "requests.exceptions": ("RequestException",),
}
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "ProfileNotFound"}
_NO_ANSWER = {
    *("EndpointConnectionError", "HTTPClientError", "ConnectionClosedError", "ConnectTimeoutError"),  # botocore
    *("ReadTimeoutError", "IncompleteReadError", "ResponseStreamingError"),
    *("ServerDisconnectedError", "ClientConnectionError", "ClientPayloadError", "ServerTimeoutError"),  # aiohttp
    *("ServiceRequestError", "ServiceResponseError", "TransportError", "ConnectionError", "Timeout"),
}
_PASSING_CODES = {errno.EIO, errno.EBUSY, errno.ETIMEDOUT, errno.EPIPE, errno.EHOSTUNREACH, errno.ENETUNREACH}
_PASSING_CODES |= {getattr(errno, "EREMOTEIO", errno.EIO)}
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}


def patiently(url: str, work: Callable[[], T]) -> T:
    """Do something at a URL, again and again while what prevents it may pass.

    Waits grow from a quarter of a second to eight, and end a minute after the first attempt, or after the seconds that
    the environment variable `NAIT_PATIENCE` says. A driver's own attempts and time-outs lie within each of ours.

    Args:
        url: Where, for messages.
        work: What to do; it may be done twice.

    Raises:
        FileNotFoundError: There is no such object.
        RemoteError: There is no such bucket, access is forbidden, credentials are missing, nothing answers.
    """
    began = time.monotonic()
    for attempt in count():
        try:
            return work()
        except _errors() as raised:
            error = _inner(raised)
            if _absent(error):
                raise FileNotFoundError(url) from raised
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt) * random.uniform(0.8, 1.2)
            if not _passes(error) or time.monotonic() + wait > began + patience():
                raise RemoteError(_sentence(url, error, time.monotonic() - began)) from raised
            time.sleep(wait)
    raise AssertionError


def patience() -> float:
    """Seconds that something is tried again.

    Raises:
        RemoteError: The environment says something that is no number.
    """
    said = os.environ.get(_VARIABLE, str(PATIENCE))
    try:
        return float(said)
    except ValueError:
        raise RemoteError(f"{_VARIABLE} is {said!r}, but must be a number of seconds") from None


def _errors() -> tuple[type[Exception], ...]:
    imported = [(module, names) for at, names in _ERRORS.items() if (module := sys.modules.get(at)) is not None]
    return OSError, *(getattr(module, name) for module, names in imported for name in names)


def _inner(error: BaseException) -> BaseException:
    """What a driver has called a missing file, though it was something else."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and cause is not None and _status(cause) != 404:
        return cause
    return error


def _absent(error: BaseException) -> bool:
    absent = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError) or _status(error) == 404
    return absent and not _no_bucket(error)


def _passes(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status >= 500 or status in (408, 429)
    return (isinstance(error, OSError) and error.errno in _PASSING_CODES) or _no_answer(error)


def _no_answer(error: BaseException) -> bool:
    named = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or bool(named & _NO_ANSWER)


def _no_bucket(error: BaseException) -> bool:
    cause: Any = error if error.__cause__ is None else error.__cause__
    response = getattr(cause, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else getattr(cause, "error_code", None)
    return code in _NO_BUCKET or "bucket does not exist" in str(error)


def _status(error: BaseException | None) -> int | None:
    """The status of an HTTP answer, wherever a driver puts it; None where there was no answer."""
    if error is None:
        return None
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return int(found) if found else None
    for holder in (error, response):
        for name in ("status", "status_code", "code"):
            if isinstance(found := getattr(holder, name, None), int):
                return found
    return _status(error.__cause__)


def _sentence(url: str, error: BaseException, seconds: float) -> str:
    detail = str(error).strip().rstrip(".") or type(error).__name__
    if _no_bucket(error):
        bucket = url.partition("://")[2].partition("/")[0]
        return f"there is no bucket {bucket!r} for {url}: create it, or mend its name"
    if type(error).__name__ in _NO_CREDENTIALS:
        return (
            f"no credentials for {url} were found ({detail}): give them as its library takes them, in the environment, "
            "in a profile, or as `storage_options`"
        )
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return f"{url} is forbidden to the credentials that were found, if any ({detail}): give others that may use it"
    if _passes(error):
        return f"nothing sound has come from {url} for {seconds:.0f} seconds ({type(error).__name__}: {detail})"
    return f"{url} can't be used: {detail}"
