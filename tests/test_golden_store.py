"""The golden stores are what Python reads and writes, so that readers in other languages are held to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_store import FOLDING, OLD, SAID, STORE, build, build_old, folding, said

from nait_widgets import open_store
from nait_widgets.selection.filtering import fold
from nait_widgets.store import ActivationStore


@pytest.fixture(scope="module")
def golden() -> ActivationStore:
    return open_store(STORE)


def arrays(store: ActivationStore) -> dict[str, np.ndarray[Any, Any]]:
    groups = [store.dataset, *(store.scores(name) for name in store.score_sets())]
    found = {f"{i} {name}": np.asarray(v) for i, group in enumerate(groups) for name, v in group.variables.items()}
    return found | {f"direction {name}": store.direction(name).vectors for name in store.directions()}


@pytest.mark.parametrize(("archive", "make"), [(STORE, build), (OLD, build_old)])
def test_the_golden_stores_are_what_the_writer_writes(archive: Path, make: Any, tmp_path: Path) -> None:
    there, anew = open_store(archive), make(tmp_path / "anew.zarr")
    assert there.layout == anew.layout
    assert there.provenance == anew.provenance
    assert there.verify().ok
    expected, found = arrays(anew), arrays(there)
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5, err_msg=name)
        else:
            assert found[name].tolist() == values.tolist(), name


def test_what_is_said_of_the_golden_store_is_what_python_reads(golden: ActivationStore) -> None:
    assert_like(json.loads(SAID.read_text()), json.loads(json.dumps(said(golden))))


def assert_like(expected: Any, actual: Any, place: str = "") -> None:
    """JSON that is the same, but for the last digits of what was computed."""
    if isinstance(expected, dict):
        assert expected.keys() == actual.keys(), place
        for key in expected:
            assert_like(expected[key], actual[key], f"{place}/{key}")
    elif isinstance(expected, list):
        assert len(expected) == len(actual), place
        for i, pair in enumerate(zip(expected, actual, strict=True)):
            assert_like(*pair, f"{place}/{i}")
    elif isinstance(expected, float):
        # Means of neurons are float32 sums, whose last bits depend on the number of threads.
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-6), place
    else:
        assert actual == expected, place


def test_folding_is_that_of_the_golden_characters() -> None:
    expected, found = json.loads(FOLDING.read_text()), folding()
    assert {character: found.get(character, character) for character in expected} == expected
    assert all(fold(folded) == folded for folded in found.values())


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("ΟΔΥΣΣΕΎΣ", "οδυσσεύς"),
        ("ﬁne oﬃce", "FINE OFFICE"),
        ("İ", "i̇"),
        ("K Å Ω", "k å ω"),
        ("ISPARTA", "\u0131sparta"),
        ("Plain ASCII", "pLAIN ascii"),
    ],
)
def test_folding_takes_cases_for_the_same(text: str, other: str) -> None:
    assert fold(text) == fold(other)


def test_folding_keeps_apart_what_case_folding_does_but_for_the_dotless_i() -> None:
    by_folding: dict[str, set[str]] = {}
    for character in (*folding(), *map(chr, range(0x250))):
        by_folding.setdefault(fold(character), set()).add(character.casefold())
    assert {folded for folded, folds in by_folding.items() if len(folds) > 1} == {"i"}
