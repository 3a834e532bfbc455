"""The kernel's half of the Curator for pools that are too large for a page: its sums and orders are `select`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from asking import Page

from nait_widgets import Curator, Direction, Selection, score, select
from nait_widgets.selection.filtering import positions
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    import xarray as xr

UNTIL = {"fraction": 0.3}
WISHES: list[dict[str, Any]] = [
    UNTIL,
    UNTIL | {"end": "bottom"},
    UNTIL | {"end": "random", "seed": 3},
    UNTIL | {"weights": {"robust sums": 0.37}},
    UNTIL | {"weights": {"robust sums": 0.0}},
    UNTIL | {"merge": "round-robin", "weights": {"sums": 0.5}},
    UNTIL | {"merge": "mean-z"},
    UNTIL | {"merge": "max", "end": "bottom"},
    UNTIL | {"adjust": "length-residual"},
    UNTIL | {"filters": {"tokens": [30, 90]}},
    UNTIL | {"filters": {"tokens": [30, None], "narrow": False}},
    {"threshold": 0.0},
    {"threshold": 0.0, "end": "bottom", "merge": "mean-z"},
    {"k": 7, "weights": {"sums": 0.0}},
]


@pytest.fixture(scope="module")
def curator(
    pool: ActivationStore, direction: Direction, robust: Direction, tmp_path_factory: pytest.TempPathFactory
) -> Curator:
    scores = score(pool, [direction, robust], pool="mean")
    scores["half"] = ("sample", np.arange(len(pool)) % 2)
    return Curator(pool, scores, recipe=tmp_path_factory.mktemp("large") / "large.recipe.json", limit=10)


@pytest.fixture
def page(curator: Curator, monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page(curator, monkeypatch)
    page.ask("labels")
    return page


def amounts_asked(wish: dict[str, Any], selection: Selection, amounts: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    """The wish at some of the stops."""
    without = {name: value for name, value in wish.items() if name not in ("fraction", "k", "threshold")}
    name, kind = ("threshold", float) if selection.wish.threshold is not None else ("k", int)
    return [without | {name: kind(amount)} for amount in amounts]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_every_stop_is_what_select_chooses(page: Page, curator: Curator, wish: dict[str, Any]) -> None:
    scores, copy = curator.scores, curator.store
    if WISHES.index(wish) % 2:
        best = select(scores, **wish).ids
        wish = wish | {"excluded": best[:3:2], "pinned": [best[-1], best[1]]}
    now = curator.select(**wish)
    label = "half"
    body = page.ask("sums", direction=0, label=label)["answer"]
    sums = page.arrays()
    stops = len(sums["amounts"])
    table = page.ask("table", key="rank", descending=False, label=None, positions=list(range(len(copy))))["answer"]
    rows = page.arrays()
    column = curator._chooser.column(0, now.wish.adjust)
    assert (body["low"], body["high"]) == (column[np.isfinite(column)].min(), column[np.isfinite(column)].max())
    for stop in [0, *range(3, stops, max(1, stops // 4)), stops - 1]:
        asked = amounts_asked(wish, now, sums["amounts"])[stop]
        chosen = select(scores, **asked)
        assert sums["rows"][stop] == len(chosen)
        assert sums["by_score"][stop] == len(chosen) - len(set(now.wish.pinned) - set(unpinned(scores, asked)))
        assert sums["tokens"][stop] == copy.n_tokens[chosen.rows].sum()
        counts, _ = np.histogram(column[chosen.rows], 96, (body["low"], body["high"]))
        assert np.abs(sums["bins"].reshape(stops, -1)[stop] - counts).sum() <= 2  # an edge may be rounded otherwise
        halves = sums["labels"].reshape(stops, -1)[stop]
        assert halves[:2].tolist() == np.bincount(chosen.rows % 2, minlength=2).tolist()
        enters = rows["entering"]
        taken = enters >= sums["amounts"][stop] if asked.get("threshold") is not None else enters <= asked["k"]
        if "threshold" in asked and now.wish.end == "bottom":
            taken = enters <= sums["amounts"][stop]
        mask = np.zeros(len(copy), np.bool_)
        mask[rows["rows"][taken]] = True
        mask[positions(copy, now.wish.pinned)] = True
        assert np.array_equal(mask, chosen.mask)
    assert [text["id"] for text in table["texts"]] == copy.sample_id[rows["rows"]].tolist()
    if wish.get("filters", {}).get("narrow", True):
        by_score = [i for i in now.ids if i in set(unpinned(scores, wish))]
        assert [text["id"] for text in table["texts"]][: len(by_score)] == by_score


def unpinned(scores: xr.Dataset, wish: dict[str, Any]) -> list[str]:
    return select(scores, **{name: value for name, value in wish.items() if name != "pinned"}).ids


def test_its_own_amount_is_a_stop(page: Page, curator: Curator) -> None:
    for wish in ({"k": 11}, {"fraction": 0.12345}, {"threshold": 0.5, "merge": "max"}):
        chosen = curator.select(**wish)
        page.ask("sums", direction=None, label=None)
        sums = page.arrays()
        assert len(chosen) in sums["rows"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", ["score", "tokens", "label", "id", "rank", "hand"])
def test_the_table_is_sorted_and_the_filtered_rows_come_last(
    page: Page, curator: Curator, key: str, descending: bool
) -> None:
    copy = curator.store
    curator.select(
        fraction=0.2,
        weights={"robust sums": 0.0},
        filters={"tokens": [40, None]},
        pinned=[str(copy.sample_id[6])],
        excluded=[str(copy.sample_id[8])],
    )
    page.ask("table", key=key, descending=descending, label="half", positions=list(range(len(copy))))
    rows = page.arrays()
    of = {
        "tokens": rows["tokens"],
        "label": rows["labels"].reshape(len(copy), -1)[:, 1],
        "id": rows["rows"],
        "score": rows["score"],
        "hand": np.isin(rows["rows"], [6]) + 2 * np.isin(rows["rows"], [8]),
        "rank": rows["rank"],
    }[key].astype(float)
    assert np.array_equal(rows["shown"], copy.n_tokens[rows["rows"]] >= 40)
    assert np.all(np.diff(rows["shown"].astype(int)) <= 0)
    for part in (rows["shown"] == 1, rows["shown"] == 0):
        known = of[part & (rows["rank"] > 0)]
        assert np.all(np.diff(known) <= 0 if descending else np.diff(known) >= 0)
    asked = rows["rows"][[3, 17]].tolist()
    page.ask("table", key=key, descending=descending, label="half", rows=asked)
    assert page.arrays()["positions"].tolist() == [3, 17]


def test_the_page_gets_no_column_of_the_pool(page: Page, curator: Curator) -> None:
    opened = page.ask("columns")
    assert opened["answer"]["large"]["rows"] == len(curator.store)
    assert opened["answer"]["maps"] == opened["arrays"] == []
    assert page.ask("labels")["arrays"] == []
    assert page.ask("search", text="the")["arrays"] == []


def test_rows_by_hand_travel_as_lists(curator: Curator) -> None:
    copy = curator.store
    rows = np.array([0, 2, 1, 4, 6, 9], "<i4")
    curator.set_state({"asked": {"fraction": 0.5}, "row_sets": rows.tobytes()})
    assert curator.selection is not None
    assert curator.selection.wish.pinned == tuple(copy.sample_id[[4, 6]])
    assert curator.selection.wish.excluded == (copy.sample_id[9],)
    before = curator.row_sets
    curator.recipe = curator.recipe
    assert curator.row_sets == before


def test_the_shown_rows_are_told_unless_they_are_many(
    page: Page, curator: Curator, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = curator.store
    curator.select(fraction=0.1, filters={"tokens": [60, None]})
    page.ask("shown")
    shown = np.flatnonzero((copy.n_tokens >= 60) & copy.selectable)
    assert page.arrays()["rows"].tolist() == shown.tolist()
    monkeypatch.setattr("nait_widgets.widgets.curator.AT_ONCE", len(shown) - 1)
    assert f"{len(shown):,} rows are too many" in page.ask("shown")["error"]["sentence"]
