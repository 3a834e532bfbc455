"""The command that makes a fingerprint, and what is told of a selection from one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.cli.common import tell
from nait_widgets.errors import SelectionError
from nait_widgets.methods import Direction

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nait_widgets.scored import Scored


def fingerprint(options: argparse.Namespace) -> int:
    """Store -> the same store with a fingerprint, by which it is scored without its activations."""
    store = nait.open_store(options.store)
    begun = time.perf_counter()
    made = store.make_fingerprint(options.pool)
    seconds = time.perf_counter() - begun
    row_bytes = sum(made.basis.n_bytes)
    share = row_bytes / made.activation_bytes
    facts = {"store": str(store.path), "pool": made.pool, "serves": made.pools, "rows": len(store), "seconds": seconds}
    facts |= {"components": list(made.basis.components), "bytes_per_row": row_bytes, "share_of_activations": share}
    lines = [
        f"{options.store}: fingerprint of {made.pool}, {len(store):,} rows in {seconds:,.1f} s",
        f"  {row_bytes:,} bytes a row, {share:.1%} of its activations; serves {', '.join(made.pools)}",
    ]
    tell(options, facts, lines)
    return 0


def selected(
    store: nait.ActivationStore, scored: Sequence[Scored], options: dict[str, Any], wish: dict[str, Any]
) -> nait.Selection:
    """The rows of a wish, by a fingerprint.

    Raises:
        SelectionError: It is by more than one direction, or asks for what takes every row's exact score.
    """
    if len(scored) != 1 or not isinstance(scored[0], Direction):
        raise SelectionError("--from-fingerprint selects by one direction: name its file, and no other scorer")
    taken = {"fraction", "k", "end", "filters", "pinned", "excluded", "note"}
    if other := sorted(name for name, value in wish.items() if name not in taken and value):
        raise SelectionError(f"--from-fingerprint can't be given --{other[0]}, which takes every row's exact score")
    given = {name: value for name, value in wish.items() if name in taken}
    return nait.select_from_fingerprint(store, scored[0].scored_by(**options), **given)


def read_for(selection: nait.Selection) -> tuple[dict[str, Any], list[str]]:
    """What a selection has read, for scripts and for people."""
    if selection.read is None:
        return {}, []
    read = selection.read
    went_over = ": that saved too little, so all were read" if read.scanned else ""
    line = f"  {read.n_bytes / 1e6:,.1f} MB read, {read.share:.1%} of the activations{went_over}"
    return {"read": read._asdict()}, [line]
