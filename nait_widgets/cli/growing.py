"""The commands that make stores of stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.cli.common import opened, tell
from nait_widgets.errors import NaitError
from nait_widgets.store.parts import read_parts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path


def join(options: argparse.Namespace) -> int:
    """Stores -> one store of all their rows."""
    counts = _Counts()
    store = nait.join(options.stores, options.output, overwrite=options.overwrite, report=counts)
    return _tell(options, store, counts)


def append(options: argparse.Namespace) -> int:
    """Store + more rows of its kind -> the same store, longer."""
    counts, store = _Counts(), nait.open_store(options.store)
    lost = read_parts(store, "fingerprints")
    longer = nait.append(store, options.more, report=counts)
    left = [f"  its fingerprint was of the rows before: make it anew with `nait fingerprint {options.store}`"]
    return _tell(options, longer, counts, left if lost else [])


def subset(options: argparse.Namespace) -> int:
    """Store + a selection, a recipe or ids -> a store of these rows."""
    from nait_widgets.selection import Recipe

    source, counts = opened(options), _Counts()
    if options.recipe:
        rows: Any = Recipe.load(options.recipe).repeat(source)
    else:
        rows = options.selection if options.selection else _ids(options.ids)
    store = nait.subset(source, rows, options.output, overwrite=options.overwrite, report=counts)
    return _tell(options, store, counts)


class _Counts:
    """The blocks of a new store, and those of them that are links."""

    linked, blocks = 0, 0

    def __call__(self, linked: int, blocks: int) -> None:
        self.linked, self.blocks = linked, blocks


def _tell(options: argparse.Namespace, store: nait.ActivationStore, counts: _Counts, more: Sequence[str] = ()) -> int:
    new = counts.blocks - counts.linked
    how = f"{counts.linked:,} of {counts.blocks:,} blocks as they were, {new:,} written anew"
    facts = {"output": str(store.path), "rows": len(store), "blocks": counts.blocks, "blocks_written": new}
    tell(options, facts, [f"{store.path}: {len(store):,} rows ({how})", *more])
    return 0


def _ids(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NaitError(f"{path} can't be read as a list of ids: {error}") from error
