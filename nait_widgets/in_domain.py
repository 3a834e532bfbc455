"""The in-domain samples behind a direction: what a fit notes of them, since they are gone once it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.methods.resampling import looked_at, two_groups
from nait_widgets.store import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.methods.resampling import Resample
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.scan import PoolReader

    Rows = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]


def layer_of(reader: PoolReader, layer: int, rows: Rows) -> Floats:
    """One layer of some samples, in ascending order: (len(rows), neuron)."""
    parts = [values[rows[(rows >= r.start) & (rows < r.stop)] - r.start] for r, values in reader.chunks(layer)]
    return np.concatenate(parts)


def about(store: ActivationStore, rows: Rows) -> dict[str, Any]:
    """Counts, lengths and last tokens of the samples that a direction is fitted to, JSON-able."""
    tokens = store.n_tokens[rows]
    content = store.column("content_token_id")[rows] if store.layout.content_token else None
    return {
        "used": len(rows),
        "truncated": int(np.count_nonzero(store.status == Status.TRUNCATED)),
        "quarantined": int(np.count_nonzero(~store.selectable)),
        "tokens": {"min": int(tokens.min()), "median": float(np.median(tokens)), "max": int(tokens.max())},
        "same_last_token": _same(store.column("last_token_id")[rows]),
        "same_content_token": None if content is None else _same(content),
        "source": store.provenance["source"],
    }


def groups(reader: PoolReader, rows: Rows) -> tuple[list[int], Floats]:
    """The two groups that samples fall into where they differ most.

    Args:
        reader: Of the pool that candidates are scored by.
        rows: The samples.

    Returns:
        The groups' sizes, the larger first; and their mean activations (group, layer, neuron), none where no sample
        differs.
    """
    seen, layers = rows[looked_at(len(rows))], range(len(reader.layout.layers))
    first = two_groups(layer_of(reader, layer, seen) for layer in layers)
    members = [seen[first], seen[~first]]
    if first.all():
        return [len(seen), 0], np.empty((0, 0, 0), np.float32)
    means = [[layer_of(reader, layer, own).mean(axis=0, dtype=np.float64) for layer in layers] for own in members]
    return [len(own) for own in members], np.array(means, np.float32)


def held_out(
    reader: PoolReader,
    rows: Rows,
    resamples: Sequence[Resample],
    drawn: npt.NDArray[np.float64],
    resampled: npt.NDArray[np.float16],
) -> Floats:
    """Projections of samples on the vectors fitted to halves without them, mean over these halves: (sample, layer).

    A sample's projection on a vector that it took part in is too high by its own part. Empty for too few samples.

    Args:
        reader: Of the pool that candidates are scored by.
        rows: The samples.
        resamples: How they were drawn again.
        drawn: What share each sample had: (resample, sample).
        resampled: What was fitted: (resample, layer, neuron).
    """
    halves = [i for i, which in enumerate(resamples) if which.kind == "half"]
    if not halves:
        return np.empty((0, 0), np.float32)
    seen = looked_at(len(rows))
    without = drawn[halves][:, seen].T == 0
    out = np.empty((len(seen), len(reader.layout.layers)), np.float32)
    for layer in range(out.shape[1]):
        projected = layer_of(reader, layer, rows[seen]) @ resampled[halves, layer].astype(np.float32).T
        out[:, layer] = (projected * without).sum(axis=1) / without.sum(axis=1)
    return out


def _same(values: npt.NDArray[np.int32]) -> bool:
    return bool((values == values[0]).all())
