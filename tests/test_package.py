"""The package itself: light to import, and every public name resolves."""

from __future__ import annotations

import subprocess
import sys


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
