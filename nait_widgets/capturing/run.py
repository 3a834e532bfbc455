"""Model + records -> activation store: the run, from its checks to its end."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.capturing.fingerprinting import lent, sampled, settled
from nait_widgets.capturing.local import Local
from nait_widgets.capturing.loop import Engine, run
from nait_widgets.capturing.preparing import Settings, prepare
from nait_widgets.capturing.target import open_writer, require_free
from nait_widgets.errors import ModelError
from nait_widgets.methods import Direction
from nait_widgets.models import load_model
from nait_widgets.records import read_records
from nait_widgets.store import ActivationStore, open_store
from nait_widgets.store.places import located
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from distributed import Client
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.capturing.fingerprinting import Wanted
    from nait_widgets.fingerprints import Basis
    from nait_widgets.models import CausalLM
    from nait_widgets.store.layout import Dtype


def capture(
    model: str | os.PathLike[str] | PreTrainedModel | CausalLM,
    data: Any,
    path: str | os.PathLike[str] | Url,
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
    overwrite: bool = False,
    monitor: bool = True,
    client: Client | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> ActivationStore:
    """Capture the pooled activations of every sample into a store.

    A capture that was interrupted goes on where it stopped when it is called again with the same arguments.

    Args:
        model: A hub id, a folder, or a loaded model (then with its tokenizer).
        data: Anything `read_records` reads.
        path: The store to write, `NAME.zarr`, or its URL, such as `s3://bucket/NAME.zarr`.
        rows: Of the data, such as `slice(0, 20480)`; None for all. So several places can each capture a part, and
            `join` makes one store of these without writing anything anew where all but the last fill their blocks;
            where they also fill windows of 4 blocks, it is the store that one place would have captured.
        tokenizer: For a loaded model.
        site: Which tensor of a layer a neuron is: `resid_post`, `mlp_act`, `mlp_out` or `up_proj_abs`. None for that of
            the directions that scores are kept for, else `resid_post`.
        pools: How tokens are pooled, of `nait_widgets.store.POOLS`; None for `mean` and `response_mean`. The first one
            gives the top neurons and sketch.
        layers: Decoder layers; None for all. Negative ones count from the last.
        template: `chat`, `alpaca` or `plain`; None for the tokenizer's chat template where it has one.
        max_length: Tokens at which a sample is cut; None for the tokenizer's limit (2,048 where it names none) or the
            model's context, whichever is shorter.
        batch_tokens: Tokens a batch, padding included; None for 4,096 on a CPU and 16,384 on a GPU. On a GPU that
            runs out of memory, batches are halved.
        deterministic: Same bits whenever run on the same machine: PyTorch's deterministic kernels and fixed batches.
            Otherwise a resumed store may differ from an uninterrupted one by the tolerance of `models.probe`
            if `batch_tokens` changed in between.
        extras: What the same capture keeps besides, for other scorers: of `nait_widgets.store.EXTRAS`, or `all`.
            `loss`: each response's mean loss; `ifd`: also that without its prompt, which runs the responses a second
            time; `embedding`: the last hidden state, pooled; `nag`: the strongest neurons of the up projections.
        text: Also keep prompts, responses and the source's rows; without them, an export is a list of ids, and filters
            by text and by the source's labels can't be had.
        dtype: Of the model: `auto`, `float32`, `bfloat16` or `float16`.
        device: `cpu`, `cuda`, `cuda:1`…; None for the best there is.
        attention: transformers' attention implementation; None for its default.
        revision: Of a hub id.
        trust_remote_code: Whether a model may run code of its own.
        store_dtype: `float16`, with float32 for the layers that it can't hold, or `float32` throughout.
        block_rows: Samples a shard; None for 1,024, or 16,384 of a store of scores.
        scores_only: Directions of this model, site and template that are known beforehand. The store then keeps each
            sample's projections on them, layer by layer, and the neurons' means and spreads over the pool, in the place
            of activations: a few hundred bytes a row. It is scored by these directions alone, under any options but a
            centred cosine (a cosine only if one of them asks for it); whatever else takes activations is refused.
        fingerprint: Of a store of scores, whether it also keeps each sample's fingerprint over the first pool, some 400
            bytes a row, by which other directions can be scored later (`score(..., approximate=True)`). Its basis is
            fitted to some rows, evenly spaced over all of `data`, that are run for it beforehand. Or a store, or its
            path, whose fingerprint lends its basis: stores that are captured apart have comparable fingerprints so.
            A store of activations makes its fingerprint afterwards (`make_fingerprint`).
        overwrite: Replace a store that is there, whatever it holds.
        monitor: Whether a notebook shows the capture monitor, with its Stop button, or a plain progress bar.
        client: Of a Dask cluster (`distributed.Client`), whose workers then run the model: each loads it once, and all
            must be able to read it and to write at `path`. The store is the same as that of one process.
        storage_options: Of a URL's fsspec driver; they go to the workers too, but not into the store.

    Returns:
        The complete store; its rows are the source's, in the source's order.

    Raises:
        RecordError: The data can't be read.
        ModelError: The model can't be loaded, or lacks the site or what an extra needs.
        StoreError: A pool or extra is unknown, the path holds another capture, or the disk is too small.
        DirectionError: A direction that scores are to be kept for isn't of this model, site and template.
        RemoteError: A URL can't be written, or nothing has answered there for a minute; what was written is kept.
        Interrupted: Ctrl-C; what was written is kept.
    """
    path = located(path, storage_options)
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
    every = records = read_records(data)
    if rows is not None:
        records = records.part(rows)
    inspection = records.check()
    require_free(path, overwrite=overwrite)
    loading: dict[str, Any] = {
        "dtype": dtype,
        "device": device,
        "attention": attention,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
    }
    engine: Engine
    if client is None:
        lm = load_model(model, tokenizer=tokenizer, **loading)
        engine = Local(prepare(lm, settings, inspection.rows), deterministic)
    else:
        if tokenizer is not None:
            raise ModelError("a tokenizer is for a loaded model; a cluster's workers load the model's own")
        engine = _on_cluster(client, model, loading, settings, inspection.rows)
    provenance = {
        **engine.provenance,
        "source": {
            "name": Path(records.source).name,
            "format": records.format,
            "fields": dict(records.fields),
            "sha256": inspection.digest,
            "rows": inspection.rows,
            **({} if rows is None else {"rows_from": records.start}),
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if lender is not None:
        lender.require_fitting(engine.layout, provenance)

    def basis() -> Basis | None:
        if lender is not None:
            return lender.basis
        return engine.basis(sampled(every, engine.layout)) if engine.layout.components else None

    directions = [scores_only] if isinstance(scores_only, Direction) else scores_only
    writer = open_writer(path, engine.layout, provenance, directions, basis, overwrite=overwrite)
    if lender is not None:
        lender.require_kept(writer.store)
    return open_store(path) if writer.sound(engine.mapper) else run(engine, writer, records, monitor=monitor)


def _on_cluster(client: Client, model: Any, loading: dict[str, Any], settings: Settings, n_samples: int) -> Engine:
    from nait_widgets.cluster.capturing import Job, OnCluster

    if not isinstance(model, (str, os.PathLike)):
        raise ModelError("a loaded model can't be sent to a cluster's workers; name its folder or hub id instead")
    name = os.fspath(model)
    folder = Path(name).expanduser()
    return OnCluster(
        client, Job(str(folder.resolve()) if folder.is_dir() else name, tuple(loading.items()), settings, n_samples)
    )
