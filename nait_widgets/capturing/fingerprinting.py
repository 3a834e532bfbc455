"""The basis of the fingerprints that are kept beside scores: fitted to some rows before the others run."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.capturing.batches import Span, render
from nait_widgets.errors import StoreError
from nait_widgets.fingerprints import COMPONENTS, Basis, fingerprint, some
from nait_widgets.methods import space
from nait_widgets.methods.direction import Trait
from nait_widgets.store import ActivationStore, open_store

if TYPE_CHECKING:
    import os

    from nait_widgets.capturing.preparing import Prepared, Settings
    from nait_widgets.capturing.window import WindowRunner
    from nait_widgets.records import Record, Records
    from nait_widgets.store import Layout
    from nait_widgets.store.remote import Url

    Wanted = bool | ActivationStore | str | os.PathLike[str] | Url

_LEAST, _SHARE = 512, 1 / 8  # of the rows that are sampled, since they run twice


class Lent(NamedTuple):
    """The basis of another store's fingerprint.

    Attributes:
        store: The store.
        basis: In one stage.
    """

    store: ActivationStore
    basis: Basis

    def require_fitting(self, layout: Layout, provenance: dict[str, Any]) -> None:
        """Raise unless it is of what is captured.

        Raises:
            StoreError: It is of another model, site, template or other layers.
        """
        theirs, ours = self.store.layout, layout
        there, here = (
            {**space(about["model"], about["template"], of.site), "layers": Trait(str(of.layers), str(of.layers))}
            for about, of in ((self.store.provenance, theirs), (provenance, ours))
        )
        for kind in here:
            if there[kind].identity != here[kind].identity:
                raise StoreError(
                    f"the fingerprint of {self.store.path} is of other {kind} than this capture ({there[kind].label}, "
                    f"here {here[kind].label}); leave `fingerprint` out, or name a store of the same"
                )

    def require_kept(self, store: ActivationStore) -> None:
        """Raise unless a store that is gone on with was begun with it.

        Raises:
            StoreError: It was begun with another.
        """
        if fingerprint(store, store.layout.pools[0]).digest != self.basis.digest:
            raise StoreError(
                f"{store.path} was begun with a fingerprint of another basis than that of {self.store.path}; leave "
                "`fingerprint` out, or replace the store with `overwrite=True` (`--overwrite`)"
            )


def lent(wanted: Wanted, settings: Settings) -> Lent | None:
    """The basis that a capture is to take from another store; None where it is to fit its own, or keep none.

    Raises:
        StoreError: There is no such store, or it has no fingerprint of the first pool; or activations are kept.
    """
    if isinstance(wanted, bool):
        return None
    if not settings.scores_for:
        raise StoreError(
            "a fingerprint's basis is lent to a capture of scores alone (`scores_only`); of activations, "
            "`make_fingerprint()` makes one afterwards"
        )
    store = wanted if isinstance(wanted, ActivationStore) else open_store(wanted)
    return Lent(store, fingerprint(store, settings.pools[0]).basis.at_once)


def settled(settings: Settings, wanted: Wanted, lender: Lent | None) -> Settings:
    """The settings with the fingerprint that is wanted, which stores of scores alone keep."""
    if not settings.scores_for or not wanted:
        return settings
    return replace(settings, components=COMPONENTS[-1] if lender is None else lender.basis.components[-1])


def sample_size(n_rows: int, layout: Layout) -> int:
    """How many of so many rows a basis is fitted to."""
    return len(some(np.arange(n_rows), layout, max(_LEAST, int(n_rows * _SHARE))))


def sampled(records: Records, layout: Layout) -> list[Record]:
    """Evenly spaced rows, to which a basis is fitted."""
    rows = some(np.arange(len(records)), layout, max(_LEAST, int(len(records) * _SHARE))).tolist()
    wanted = set(rows)
    return [record for record in islice(records, rows[-1] + 1) if record.row in wanted]


def fit_basis(prepared: Prepared, records: list[Record]) -> Basis:
    """The principal components of some rows' activations, which are run for it."""
    window = render(Span(range(0), 0, records), prepared.renderer)
    values = prepared.runner.activations(window.rendered)
    if not len(values):  # then nothing will be selected either
        values = np.zeros((1, *values.shape[1:]), np.float32)
    return Basis.fit(values, (prepared.layout.components,))


def adopt_basis(runner: WindowRunner, store: ActivationStore) -> None:
    """Have a runner make fingerprints as a store keeps them, if it does."""
    if not store.layout.components:
        runner.basis = None
        return
    kept = fingerprint(store, store.layout.pools[0])
    if runner.basis is None or runner.basis.digest != kept.digest:
        runner.basis = kept.basis
