"""The kernel's half of the direction health widget."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from nait_widgets import Direction, score
from nait_widgets.explaining import health
from nait_widgets.store import ActivationStore
from nait_widgets.widgets import health as module
from nait_widgets.widgets.health import DirectionHealth

WORST_FIRST = ["bad", "caution", "unknown", "good"]


def asked(widget: DirectionHealth, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, Any]]:
    sent: list[Any] = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append((content, buffers or [])))
    widget._asked(None, {"id": 1, "ask": "health", "body": {}}, [])
    widget._worker.submit(lambda: None).result()
    ((message, buffers),) = sent
    arrays = {h["name"]: np.frombuffer(b, h["dtype"]) for h, b in zip(message["arrays"], buffers, strict=True)}
    return json.loads(json.dumps(message["answer"], allow_nan=False)), arrays


@pytest.mark.parametrize("which", ["direction", "robust"])
def test_the_page_has_every_finding_and_the_numbers_behind_them(
    which: str, pool: ActivationStore, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    direction: Direction = request.getfixturevalue(which)
    scores = score(pool, direction)
    measured = health(direction, pool, scores, fraction=0.2)
    body, arrays = asked(DirectionHealth(direction, pool, scores, fraction=0.2), monkeypatch)
    shown = [(finding["name"], finding["verdict"], finding["sentence"]) for finding in body["findings"]]
    assert body["about"].endswith("selecting 20% of pool.zarr")
    assert sorted(shown) == sorted((f.name, f.verdict, f.sentence) for f in measured.findings)
    verdicts = [finding["verdict"] for finding in body["findings"]]
    assert verdicts == sorted(verdicts, key=WORST_FIRST.index)
    # The number on a card is the one in its sentence.
    told = [f for f in body["findings"] if f["number"] and f["number"] not in ("0", "0%")]  # none is told in words
    assert told
    for finding in told:
        assert finding["number"].replace("−", "-") in finding["sentence"], finding
    np.testing.assert_array_equal(arrays["splitHalf"].reshape(-1, 3), measured.split_half)
    np.testing.assert_array_equal(arrays["learning"], measured.learning)
    np.testing.assert_array_equal(arrays["explained"], direction.explained)
    valid = pool.selectable
    np.testing.assert_array_equal(arrays["tokens"], pool.n_tokens[valid])
    np.testing.assert_array_equal(arrays["scores"], scores["score"].values[valid, 0])


def test_points_are_drawn_evenly_and_scores_made_where_none_are_given(
    pool: ActivationStore, direction: Direction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_POINTS", 100)
    widget = DirectionHealth(direction, pool)
    _, arrays = asked(widget, monkeypatch)
    assert len(arrays["tokens"]) == len(arrays["scores"]) == 100
    own = score(pool, direction)["score"].values[:, 0]
    assert np.isin(arrays["scores"], own).all()
    assert (arrays["scores"][0], arrays["scores"][-1]) == (own[0], own[-1])
    assert widget.health is widget.health
    assert [finding.verdict for finding in widget.findings] == sorted(
        (finding.verdict for finding in widget.health.findings), key=WORST_FIRST.index
    )
