"""The real sets as one model sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.evidence.data import candidates, spread
from benchmarks.evidence.study import Study
from nait_widgets.store import POOLS
from nait_widgets.store.mapping import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nait_widgets.store import ActivationStore


@dataclass(frozen=True)
class Captured:
    """The candidates and each capability's sets.

    Attributes:
        pool: Alpaca's rows, or some spread evenly over them.
        in_domain: What directions are fitted to, by set.
        held_out: What is evaluated on, by set.
    """

    pool: ActivationStore
    in_domain: dict[str, ActivationStore]
    held_out: dict[str, ActivationStore]


def captured(
    study: Study, model: Any, name: str, site: str, rows: int, pools: Iterable[str], extras: str | tuple[str, ...]
) -> Captured:
    """Capture what is not captured yet.

    Args:
        study: The run.
        model: As `nait.capture` takes it.
        name: Of the model, in the stores' names.
        site: Which tensor is kept.
        rows: Candidates.
        pools: Of the candidates; the sets have all.
        extras: Of all.
    """
    alpaca = spread(candidates(study.shared), rows)
    pool = study.capture(model, alpaca, f"{name}-{site}-alpaca-{rows}", site=site, pools=tuple(pools), extras=extras)
    in_domain, held_out = (sets(study, model, name, site, part, extras) for part in ("in_domain", "held_out"))
    return Captured(pool, in_domain, held_out)


def sets(
    study: Study, model: Any, name: str, site: str, part: str, extras: str | tuple[str, ...]
) -> dict[str, ActivationStore]:
    """One part of each set."""
    with one_thread_each():  # small captures
        return {
            target: study.capture(
                model,
                getattr(split, part),
                f"{name}-{site}-{target}-{part}",
                site=site,
                pools=POOLS,
                extras=extras,
                store_dtype="float32",
            )
            for target, split in study.splits.items()
        }
