"""What a capture is said to cost, held against captures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from conftest import Row, make_rows
from test_capture import overflowing
from test_cli import nait, refused
from tiny import tiny_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from nait_widgets import Plan, capture, plan
from nait_widgets.errors import ModelError, NaitError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.planning.flops import Flops
from nait_widgets.planning.gpus import GPUS, memory_needed
from nait_widgets.planning.trial import draw, sizes
from nait_widgets.store import POOLS, ActivationStore, Layout

OPTIONS: dict[str, Any] = {"template": "plain", "probe_seconds": 0.3}


def activations_on_disk(store: ActivationStore) -> int:
    folders = store.path.glob(f"{store.layout.site}_*")
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("c/**/*") if file.is_file())


@pytest.fixture(scope="module")
def planned(lm: CausalLM, pool_rows: list[Row]) -> Plan:
    """Of the capture that the fixture `pool` is."""
    return plan(lm, pool_rows, pools=POOLS, extras="all", block_rows=512, **OPTIONS)


def test_rows_tokens_and_bytes_are_those_of_the_capture(planned: Plan, pool: ActivationStore) -> None:
    assert planned.status == pool.info()["status"]
    assert planned.rows == len(pool)
    whole = int(pool.n_tokens[pool.selectable].sum())
    alone = int(pool.n_response_tokens[pool.selectable].sum()) + int(pool.selectable.sum())  # each with its BOS
    assert planned.tokens == whole + alone
    assert planned.tokens <= planned.padded_tokens < 1.4 * planned.tokens
    assert planned.activation_bytes == activations_on_disk(pool)
    assert planned.store_bytes == pytest.approx(pool.info()["bytes"], rel=0.1)
    text = sum(file.stat().st_size for file in (pool.path / "text").rglob("c/**/*") if file.is_file())
    assert planned.text_bytes == pytest.approx(text, rel=0.2)


def test_batches_of_single_samples_have_no_padding(lm: CausalLM) -> None:
    told = plan(lm, make_rows(20), batch_tokens=1, text=False, **OPTIONS)
    assert told.padded_tokens == told.tokens
    assert told.text_bytes == 0


def test_layers_beyond_float16_are_counted(tmp_path: Path) -> None:
    lm, rows = overflowing("Z"), make_rows(90)
    for row in rows:
        row["output"] = "ZZZZ"
    options: dict[str, Any] = {"template": "plain", "block_rows": 64, "pools": ["mean", "last"]}
    store = capture(lm, rows, tmp_path / "s.zarr", **options)
    assert store.info()["float32_layers"]
    assert plan(lm, rows, probe_seconds=0.3, **options).activation_bytes == activations_on_disk(store)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "mixtral", "qwen2_moe"])
def test_flops_are_those_that_pytorch_counts(architecture: str) -> None:
    lm = tiny_model(architecture, attn_implementation="eager", experts_implementation="eager")
    flops = Flops.of(lm)
    ids = lm.ordinary_ids(120).repeat(3, 1)
    with FlopCounterMode(display=False) as counter:
        lm.last_hidden(ids)
    assert flops.forward(3, 120, 0) == pytest.approx(counter.get_total_flops(), rel=0.05)
    with FlopCounterMode(display=False) as counter:
        lm.head(torch.zeros(7, 32))
    assert flops.forward(0, 0, 7) == counter.get_total_flops()


def test_a_model_of_seven_billion_fits_24_gb() -> None:
    config = LlamaConfig(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, vocab_size=32_000)
    with torch.device("meta"):
        lm = CausalLM(LlamaForCausalLM(config), cast("Any", None), cast("Any", None))
    assert Flops.of(lm).parameters == 6_738_415_616 - 2 * 32_000 * 4096
    layout = Layout(1000, "resid_post", tuple(range(32)), 4096, ("mean",))
    needed = memory_needed(lm, layout, 2048)
    assert 2 * 6_738_415_616 < needed < 15e9
    assert needed < GPUS[0].memory == 24e9


def test_draws_estimate_a_sum_from_a_part() -> None:
    rng = np.random.default_rng(0)
    costs = np.sort(rng.lognormal(size=500))
    seconds = costs * np.linspace(1, 2, 500) ** 2 + 0.1  # the rate differs with length, and each batch has its price
    size = sizes(costs.tolist())
    draws = draw(size)
    for n in (16, 64, 256):
        estimate = np.mean((seconds / size)[draws[:n]]) * size.sum()
        assert estimate == pytest.approx(seconds.sum(), rel=0.1)
    assert set(draw(sizes([1.0, 2.0]))) == {0, 1}


def test_times_add_up(planned: Plan) -> None:
    parts = planned.times.starting, planned.times.rendering, planned.times.model, planned.times.writing
    assert min(*parts, planned.times.finishing) > 0
    assert planned.seconds == sum(parts) + planned.times.finishing
    beside = replace(planned.times, beside=True)
    assert beside.total == parts[0] + max(parts[1:]) + planned.times.finishing
    assert planned.tried >= 1
    assert planned.seconds < 600


def test_gpus_with_a_higher_peak_take_no_longer(planned: Plan) -> None:
    assert [gpu.name for gpu in planned.gpus] == [gpu.name for gpu in GPUS]
    assert all(gpu.fits for gpu in planned.gpus)
    by_peak = sorted(zip(GPUS, planned.gpus, strict=True), key=lambda pair: pair[0].peak)
    seconds = [cost.seconds for _, cost in by_peak]
    assert seconds == sorted(seconds, reverse=True)


def test_one_batch_is_run_however_little_time_there_is(lm: CausalLM, tmp_path: Path) -> None:
    told = plan(lm, make_rows(60), tmp_path / "s.zarr", template="plain", probe_seconds=1e-6)
    assert told.tried == 1
    assert told.times.model > 0
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_told_as_a_capture_is_refused(lm: CausalLM, small_disk: Path) -> None:
    rows = make_rows(700)
    told = plan(lm, rows, small_disk / "s.zarr", pools=POOLS, **OPTIONS)
    with pytest.raises(StoreError) as refusal:
        capture(lm, rows, small_disk / "s.zarr", pools=POOLS, template="plain")
    assert told.shortage == str(refusal.value)
    assert told.shortage in str(told)
    assert told.free_bytes <= 1 << 20


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"probe_seconds": 0}, NaitError, "above 0"),
        ({"pools": ["max"]}, StoreError, "pool 'max' is unknown"),
        ({"max_length": 2}, ModelError, r"no row of list can run \(9 too_long\)"),
    ],
)
def test_what_can_not_be_planned_is_refused(
    lm: CausalLM, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plan(lm, make_rows(9), **OPTIONS | options)


def test_the_command_line(tmp_path: Path) -> None:
    lm = tiny_model("llama")
    lm.model.save_pretrained(tmp_path / "model")
    lm.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in make_rows(30)))
    before = sorted(tmp_path.iterdir())
    command = ("plan", "model", "rows.jsonl", "--template", "plain", "--probe-seconds", 0.1)
    told = nait(*command, "--extras", "loss", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "model on rows.jsonl: 30 rows (30 ok)" in told.stdout
    assert "NVIDIA H200" in told.stdout
    facts = json.loads(nait(*command, "-o", "pool.zarr", "--json", cwd=tmp_path).stdout)
    assert facts["rows"] == 30
    part = nait(*command, "--rows", "10:25", "--json", cwd=tmp_path)
    assert json.loads(part.stdout)["tokens"] < facts["tokens"]
    assert json.loads(part.stdout)["rows"] == 15
    assert facts["store_bytes"] == sum(facts[f"{kind}_bytes"] for kind in ("activation", "column", "text"))
    assert facts["seconds"] == pytest.approx(sum(s for part, s in facts["times"].items() if part != "beside"))
    refused(nait("plan", "model", "rows.jsonl", "-o", "none/pool.zarr", cwd=tmp_path), "no folder")
    assert sorted(tmp_path.iterdir()) == before
