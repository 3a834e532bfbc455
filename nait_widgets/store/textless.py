"""What is packed of a store whose text stays at home."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.arrays import constant
from nait_widgets.store.files import Made, Sources
from nait_widgets.store.parts import KINDS, quiet, read_parts

if TYPE_CHECKING:
    from nait_widgets.store.parts import Part
    from nait_widgets.store.store import ActivationStore


def without_text(store: ActivationStore, sources: Sources) -> Sources:
    """The files of a store without text, and without what was derived from it or may hold it; see `packing.pack`.

    The metadata, and the few arrays that change, are made anew in memory.

    Args:
        store: The store.
        sources: Its files.
    """
    import zarr
    from zarr.core.buffer import cpu
    from zarr.storage import MemoryStore

    before = {key: b"".join(source.pieces()) for key, source in sources.items() if f"/{key}".endswith("/zarr.json")}
    held: Any = {key: cpu.Buffer.from_bytes(document) for key, document in before.items()}
    memory = MemoryStore(held)
    with quiet():
        group: Any = zarr.open_group(memory, mode="r+", use_consolidated=False)
        _leave_out(store, group)
        for part in read_parts(store, "scores").values():
            _leave_out_labels(part, group)
        for part in read_parts(store, "selections").values():
            _name_samples(store, part, group)
        zarr.consolidate_metadata(memory, zarr_format=3)
    after = {key: Made(buffer.to_bytes()) for key, buffer in held.items()}
    same = {key for key, document in before.items() if key in after and after[key].data == document}
    # Of an array that was made anew, none of the old chunks.
    chunks = {key: source for key, source in sources.items() if key not in before}
    return {**{key: s for key, s in chunks.items() if f"{key.rpartition('/c/')[0]}/zarr.json" in same}, **after}


def _leave_out(store: ActivationStore, group: Any) -> None:
    """Leave only what this package has written: of what others added nobody knows what it tells."""
    own = {name for name in store.block_arrays if not name.startswith("text/")} | {*store.constant_arrays, *KINDS}
    for name in set(group.keys()) - own:
        del group[name]
    for kind in KINDS:
        if kind in group:
            for key in set(group[kind].keys()) - {part.key for part in read_parts(store, kind).values()}:
                del group[f"{kind}/{key}"]
    nait = group.attrs["nait"]
    group.attrs.put({"coordinates": "sample_id", "nait": {**nait, "layout": {**nait["layout"], "text": False}}})


def _leave_out_labels(part: Part, group: Any) -> None:
    """Leave out the label columns that came from the source's rows."""
    labels = part.attributes["labels"]
    kept = [position for position, label in enumerate(labels) if not label["of_source"]]
    if len(kept) == len(labels):
        return
    node = group[f"scores/{part.key}"]
    node.attrs["nait_scores"] = {**part.attributes, "labels": [labels[position] for position in kept]}
    codes = part.array("label_code")
    del node["label_code"]
    if kept:
        chunks = node["score"].chunks
        constant(node, "label_code", np.ascontiguousarray(codes[:, kept]), ("sample", "label"), chunks=chunks)


def _name_samples(store: ActivationStore, part: Part, group: Any) -> None:
    """Where a selection was filtered by text or by what came from it, name the samples that passed instead."""
    from nait_widgets.selection import Wish
    from nait_widgets.selection.filtering import RowFilter

    made_from = {scores.key: name for name, scores in read_parts(store, "scores").items()}
    wish = Wish.from_json(part.attributes["wish"])
    if not wish.filters.text and not wish.filters.labels:
        return
    if part.attributes["scores"] not in made_from:
        raise StoreError(f"the scores of {part.place} are missing; delete that selection, or save it again")
    row_filter = RowFilter(store.scores(made_from[part.attributes["scores"]]))
    named = replace(wish, filters=row_filter.as_ids(wish.filters))
    if named != wish:
        group[f"selections/{part.key}"].attrs["nait_selection"] = {**part.attributes, "wish": named.as_json()}
