"""Scores in a store: with the directions and scorers that they go by, label columns, and a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.explaining.projection import project
from nait_widgets.fingerprints import ERROR
from nait_widgets.methods import Direction
from nait_widgets.saving import scored as kept_scored
from nait_widgets.saving.kept import FORMATS, goes_by, now, part, parts, require_own, selections_of
from nait_widgets.scored import columns as scored_columns
from nait_widgets.scored import entry
from nait_widgets.scoring import as_dataset
from nait_widgets.selection.labels import STATUS, Labels, label_columns
from nait_widgets.selection.selection import scored_values
from nait_widgets.store.parts import Column, write_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Part

BY_SAMPLE = ("sample_id", "status", "n_tokens", "n_response_tokens")  # copied, so that a viewer reads few files
CHUNK_ROWS = 131_072  # a column of 52,002 rows is one read for a browser, and one of a million eight


def save_scores(store: ActivationStore, scores: xr.Dataset, name: str) -> None:
    """Save scores; see `ActivationStore.save_scores`."""
    own, values, names = scored_values(scores)
    require_own(store, own, "these scores are")
    scored = scored_columns(scores)
    _require_free(store, scored, name)
    labels, laid_out = label_columns(scores), project(store)
    located = bool(np.isfinite(laid_out.xy).any())
    attributes = {
        "format": FORMATS["scores"][0],
        "name": name,
        "directions": [{**entry(each), "key": kept_scored.key(store, each)} for each in scored],
        "labels": [_described(scores, column, found) for column, found in labels.items()],
        "map": laid_out.axes if located else None,
        "created": now(),
    }
    rows = min(CHUNK_ROWS, len(store))
    columns = {
        "score": Column(values.astype(np.float64, copy=False), ("sample", "direction"), (rows, 1)),
        "direction": Column(np.array(names, object), ("direction",)),
        "layer": Column(np.array(store.layout.layers, np.int32), ("layer",)),
    }
    for column in ("layer_mean", "layer_scale"):
        columns[column] = Column(scores[column].to_numpy().reshape(len(names), -1), ("direction", "layer"))
    if ERROR in scores:
        errors = scores[ERROR].to_numpy().reshape(values.shape)
        columns[ERROR] = Column(errors, ("sample", "direction"), (rows, 1))
    for column in BY_SAMPLE:
        columns[column] = Column(getattr(store, column), ("sample",), (rows,))
    if labels:
        codes = np.stack([found.codes for found in labels.values()], axis=1)
        columns["label_code"] = Column(codes, ("sample", "label"), (rows, 1))
    if (means := _derived_means(store, scored)) is not None:
        columns["neuron_mean"] = Column(means, ("direction", "layer", "neuron"))
    if located:
        columns["map"] = Column(laid_out.xy, ("sample", "axis"), (rows, 2))
    write_part(store, "scores", attributes, columns)


def scores(store: ActivationStore, name: str) -> xr.Dataset:
    """Saved scores; see `ActivationStore.scores`."""
    return read(store, part(store, "scores", name))


def scores_by(store: ActivationStore, scored: Sequence[Scored], *, approximate: bool = False) -> xr.Dataset | None:
    """Saved scores by some directions and scorers, in their order; None where none are saved.

    Args:
        store: The store.
        scored: By what.
        approximate: Whether those from a fingerprint are wanted; they are other scores.
    """
    wanted = {(each.name, each.digest) for each in scored}
    for saved in parts(store, "scores").values():
        if wanted <= goes_by(saved) and approximate == (ERROR in saved.names):
            return read(store, saved).sel(direction=[each.name for each in scored])
    return None


def read(store: ActivationStore, saved: Part) -> xr.Dataset:
    """The scores of a part, as `score` returned them."""
    scored = []
    for named in saved.attributes["directions"]:
        scored.append(kept_scored.named_by(store, named))
        if scored[-1].digest != named["digest"]:
            what = named.get("kind", "direction")
            raise StoreError(f"{saved.place} goes by another {what} {named['name']!r} than the one that is saved")
    arrays = ["score", "layer_mean", "layer_scale", *([ERROR] if ERROR in saved.names else [])]
    dataset = as_dataset(store, scored, *(saved.array(name) for name in arrays))
    for position, label in enumerate(saved.attributes["labels"]):
        if "dtype" in label:
            codes = saved.array("label_code")[:, position]
            dataset[label["name"]] = "sample", _decoded(label["values"], codes, np.dtype(label["dtype"]))
    return dataset


def _require_free(store: ActivationStore, scored: Sequence[Scored], name: str) -> None:
    """Raise where saving some scores would take others of their name, or a direction, away from what goes by them."""
    for each in scored:
        kept_scored.require_free(store, each, besides=name)
    replaced = parts(store, "scores").get(name)
    for user, selection in selections_of(store, replaced).items() if replaced else ():
        if not goes_by(selection) <= {(each.name, each.digest) for each in scored}:
            raise StoreError(
                f"selection {user!r} was made from scores {name!r} of {store.path}, which go by other directions: "
                "delete it first, or save these under another name"
            )


def _derived_means(store: ActivationStore, scored: Sequence[Scored]) -> npt.NDArray[np.float32] | None:
    """What explanations take off each neuron, (direction, layer, neuron), where the store holds no such means.

    A viewer without a kernel can't make a pass over the store for the means of a pool that is only derived.
    """
    pools = [_centred_pool(each) if isinstance(each, Direction) else None for each in scored]
    if not {pool for pool in pools if pool is not None} - set(store.layout.pools):
        return None
    nothing = np.zeros((len(store.layout.layers), store.layout.n_neurons), np.float32)
    return np.stack([nothing if pool is None else store.statistics(pool).mean for pool in pools])


def _centred_pool(direction: Direction) -> str | None:
    """The pool that a direction compares with; None where it compares with none."""
    compares = direction.score.similarity == "zscore" or direction.score.center == "pool"
    return direction.score.pool if compares else None


def _described(scores: xr.Dataset, name: str, labels: Labels) -> dict[str, Any]:
    """A label column as JSON; with the type of one that was added to the dataset, so that it can be again."""
    label = {"name": name, "values": list(labels.names), "of_source": labels.of_source}
    if labels.of_source or name == STATUS:
        return label
    dtype = scores[name].dtype
    return {**label, "dtype": dtype.str if dtype.kind in "biuU" else "|O"}


def _decoded(values: Sequence[str], codes: npt.NDArray[np.uint8], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A label column as it was in the dataset; rows without a value have None, or "" where all are text."""
    texts = np.array([*values, "" if dtype.kind == "U" else None], object)[codes]
    return texts == "True" if dtype.kind == "b" else texts.astype(dtype)
