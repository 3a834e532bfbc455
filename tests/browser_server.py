"""A real JupyterLab server for tests: its own folders, its own kernel, loopback only.

NAIT_JUPYTER names another Jupyter than the tests' own, as "PYTHON -m jupyterlab" or "PYTHON -m notebook"; the kernel
stays the tests' own.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

CHECKOUT = Path(__file__).parents[1]
KERNEL = "nait-tests"
START_SECONDS = 90


@dataclass(frozen=True)
class LabServer:
    """Where a running server is, and the folder it serves."""

    url: str
    token: str
    root: Path
    settings: Path

    def api(self, method: str, path: str) -> Any:
        """The decoded answer of one call of the server's REST API; None where it has no body."""
        request = Request(f"{self.url}api/{path}", method=method, headers={"Authorization": f"token {self.token}"})
        with urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def forget(self) -> None:
        """Stops every kernel and puts settings and layouts back, so that no test sees another's."""
        for session in self.api("GET", "sessions"):
            self.api("DELETE", f"sessions/{session['id']}")
        write_settings(self.settings)
        for file in (self.settings.parent / "workspaces").glob("*.jupyterlab-workspace"):
            file.unlink()


def write_settings(folder: Path) -> None:
    """The user's settings: no news, no updates looked for, and the default for the rest."""
    for file in folder.rglob("*.jupyterlab-settings"):
        file.unlink()
    apputils = folder / "@jupyterlab" / "apputils-extension"
    apputils.mkdir(parents=True, exist_ok=True)
    (apputils / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')


def write_kernel(folder: Path) -> None:
    """A kernel of the tests' own Python, which imports this checkout and the tests' helpers."""
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": KERNEL,
        "language": "python",
        "env": {"PYTHONPATH": os.pathsep.join(map(str, [CHECKOUT, CHECKOUT / "tests"]))},
    }
    (folder / KERNEL).mkdir(parents=True)
    (folder / KERNEL / "kernel.json").write_text(json.dumps(spec))


def link_extension(folder: Path) -> None:
    """The extension as this checkout last built it, before any that is installed."""
    folder.mkdir()
    (folder / "nait-widgets").symlink_to(CHECKOUT / "nait_widgets" / "labextension")


@contextmanager
def lab_server(home: Path) -> Iterator[LabServer]:
    """Runs JupyterLab on a free port, with everything it reads and writes of its user's under `home`."""
    folders = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_PATH": home / "path",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    root = home / "root"
    for folder in [root, *folders.values()]:
        folder.mkdir(parents=True)
    write_settings(folders["JUPYTERLAB_SETTINGS_DIR"])
    write_kernel(folders["JUPYTER_DATA_DIR"] / "kernels")
    link_extension(folders["JUPYTER_PATH"] / "labextensions")

    token = secrets.token_hex(16)
    log = home / "server.log"
    command = [
        *shlex.split(os.environ.get("NAIT_JUPYTER", f"{shlex.quote(sys.executable)} -m jupyterlab")),
        *("--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *("--ServerApp.port=0", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"),
        *("--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"),
        *("--LabApp.extension_manager=readonly", f"--MultiKernelManager.default_kernel_name={KERNEL}"),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**environment, **{name: str(folder) for name, folder in folders.items()}},
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = _address(process, folders["JUPYTER_RUNTIME_DIR"], log)
        yield LabServer(url, token, root, folders["JUPYTERLAB_SETTINGS_DIR"])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """The address that the server wrote down, once it answers there."""
    note = runtime / f"jpserver-{process.pid}.json"
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if note.exists() and (text := note.read_text()).endswith("}"):
            return str(json.loads(text)["url"])
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
