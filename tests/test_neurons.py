"""One neuron over the pool, against all activations in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from pathlib import Path

import numpy as np
import pytest
from conftest import EMPTY_ROW, LONG_ROW, Row, make_rows
from plain import close
from test_capture import overflowing, with_nan
from test_store import read_all

from nait_widgets import Direction, capture, explain
from nait_widgets.errors import StoreError
from nait_widgets.explaining import neuron_column, percentiles
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore


def test_columns_are_the_activations_themselves(pool: ActivationStore) -> None:
    for name in ("mean", "delta"):
        expected = read_all(pool.pool(name))
        for layer, neurons in ((0, [31]), (2, [7, 0, 7])):
            column = neuron_column(pool, name, layer, neurons)
            assert column.dtype == np.float32
            np.testing.assert_array_equal(column, expected[:, layer, neurons])
            assert np.isnan(column[[EMPTY_ROW, LONG_ROW]]).all()


def test_layers_are_named_as_the_model_counts_them(lm: CausalLM, pool: ActivationStore, tmp_path: Path) -> None:
    rows = list(pool.originals(range(30)))
    store = capture(lm, rows, tmp_path / "s.zarr", layers=[2], template="plain")
    assert close(neuron_column(store, "mean", 2, [4, 5])[:5], neuron_column(pool, "mean", 2, [4, 5])[:5], 2e-3)
    with pytest.raises(StoreError, match=r"has no layer 0; it has 2$"):
        neuron_column(store, "mean", 0, [4])


def test_derived_pools_and_float32_layers_have_columns_too(
    lm: CausalLM, pool: ActivationStore, pool_rows: list[Row], tmp_path: Path
) -> None:
    lean = capture(lm, pool_rows, tmp_path / "lean.zarr", pools=["mean"], template="plain")
    derived, captured = (neuron_column(store, "tail_mean", 1, [3]) for store in (lean, pool))
    assert close(derived[pool.selectable], captured[pool.selectable], 5e-3)
    rows = make_rows(140)
    rows[130]["output"] = "ZZZZ ZZZZ ZZZZ"
    wide = capture(overflowing("Z"), rows, tmp_path / "wide.zarr", template="plain", block_rows=64, pools=["mean"])
    assert 1 in wide.info()["float32_layers"]["mean"]
    column = neuron_column(wide, "mean", 1, [5])[:, 0]
    assert column[130] > 65504
    np.testing.assert_array_equal(column, read_all(wide.pool("mean"))[:, 1, 5])


def test_percentiles_are_the_share_below(pool: ActivationStore, direction: Direction) -> None:
    top = explain(pool, str(pool.sample_id[256]), direction).top(12)
    assert len({neuron.layer for neuron in top}) > 1
    x = read_all(pool.pool("mean"))[pool.selectable]
    measured = percentiles(pool, [neuron[:3] for neuron in top])
    assert measured.n_rows == 698
    for share, (layer, neuron, value, _) in zip(measured.shares, top, strict=True):
        ordered = sorted(x[:, layer, neuron].tolist())
        expected = (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 / 698
        assert share == pytest.approx(expected)
    extremes = percentiles(pool, [(0, 0, -1e9), (0, 0, 1e9)])
    assert extremes.shares.tolist() == [0, 1]


def test_a_sample_of_the_pool_is_spread_over_it(pool: ActivationStore) -> None:
    value = float(np.median(neuron_column(pool, "mean", 2, [4])[pool.selectable]))
    measured = percentiles(pool, [(2, 4, value)], at_most=512)
    assert measured.n_rows == 700 - 256 - 1  # the first chunk of 256 and the last of 188; LONG_ROW lies between
    assert measured.shares[0] == pytest.approx(0.5, abs=0.1)
    assert percentiles(pool, [(2, 4, value)], at_most=10).n_rows == 255


def test_what_is_not_there_is_refused(pool: ActivationStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no layer 3; it has 0, 1, 2"):
        neuron_column(pool, "mean", 3, [0])
    for neuron in (-1, 32):
        with pytest.raises(StoreError, match=rf"has no neuron {neuron}; a layer has those from 0 to 31"):
            percentiles(pool, [(0, 1, 0.0), (1, neuron, 0.0)])
    with pytest.raises(StoreError, match="pool 'sum' is unknown"):
        neuron_column(pool, "sum", 0, [0])
    broken = capture(with_nan("~"), [{"instruction": "Q~", "output": "~"}], tmp_path / "s.zarr", template="plain")
    with pytest.raises(StoreError, match=r"no row of .* may be selected"):
        percentiles(broken, [(0, 0, 0.0)])
