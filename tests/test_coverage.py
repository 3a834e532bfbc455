"""Re-rankers: by hand, against brute force, and as selections that can be repeated."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import make_rows
from hypothesis import given, settings
from hypothesis import strategies as st

import nait_widgets as nait
from nait_widgets import Direction
from nait_widgets.errors import NaitError, SelectionError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.selection import greedy
from nait_widgets.store import ActivationStore

NONE = np.empty(0, np.int64)


def circle(*degrees: float) -> npt.NDArray[np.float32]:
    """Unit vectors at some angles."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_k_center_by_hand() -> None:
    points = circle(0, 10, 180, 100, 180)
    assert greedy.k_center(points, 3, NONE).tolist() == [0, 2, 3]  # of two at 180° the first
    assert greedy.k_center(points, 5, NONE).tolist() == [0, 2, 3, 1, 4]  # what coincides comes last
    assert greedy.k_center(points, 2, np.array([3])).tolist() == [0, 2]  # 100° from what is given; then 80°


def test_facility_location_by_hand() -> None:
    points = circle(0, 20, 40, 150, 170, 200)
    # Sums of cosines: -0.08, 0.37, 0.78, 0.73, 0.31, -0.37, so the third begins. It serves the others by 0.33, 0.18 and
    # 0.03; 150° adds 2.25, 170° adds 2.37.
    assert greedy.facility_location(points, 2, NONE).tolist() == [2, 4]
    assert greedy.facility_location(points, 1, np.array([1])).tolist() == [4]
    assert greedy.facility_location(circle(0, 0, 0), 2, NONE).tolist() == [0, 1]
    assert sorted(greedy.facility_location(points, 6, NONE).tolist()) == [0, 1, 2, 3, 4, 5]


def test_apart_by_hand() -> None:
    points = circle(0, 5, 90, 9, 95, 180)
    assert greedy.apart(points, np.cos(np.deg2rad(6))).tolist() == [0, 2, 3, 5]  # 9° is near 5°, which doesn't stay
    assert greedy.apart(points, 1.0).tolist() == [0, 1, 2, 3, 4, 5]
    assert greedy.apart(circle(30, 30), 0.999).tolist() == [0]


clouds = st.tuples(st.integers(2, 9), st.integers(0, 10**6)).map(
    lambda drawn: np.random.default_rng(drawn[1]).standard_normal((drawn[0], 3)).astype(np.float32)
)


def distances(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    exact = points.astype(np.float64)
    return np.asarray(np.linalg.norm(exact[:, None] - exact[None], axis=2), np.float64)


@settings(deadline=None)
@given(clouds, st.data())
def test_greedy_choices_keep_what_they_promise(cloud: npt.NDArray[np.float32], data: st.DataObject) -> None:
    points = cloud / np.linalg.norm(cloud, axis=1, keepdims=True)
    k = data.draw(st.integers(1, len(points)))
    d = distances(points)
    served = 1 - d**2 / 4

    def radius(rows: Any) -> float:
        return float(d[:, list(rows)].min(axis=1).max())

    def value(rows: Any) -> float:
        return float(served[:, list(rows)].max(axis=1).sum())

    choices = list(combinations(range(len(points)), k))
    center, location = (choose(points, k, NONE).tolist() for choose in (greedy.k_center, greedy.facility_location))
    assert center[0] == 0
    assert len(set(center)) == len(set(location)) == k
    assert radius(center) <= 2 * min(map(radius, choices)) + 1e-3
    assert value(location) >= (1 - np.exp(-1)) * max(map(value, choices)) - 1e-4
    taken: list[int] = []  # lazily greedy is greedy
    for point in location:
        gains = [value([*taken, other]) for other in range(len(points)) if other not in taken]
        assert value([*taken, point]) >= max(gains) - 1e-5
        taken.append(point)


@settings(deadline=None)
@given(clouds, st.floats(-0.5, 1))
def test_what_stays_apart_is_apart(cloud: npt.NDArray[np.float32], threshold: float) -> None:
    points = cloud / np.linalg.norm(cloud, axis=1, keepdims=True)
    cosines = points.astype(np.float64) @ points.T.astype(np.float64)
    stay = greedy.apart(points, threshold).tolist()
    for row in range(len(points)):
        most = max((cosines[row, other] for other in stay if other < row), default=-2.0)
        assert most < threshold + 1e-5 if row in stay else most > threshold - 1e-5


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    points = cloud / np.linalg.norm(cloud, axis=1, keepdims=True)
    whole = greedy.apart(points, 0.9).tolist(), greedy.facility_location(points, 20, NONE).tolist()
    monkeypatch.setattr(greedy, "BLOCK", 200)
    assert (greedy.apart(points, 0.9).tolist(), greedy.facility_location(points, 20, NONE).tolist()) == whole


# -- selections

WISHES: list[dict[str, Any]] = [
    {"fraction": 0.2},
    {"k": 60, "merge": "round-robin", "weights": {"sums": 3.0}},
    {"fraction": 0.1, "weights": {"sums": 0.25}},
    {"fraction": 0.1, "weights": {"sums": 0.0}},
    {"k": 60, "merge": "mean-z", "end": "bottom"},
    {"threshold": 0.5, "merge": "max"},
    {"k": 60, "adjust": "length-residual"},
    {"k": 60, "merge": "max", "adjust": "length-strata", "end": "bottom"},
    {"k": 60, "end": "random", "seed": 7},
    {"k": 60, "filters": {"tokens": (10, 60), "text": "mill"}},
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_covered_selection_is_a_selection(
    pool: ActivationStore, direction: Direction, tmp_path: Path, wish: dict[str, Any]
) -> None:
    scores = nait.score(pool, [direction, "length"])
    pinned, excluded = pool.sample_id[[0, 1]].tolist(), pool.sample_id[[2, 3]].tolist()
    chosen = nait.select(scores, **wish, pinned=pinned, excluded=excluded, note="by hand")
    free = len(set(chosen.ids) - set(pinned))
    for covered in (
        nait.k_center(chosen, free // 3),
        nait.facility_location(chosen, free // 3),
        nait.without_near_duplicates(chosen, 0.5),
        nait.without_near_duplicates(chosen, 0.9, by="sketch"),
    ):
        assert set(pinned) <= set(covered.ids) <= set(chosen.ids)
        assert covered.wish.note.startswith("by hand; ")
        _, recipe, card, *_ = covered.export(tmp_path / "subset.jsonl")
        again = nait.Recipe.load(recipe).repeat()
        assert again.ids == covered.ids
        assert again.reasons == covered.reasons
        assert covered.wish.note in card.read_text()
        if len(chosen.directions) == 1 or wish.get("merge") in ("mean-z", "max"):  # their order needs no ranks
            kept = set(covered.ids)
            assert covered.ids == [i for i in chosen.ids if i in kept]
    assert len(nait.k_center(chosen, free // 3)) == free // 3 + 2


def test_the_best_row_begins(pool: ActivationStore, direction: Direction) -> None:
    chosen = nait.select(nait.score(pool, direction), k=100)
    assert nait.k_center(chosen, 1).ids == chosen.ids[:1]
    assert nait.k_center(chosen, 100).ids == nait.facility_location(chosen, 100).ids == chosen.ids
    assert nait.k_center(nait.k_center(chosen, 50), 5).wish.note.count("k-center by sketch") == 2


def test_near_duplicates_leave_the_better_row(lm: CausalLM, tmp_path: Path) -> None:
    rows = make_rows(40)
    twins = [{**row, "id": f"twin-{row['id']}", "instruction": row["instruction"].upper()} for row in rows[:20]]
    store = nait.capture(lm, [*rows, *twins], tmp_path / "pool.zarr", template="plain", extras=("embedding",))
    chosen = nait.select(nait.score(store, "random"), fraction=1.0)
    once = nait.without_near_duplicates(chosen, 1.0)
    bare = [i.removeprefix("twin-") for i in once.ids]
    assert len(bare) == len(set(bare)) <= 40
    ranks = {sample_id: rank for rank, sample_id in enumerate(chosen.ids)}
    for name in (row["id"] for row in rows[:20]):
        kept, gone = (name, f"twin-{name}") if name in once.ids else (f"twin-{name}", name)
        assert ranks[kept] < ranks[gone] or kept not in once.ids
    worse = next(gone for gone in chosen.ids if gone not in once.ids)
    pinned = nait.without_near_duplicates(nait.select(nait.score(store, "random"), fraction=1.0, pinned=[worse]), 1.0)
    assert worse in pinned.ids
    assert len(pinned) == len(once)
    assert len(nait.facility_location(chosen, 10, vectors="embedding")) == 10
    assert len(nait.without_near_duplicates(chosen, by="embedding")) <= len(chosen)


def test_what_can_not_be_covered_is_refused(
    pool: ActivationStore, direction: Direction, lm: CausalLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = nait.select(nait.score(pool, direction), k=20, pinned=pool.sample_id[[0]].tolist())
    for k in (0, 21):
        with pytest.raises(
            SelectionError, match=f"k is {k}, but must be from 1 to the 20 rows of the selection besides"
        ):
            nait.k_center(chosen, k)
    with pytest.raises(SelectionError, match="vectors is 'text', but must be one of sketch, embedding"):
        nait.k_center(chosen, 2, vectors="text")  # type: ignore[arg-type]
    with pytest.raises(SelectionError, match="by is 'words', but must be one of text, sketch, embedding"):
        nait.without_near_duplicates(chosen, by="words")  # type: ignore[arg-type]
    for by, threshold in (("sketch", 0.0), ("sketch", 1.5), ("text", 0.1)):
        with pytest.raises(NaitError, match="threshold is"):
            nait.without_near_duplicates(chosen, threshold, by=by)  # type: ignore[arg-type]
    monkeypatch.setattr("nait_widgets.selection.coverage.MOST", 10)
    with pytest.raises(SelectionError, match="at most 10 and not 21: select fewer first, or use k_center"):
        nait.facility_location(chosen, 2)
    textless = nait.capture(lm, make_rows(9), tmp_path / "textless.zarr", template="plain", text=False)
    bare = nait.select(nait.score(textless, "length"), fraction=1.0)
    with pytest.raises(StoreError, match="captured without text"):
        nait.without_near_duplicates(bare)
    with pytest.raises(StoreError, match="embedding"):
        nait.facility_location(bare, 2, vectors="embedding")
