"""What a store says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.store.layout import Status
from nait_widgets.store.parts import KINDS, read_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nait_widgets.store.store import ActivationStore


def facts(store: ActivationStore, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a store is and where it came from, JSON-able.

    Args:
        store: The store.
        attributes: Its own, as it keeps them.
    """
    layout, counts = store.layout, np.bincount(store.status, minlength=256)
    return {
        "path": str(store.path),
        "format_version": attributes["format_version"],
        "state": attributes["state"],
        "samples": len(store),
        "status": {code.label: int(counts[code]) for code in Status if counts[code]},
        "tokens": int(store.n_tokens.sum()),
        "site": layout.site,
        "layers": list(layout.layers),
        "neurons": layout.n_neurons,
        "pools": list(layout.pools),
        "scores_only": store.projections.names if store.scores_only else [],
        "dtype": layout.dtype,
        "extras": list(layout.extras),
        "float32_layers": {pool: list(layers) for pool, layers in store.wide_layers.items()},
        "text": layout.text,
        "saved": {kind: list(read_parts(store, kind)) for kind in KINDS},
        "bytes": store.files.n_bytes,
        "provenance": store.provenance,
    }
