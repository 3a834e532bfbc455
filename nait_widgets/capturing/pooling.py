"""Token weights: every pool is a weighted sum over a sample's tokens, so one product pools them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store import POOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.records import Rendered


def check_pools(pools: Sequence[str]) -> tuple[str, ...]:
    """The pools as asked for, each known and named once.

    Raises:
        StoreError: A name is unknown, or none is given.
    """
    unknown = [f"pool {pool!r} is unknown" for pool in pools if pool not in POOLS]
    if unknown or not pools:
        raise StoreError(f"{unknown[0] if unknown else 'no pool is given'}; choose among {', '.join(POOLS)}")
    return tuple(dict.fromkeys(pools))


def token_weights(
    batch: Sequence[Rendered], pools: Sequence[str], special_ids: npt.NDArray[np.int32], width: int
) -> npt.NDArray[np.float32]:
    """The weight of every token in every pool: (sample, pool, token) float32.

    A pool that leaves out every token of a sample (the content of a sample made of special tokens, say) falls back
    to all of them, so that no row is lost to a detail of its template.

    Args:
        batch: Samples with at least one token and a response that is not empty.
        pools: Of `POOLS`.
        special_ids: Token ids that are no content.
        width: Tokens of the longest sample, to which the others are padded.
    """
    weights = np.zeros((len(batch), len(pools), width), np.float32)
    for row, sample in zip(weights, batch, strict=True):
        n, (start, stop) = len(sample.input_ids), sample.response
        for of_pool, pool in zip(row, pools, strict=True):
            match pool:
                case "mean":
                    of_pool[:n] = 1 / n
                case "response_mean":
                    of_pool[start:stop] = 1 / (stop - start)
                case "content_mean":
                    content = ~np.isin(sample.input_ids, special_ids)
                    content |= not content.any()
                    of_pool[:n] = content / content.sum()
                case "tail_mean":
                    of_pool[min(1, n - 1) : n] = 1 / max(1, n - 1)
                case "weighted":
                    position = np.arange(1, n + 1)
                    of_pool[:n] = position / position.sum()
                case "first":
                    of_pool[0] = 1
                case "last":
                    of_pool[n - 1] = 1
                case "content_last":
                    of_pool[stop - 1] = 1
                case "delta":
                    of_pool[n - 1] += 1
                    of_pool[0] -= 1
                case "content_delta":
                    of_pool[stop - 1] += 1
                    of_pool[0] -= 1
    return weights
