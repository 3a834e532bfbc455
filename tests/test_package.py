"""The package itself: light to import, every public name resolves, and a wheel holds what was built."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from hatchling.builders.wheel import WheelBuilder

import nait_widgets

if TYPE_CHECKING:
    import pytest

CHECKOUT = Path(__file__).parents[1]
EXTENSION = "share/jupyter/labextensions/nait-widgets/"


def test_importing_the_package_is_light_and_its_names_resolve() -> None:
    code = """
import sys
import nait_widgets as nait
heavy = {"torch", "transformers", "bokeh", "zarr", "pandas", "datasets", "pyarrow", "xarray"} & set(sys.modules)
assert not heavy, heavy
import nait_widgets.fitting, nait_widgets.scoring, nait_widgets.store, nait_widgets.selection
for name in nait.__all__:
    assert getattr(nait, name) is not None and name in dir(nait), name
for name in ("capture", "fit_direction", "score", "select", "explain", "open_store", "read_records", "load_model"):
    assert callable(getattr(nait, name)), name
try:
    nait.nonsense
except AttributeError as error:
    assert "no attribute 'nonsense'" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_sides_have_one_version() -> None:
    assert json.loads((CHECKOUT / "package.json").read_text())["version"] == nait_widgets.__version__


def test_a_wheel_holds_the_built_extension_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATCH_BUILD_NO_HOOKS", "true")  # pack what was built, build nothing
    (wheel,) = WheelBuilder(str(CHECKOUT)).build(directory=str(tmp_path), versions=["standard"])
    with ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if "labextension" in name}
    assert all(f".data/data/{EXTENSION}" in name for name in files)
    files = {name.split(EXTENSION)[1]: data for name, data in files.items()}
    package = json.loads(files["package.json"])
    assert {package["jupyterlab"]["_build"]["load"], "install.json", "schemas/nait-widgets/plugin.json"} <= set(files)
    assert not [name for name in files if name.endswith(".map")]
