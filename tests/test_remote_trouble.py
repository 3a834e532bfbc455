"""What goes wrong at a URL is said in one sentence, after what may pass has been given time to."""

from __future__ import annotations

import importlib.util
import pickle
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from remotes import BUCKET, SECRET, MoodyServer, Server, serving, settle
from test_store import flip

from nait_widgets import Direction, capture, open_store, score
from nait_widgets.cli import main
from nait_widgets.errors import RemoteError, StoreError
from nait_widgets.store import ActivationStore
from nait_widgets.store.remote import Url


@pytest.fixture
def copied(pool: ActivationStore, s3: Server) -> Iterator[Path]:
    """A copy of `pool` in the bucket, to be broken."""
    folder = Path(shutil.copytree(pool.path, s3.folder / BUCKET / "broken.zarr"))
    settle()
    yield folder
    shutil.rmtree(folder)
    settle()


@pytest.mark.parametrize(
    ("url", "changes", "kind", "message"),
    [
        ("s3://nowhere/pool.zarr", {}, RemoteError, "there is no bucket 'nowhere' for s3://nowhere/pool.zarr"),
        (f"s3://{BUCKET}/none.zarr", {}, StoreError, f"there is no store at s3://{BUCKET}/none.zarr; capture one"),
        (f"s3://{BUCKET}/none.zarr", {"secret": "wrong"}, RemoteError, "is forbidden to the credentials"),
        ("s3://key:word@bucket/pool.zarr", {}, StoreError, "^s3://… has credentials in it, and a URL is shown"),
    ],
)
def test_what_can_be_mended_is_said(
    s3: Server, url: str, changes: dict[str, str], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        open_store(url, storage_options={**s3.options, **changes})
    assert SECRET not in str(caught.value)


def test_without_credentials_it_is_said_where_they_belong(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(RemoteError, match=r"no credentials for s3://.* were found .*: give them as its library takes"):
        open_store(f"s3://{BUCKET}/none.zarr", storage_options={"endpoint_url": s3.address})


def test_a_driver_that_is_missing_is_named_with_its_extra() -> None:
    absent = {"gs": "gcsfs", "az": "adlfs"}
    scheme = next((scheme for scheme, module in absent.items() if not importlib.util.find_spec(module)), None)
    if scheme is None:
        pytest.skip("all drivers are installed")
    extra = {"gs": "gcs", "az": "azure"}[scheme]
    with pytest.raises(
        RemoteError, match=rf"needs a driver that isn't installed: `pip install 'nait-widgets\[{extra}\]'`"
    ):
        open_store(f"{scheme}://bucket/pool.zarr")
    with pytest.raises(RemoteError, match=r"can't be opened: .*nonsense"):
        open_store("nonsense://bucket/pool.zarr")


def test_what_isnt_a_store_is_told(moody: MoodyServer) -> None:
    (moody.folder / "page").mkdir()
    (moody.folder / "page" / "zarr.json").write_text("<html>hello</html>")
    with pytest.raises(StoreError, match="page is not a Zarr v3 group"):
        open_store(f"{moody.address}/page")
    with pytest.raises(StoreError, match="has a query or fragment"):
        open_store(f"{moody.address}/page?token=x")


def test_what_passes_is_waited_for_and_what_doesnt_is_not(
    pool: ActivationStore, moody: MoodyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pool.path, moody.folder / "pool.zarr")
    url = f"{moody.address}/pool.zarr"
    moody.refusals = 2
    assert len(open_store(url)) == 700
    assert moody.refusals == 0
    monkeypatch.setenv("NAIT_PATIENCE", "0.5")
    moody.refusals = 1000
    with pytest.raises(RemoteError, match=rf"nothing sound has come from {url}/zarr.json for . seconds .*503"):
        open_store(url)
    moody.refusal, moody.requests = 403, 0
    with pytest.raises(RemoteError, match="is forbidden to the credentials that were found, if any"):
        open_store(url)
    assert moody.requests == 1
    moody.refusals = 0
    monkeypatch.setenv("NAIT_PATIENCE", "long")
    moody.refusals, moody.refusal = 1, 503
    with pytest.raises(RemoteError, match="NAIT_PATIENCE is 'long', but must be a number of seconds"):
        open_store(url)


def test_a_server_that_comes_back_is_waited_for(
    pool: ActivationStore, direction: Direction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pool.path, tmp_path / BUCKET / "pool.zarr")
    with serving("http", tmp_path) as server:
        store = open_store(server.url("pool.zarr"))
        server.kill()
        back = threading.Timer(1, server.start)
        back.start()
        assert score(store, direction).equals(score(pool, direction))
        back.join()
        server.kill()
        monkeypatch.setenv("NAIT_PATIENCE", "0.5")
        began = time.monotonic()
        for work in (store.verify, lambda: score(store, direction)):
            with pytest.raises(RemoteError, match="nothing sound has come from http://"):
                work()
        assert time.monotonic() - began < 20


def test_what_has_vanished_is_named(copied: Path, s3: Server, direction: Direction) -> None:
    store = open_store(s3.url(copied.name), storage_options=s3.options)
    (copied / "resid_post_mean/c/1/0/0").unlink()
    settle()
    with pytest.raises(StoreError, match=f"shard s3://{BUCKET}/broken.zarr/resid_post_mean/c/1/0/0 is missing"):
        score(store, direction)
    (problem,) = store.verify().problems
    assert problem.startswith(f"shard s3://{BUCKET}/broken.zarr/resid_post_mean/c/1/0/0 is missing")
    with pytest.raises(StoreError, match="resid_post_mean/c/1/0/0 is missing; run `nait verify s3://"):
        store.pack(copied.parent.parent / "no.zarr.zip")
    (copied / "n_tokens/c/0").unlink()
    settle()
    fresh = open_store(store.path)
    with pytest.raises(StoreError, match="n_tokens/c/0 is no longer there, though the store was complete"):
        fresh.n_tokens  # noqa: B018 - reads it
    assert [p for p in fresh.verify().problems if "n_tokens/c/0 is missing" in p]


def test_bytes_that_changed_on_the_way_are_refused(copied: Path, s3: Server, direction: Direction) -> None:
    flip(copied / "resid_post_mean/c/0/0/0", 0.2)
    store = open_store(s3.url(copied.name), storage_options=s3.options)
    with pytest.raises(StoreError, match=r"shard s3://.*resid_post_mean/c/0/0/0 is damaged: the checksum"):
        score(store, direction)
    assert not store.verify().ok


def test_secrets_are_shown_nowhere(copied: Path, s3: Server) -> None:
    store = open_store(s3.url(copied.name), storage_options=s3.options)
    url: Any = store.path
    assert SECRET not in f"{url} {url!r} {store!r} {store.info()}"
    again = pickle.loads(pickle.dumps(url))  # as it goes to the workers of a cluster, who need them
    assert isinstance(again, Url)
    assert len(open_store(again)) == 700


def test_http_is_for_reading_and_that_is_said_before_the_model_is_loaded(
    web: Server, copied: Path, direction: Direction, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "a", "output": "b"}\n')
    with pytest.raises(RemoteError, match=r"nothing can be written to http://.*: over HTTP a store can only be read"):
        capture("no/such-model", rows, web.url("new.zarr"))
    with pytest.raises(RemoteError, match="over HTTP a store can only be read"):
        open_store(web.url(copied.name)).save_direction(direction)
    assert main(["capture", "no/such-model", str(rows), "-o", web.url("new.zarr")]) == 2
    assert "over HTTP a store can only be read" in capsys.readouterr().err


def test_what_only_folders_can_take_is_refused_at_once(
    copied: Path, s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    rows, url = tmp_path / "rows.jsonl", s3.url(copied.name)
    rows.write_text('{"instruction": "a", "output": "b"}\n')
    for arguments in (["join", url, "-o", f"{url}2"], ["append", url, url], ["pack", url, "-o", f"{url}.zip"]):
        assert main(arguments) == 2
        assert "is a URL, where this can't be written: write it to a folder" in capsys.readouterr().err
    assert main(["plan", "no/such-model", str(rows), "-o", url]) == 2
    assert "is a URL, which has no disk to be asked for room" in capsys.readouterr().err
