"""Reads a column of a store block by block, so that no scorer holds all of a wide one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore


def blocks(store: ActivationStore, name: str) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """Every block of an array with a row a sample: (rows, values).

    Raises:
        StoreError: It is damaged.
    """
    array = store.array(name)
    for block in range(store.layout.n_blocks):
        rows = store.layout.rows(block)
        try:
            yield rows, np.asarray(array[rows])
        except ValueError as error:
            raise StoreError(
                f"array {name!r} of {store.path} can't be decoded ({error}); run `nait verify` to see which rows"
            ) from error
