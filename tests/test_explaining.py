from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import EMPTY_ROW, LONG_ROW
from test_scoring import OPTIONS
from test_store import read_all

from nait_widgets import Direction, explain, score
from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.store import ActivationStore

ROWS = (0, 256, 699)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(map(str, o.values())))
def test_contributions_sum_to_the_score(pool: ActivationStore, direction: Direction, options: dict[str, Any]) -> None:
    asked = direction.scored_by(**options)
    scores = score(pool, asked)
    for row in ROWS:
        explanation = explain(pool, str(pool.sample_id[row]), asked, scores)
        expected = float(scores["score"].values[row, 0])
        assert explanation.score == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert explanation.by_layer.sum() == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert explanation.contributions.shape == (3, 32)
        left_out = [layer for layer in range(3) if asked.score.layers is not None and layer not in asked.score.layers]
        assert not explanation.contributions[left_out].any()
        assert pool.explain(str(pool.sample_id[row]), asked).score == explanation.score


def test_the_top_neurons_are_those_that_move_the_score_most(pool: ActivationStore, direction: Direction) -> None:
    x = read_all(pool.pool("mean"))[256].astype(np.float64)
    expected = x * direction.vectors
    top = explain(pool, str(pool.sample_id[256]), direction).top(7)
    order = np.argsort(-np.abs(expected).ravel())[:7]
    assert [(n.layer, n.neuron) for n in top] == [divmod(int(i), 32) for i in order]
    for neuron in top:
        assert neuron.activation == x[neuron.layer, neuron.neuron]
        assert neuron.contribution == pytest.approx(expected[neuron.layer, neuron.neuron])


def test_layers_are_named_as_the_model_counts_them(pool: ActivationStore, direction: Direction) -> None:
    explanation = explain(pool, str(pool.sample_id[0]), direction.scored_by(layers=[2]))
    assert {n.layer for n in explanation.top(5)} == {2}
    assert explanation.layers == (0, 1, 2)


def test_the_combination_of_directions_is_explained(
    pool: ActivationStore, direction: Direction, robust: Direction
) -> None:
    difference = direction - robust.scored_by(pool="mean", similarity="dot") * 0.5
    scores = score(pool, difference)
    assert explain(pool, "row-0-0001", difference, scores).score == pytest.approx(
        float(scores["score"].values[1, 0]), rel=1e-4
    )


def test_what_has_no_score_has_no_explanation(pool: ActivationStore, direction: Direction) -> None:
    for row, why in ((EMPTY_ROW, "empty"), (LONG_ROW, "too_long")):
        with pytest.raises(StoreError, match=f"was quarantined as {why}, so it has no score"):
            explain(pool, str(pool.sample_id[row]), direction)
    with pytest.raises(StoreError, match="has no sample 'x'"):
        explain(pool, "x", direction)
    with pytest.raises(DirectionError, match="score the store again"):
        explain(pool, "row-0-0000", direction * 2, score(pool, direction))
    with pytest.raises(DirectionError, match="is to use layers"):
        explain(pool, "row-0-0000", direction.scored_by(layers=[9]))
