"""What a store may hold besides activations: small arrays that the same capture gives, for every other scorer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from nait_widgets.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from nait_widgets.store.layout import Layout
    from nait_widgets.store.store import ActivationStore

EXTRAS = ("loss", "ifd", "embedding", "nag")


class ExtraColumn(NamedTuple):
    """An array of an extra; its first dimension is the sample.

    Attributes:
        extra: One of `EXTRAS`.
        dtype: Of its values.
        shape: Of one sample's values.
        dims: Names of these dimensions.
        fill: What stands in quarantined rows.
    """

    extra: str
    dtype: str
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    fill: float


def check_extras(extras: str | Iterable[str]) -> tuple[str, ...]:
    """The extras as asked for, each known and named once, in the order of `EXTRAS`; `ifd` brings `loss` along.

    Args:
        extras: Of `EXTRAS`; `all` stands for all of them.

    Raises:
        StoreError: A name is unknown.
    """
    asked = {extras} if isinstance(extras, str) else set(extras)
    if unknown := sorted(asked - {*EXTRAS, "all"}):
        raise StoreError(f"extra {unknown[0]!r} is unknown; choose among {', '.join(EXTRAS)}, or all")
    if "ifd" in asked:
        asked.add("loss")
    return EXTRAS if "all" in asked else tuple(extra for extra in EXTRAS if extra in asked)


def extra_columns(layout: Layout) -> dict[str, ExtraColumn]:
    """The arrays of a layout's extras, by their names."""
    # Embeddings are float32 throughout: they are small beside the activations, and float16 can't hold those of every
    # model.
    embedding = ExtraColumn("embedding", "float32", (layout.hidden_size,), ("hidden",), float("nan"))
    index_dtype = "uint16" if layout.up_size <= np.iinfo(np.uint16).max else "int32"
    ranks = (len(layout.layers), layout.top_neurons)
    columns = {
        "response_loss": ExtraColumn("loss", "float32", (), (), float("nan")),
        "response_alone_loss": ExtraColumn("ifd", "float32", (), (), float("nan")),
        "embedding_mean": embedding,
        "embedding_weighted": embedding,
        "up_neuron_index": ExtraColumn("nag", index_dtype, ranks, ("layer", "rank"), 0),
    }
    return {name: column for name, column in columns.items() if column.extra in layout.extras}


class Extras:
    """The part of `ActivationStore` that reads its extras; each raises StoreError where the store has it not."""

    @property
    def response_loss(self) -> npt.NDArray[np.float32]:
        """Mean negative log-likelihood of each response given its prompt, in nats a token: (sample,). NaN: unknown."""
        return _read(self, "response_loss", "loss")

    @property
    def response_alone_loss(self) -> npt.NDArray[np.float32]:
        """The same of each response without its prompt: (sample,).

        Only the BOS stands before it, where the sample begins with one; else nothing does, and the response's first
        token, which nothing predicts, doesn't count.
        """
        return _read(self, "response_alone_loss", "ifd")

    def embedding(self, kind: str = "mean") -> npt.NDArray[np.float32]:
        """The model's last hidden state, after its final norm, pooled over each sample's tokens: (sample, hidden).

        Args:
            kind: `mean`; or `weighted`, by position: w_i = i / Σ i, as RDS+ does (arXiv 2503.01807).

        Raises:
            StoreError: The store has no embeddings, or there is no such kind.
        """
        if kind not in ("mean", "weighted"):
            raise StoreError(f"there is no embedding {kind!r}; choose mean or weighted")
        return _read(self, f"embedding_{kind}", "embedding")

    @property
    def up_neurons(self) -> npt.NDArray[np.integer]:
        """The neurons with the highest mean |up projection| over each sample's tokens, highest first.

        (sample, layer, rank), 20 ranks where the model has as many neurons; zeros in quarantined rows. NAG (arXiv
        2604.15706) compares their frequencies.
        """
        return _read(self, "up_neuron_index", "nag")


def _read(reader: Extras, name: str, extra: str) -> npt.NDArray[Any]:
    store = cast("ActivationStore", reader)
    if extra not in store.layout.extras:
        wanted = ",".join(check_extras((*store.layout.extras, extra)))
        raise StoreError(
            f"{store.path} was captured without the extra {extra!r}; capture it again with `--extras {wanted}`"
        )
    return store.column(name)
