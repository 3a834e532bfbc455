"""Model + rows -> what capturing them will cost, without capturing them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nait_widgets.capturing.fingerprinting import lent, sample_size, settled
from nait_widgets.capturing.local import deterministic_kernels
from nait_widgets.capturing.preparing import Settings, prepare
from nait_widgets.capturing.target import require_room
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.models import load_model
from nait_widgets.paths import require_place
from nait_widgets.planning.costs import GpuCost, Plan, Times
from nait_widgets.planning.flops import Flops
from nait_widgets.planning.footprint import activation_bytes, statistics_bytes, weigh
from nait_widgets.planning.gpus import GPUS, SHARE, memory_needed
from nait_widgets.planning.survey import survey
from nait_widgets.planning.trial import trial
from nait_widgets.records import read_records
from nait_widgets.store.places import is_url

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.capturing.fingerprinting import Wanted
    from nait_widgets.methods import Direction
    from nait_widgets.models import CausalLM
    from nait_widgets.store import Layout
    from nait_widgets.store.layout import Dtype


def plan(
    model: str | os.PathLike[str] | PreTrainedModel | CausalLM,
    data: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    rows: slice | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    site: str | None = None,
    pools: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    template: str | None = None,
    max_length: int | None = None,
    batch_tokens: int | None = None,
    deterministic: bool = False,
    extras: str | Iterable[str] = (),
    text: bool = True,
    dtype: str = "auto",
    device: str | None = None,
    attention: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    store_dtype: Dtype = "float16",
    block_rows: int | None = None,
    scores_only: Direction | Sequence[Direction] = (),
    fingerprint: Wanted = True,
    probe_seconds: float = 10,
) -> Plan:
    """Tell what `capture` with the same arguments will cost.

    Every row is read and rendered, so tokens, FLOPs and the bytes of activations are exact. Time is that of some of
    the batches themselves, run here, and of writing what they gave; so are the bytes of text and small columns. On
    other GPUs the model's time is its FLOPs by a share of the GPU's peak (`gpu_share`); what a small model takes
    there, whose kernels are too short to fill one, is told too short.

    Args:
        model: As in `capture`, and so all that isn't told otherwise.
        data: The rows.
        path: The store to be written; None to ask of the folder at hand. Nothing is left there.
        rows: Of the data, such as `slice(0, 20480)`; None for all.
        tokenizer: For a loaded model.
        site: Which tensor of a layer a neuron is; None for the directions', else `resid_post`.
        pools: How tokens are pooled; None for `mean` and `response_mean`.
        layers: Decoder layers; None for all.
        template: `chat`, `alpaca` or `plain`.
        max_length: Tokens at which a sample is cut.
        batch_tokens: Tokens a batch, padding included.
        deterministic: PyTorch's deterministic kernels.
        extras: What is kept besides.
        text: Whether prompts, responses and the source's rows are kept.
        dtype: Of the model.
        device: The machine's own that is measured; None for the best there is.
        attention: transformers' attention implementation.
        revision: Of a hub id.
        trust_remote_code: Whether a model may run code of its own.
        store_dtype: `float16` or `float32`.
        block_rows: Samples a shard; None for 1,024.
        scores_only: Directions of a store without activations.
        fingerprint: Whether that keeps fingerprints, or whose basis they have.
        probe_seconds: How long batches are run. At least one row is, however long it takes.

    Raises:
        NaitError: As `capture` raises them, but a disk that is too small is told (`Plan.shortage`), and no row can
            run.
    """
    if not probe_seconds > 0:
        raise NaitError(f"probe_seconds is {probe_seconds}, but must be above 0")
    if is_url(path):
        raise NaitError(f"{path} is a URL, which has no disk to be asked for room: plan without it (leave -o out)")
    target = Path.cwd() / "plan.zarr" if path is None else Path(path)
    require_place(target)
    settings = Settings.asked(
        site=site,
        pools=pools,
        layers=layers,
        template=template,
        max_length=max_length,
        batch_tokens=batch_tokens,
        deterministic=deterministic,
        extras=extras,
        text=text,
        store_dtype=store_dtype,
        block_rows=block_rows,
        scores_only=scores_only,
    )
    lender = lent(fingerprint, settings)
    settings = settled(settings, fingerprint, lender)
    begun = perf_counter()
    records = read_records(data)
    if rows is not None:
        records = records.part(rows)
    inspection = records.check()
    lm = load_model(
        model,
        tokenizer=tokenizer,
        dtype=dtype,
        device=device,
        attention=attention,
        revision=revision,
        trust_remote_code=trust_remote_code,
    )
    prepared = prepare(lm, settings, inspection.rows)
    starting = perf_counter() - begun

    layout = prepared.layout
    shortage = _shortage(target, layout)
    found = survey(records, prepared)
    flops = Flops.of(lm)
    total_flops = sum(map(flops.of_batch, found.batches))
    with deterministic_kernels(deterministic):
        tried = trial(records, prepared, found.batches, flops, probe_seconds)
        weighed = weigh(prepared, tried, None if path is None or shortage else target.parent)
    twice = sample_size(inspection.rows, layout) / inspection.rows if layout.components and lender is None else 0.0
    times = Times(
        starting=starting,
        rendering=found.seconds,
        model=tried.seconds * (1 + twice),
        writing=weighed.writing * inspection.rows,
        finishing=weighed.finishing + weighed.scanning * inspection.rows,
        beside=lm.device.type != "cpu",
    )
    needed = memory_needed(lm, layout, found.longest)
    return Plan(
        model=lm.identity.name,
        source=Path(records.source).name,
        status=found.status,
        tokens=sum(batch.tokens for batch in found.batches),
        padded_tokens=sum(len(batch.rows) * batch.width for batch in found.batches),
        parameters=flops.parameters,
        flops=total_flops,
        activation_bytes=activation_bytes(layout, weighed.wide_layers),
        column_bytes=round(weighed.column_bytes * inspection.rows) + weighed.fixed_bytes + statistics_bytes(layout),
        text_bytes=round(weighed.text_bytes * found.text),
        folder=str(target.parent),
        free_bytes=shutil.disk_usage(target.parent).free,
        shortage=shortage,
        device=str(lm.device),
        tried=tried.batches,
        times=times,
        gpu_memory=needed,
        gpu_share=SHARE,
        gpus=tuple(
            GpuCost(
                gpu.name,
                gpu.memory,
                needed <= gpu.memory,
                replace(times, model=total_flops / (SHARE * gpu.peak), beside=True).total,
            )
            for gpu in GPUS
        ),
    )


def _shortage(path: Path, layout: Layout) -> str | None:
    """What a capture into a new store there is refused with, if it is."""
    try:
        require_room(path, layout)
    except StoreError as error:
        return str(error)
    return None
