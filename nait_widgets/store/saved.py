"""What an activation store keeps besides activations, as its users call it; `nait_widgets.saving` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from nait_widgets.fingerprints import Fingerprint
    from nait_widgets.methods import Direction
    from nait_widgets.scorers import Scorer
    from nait_widgets.selection import Selection
    from nait_widgets.store.parts import Kind
    from nait_widgets.store.store import ActivationStore


class Saved:
    """The part of `ActivationStore` that saves directions, scorers, scores and selections, and gives them back."""

    def save_direction(self, direction: Direction, name: str | None = None) -> None:
        """Save a direction into the store, replacing one of that name.

        Args:
            direction: Of the store's model, site and template.
            name: What to call it; None for its own name.

        Raises:
            StoreError: The store is incomplete or packed, or scores or selections go with another direction of that
                name.
            DirectionError: The direction doesn't belong to the store.
        """
        from nait_widgets import saving

        saving.save_direction(_store(self), direction, name)

    def directions(self) -> tuple[str, ...]:
        """Names of the directions that are saved in the store."""
        from nait_widgets import saving

        return saving.names(_store(self), "directions")

    def direction(self, name: str) -> Direction:
        """A direction that is saved in the store.

        Raises:
            StoreError: There is none of that name, or it is damaged.
        """
        from nait_widgets import saving

        return saving.direction(_store(self), name)

    def save_scorer(self, scorer: Scorer, name: str | None = None) -> None:
        """Save a scorer into the store, replacing one of that name.

        Args:
            scorer: One that can score the store.
            name: What to call it; None for its own name.

        Raises:
            StoreError: The store is incomplete or packed, or scores or selections go with another scorer of that name.
            ScorerError: The store lacks what the scorer needs, or is of another model or template than its targets.
        """
        from nait_widgets import saving

        saving.save_scorer(_store(self), scorer, name)

    def scorers(self) -> tuple[str, ...]:
        """Names of the scorers that are saved in the store."""
        from nait_widgets import saving

        return saving.names(_store(self), "scorers")

    def scorer(self, name: str) -> Scorer:
        """A scorer that is saved in the store.

        Raises:
            StoreError: There is none of that name, it is damaged, or nothing that is installed knows its kind.
        """
        from nait_widgets import saving

        return saving.scorer(_store(self), name)

    def save_scores(self, scores: xr.Dataset, name: str) -> None:
        """Save scores into the store, with what they are by, label columns and a map, replacing those of that name.

        Args:
            scores: What `score` returned for this store; label columns that were added to it are saved too.
            name: What to call them.

        Raises:
            StoreError: The store is incomplete or packed; the name of a direction or scorer is another's already; or a
                selection was made from scores of that name by others.
            SelectionError: The scores are of another store.
        """
        from nait_widgets import saving

        saving.save_scores(_store(self), scores, name)

    def score_sets(self) -> tuple[str, ...]:
        """Names of the scores that are saved in the store."""
        from nait_widgets import saving

        return saving.names(_store(self), "scores")

    def scores(self, name: str) -> xr.Dataset:
        """Scores that are saved in the store, as `score` returned them, with the label columns that were added.

        Raises:
            StoreError: There are none of that name, or they are damaged.
        """
        from nait_widgets import saving

        return saving.scores(_store(self), name)

    def save_selection(self, selection: Selection, name: str) -> None:
        """Save a selection into the store, replacing one of that name.

        Args:
            selection: Made from scores that are saved in the store.
            name: What to call it.

        Raises:
            StoreError: The store is incomplete or packed, or its scores don't give this selection.
            SelectionError: The selection is of another store.
        """
        from nait_widgets import saving

        saving.save_selection(_store(self), selection, name)

    def selections(self) -> tuple[str, ...]:
        """Names of the selections that are saved in the store."""
        from nait_widgets import saving

        return saving.names(_store(self), "selections")

    def selection(self, name: str) -> Selection:
        """A selection that is saved in the store, made again from its scores and checked to be the same rows.

        Raises:
            StoreError: There is none of that name, it is damaged, or other rows come out.
        """
        from nait_widgets import saving

        return saving.selection(_store(self), name)

    def make_fingerprint(self, pool: str | None = None, components: Sequence[int] | None = None) -> Fingerprint:
        """Keep a fingerprint of the activations, replacing that of the pool.

        Some 450 bytes a sample tell its score under any direction, with a bound on the error: `score(...,
        approximate=True)` reads nothing else, and `select_from_fingerprint` reads but a part of the activations.
        Making it takes a few passes over the pool, in memory that doesn't grow with the samples: on 52,002 rows of 6
        layers × 192 neurons some three seconds of two processors.

        Args:
            pool: Which; None for the first that was captured. That of `mean` also serves `tail_mean`.
            components: How many principal components are known after each stage, ascending; None for 64, 128, 384.

        Raises:
            StoreError: The store is incomplete, damaged or packed, keeps no activations, or lacks the pool.
        """
        from nait_widgets.fingerprints import COMPONENTS, make_fingerprint

        return make_fingerprint(_store(self), pool, components or COMPONENTS)

    def delete(self, kind: Kind, name: str) -> None:
        """Delete what was saved.

        Args:
            kind: `directions`, `scorers`, `scores`, `selections` or `fingerprints`.
            name: What it is called; a fingerprint has the name of its pool.

        Raises:
            StoreError: There is none of that name, or others go with it.
        """
        from nait_widgets import saving

        saving.delete(_store(self), kind, name)


def _store(saved: Saved) -> ActivationStore:
    return cast("ActivationStore", saved)
