"""What an activation store holds: the names, shapes, chunks and codes of its arrays, and nothing about reading them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, get_args

from nait_widgets.errors import StoreError
from nait_widgets.store.extras import extra_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[Any]
    Wide = dict[tuple[str, int], npt.NDArray[np.float32]]

FORMAT_VERSION = 2  # what this version reads; a store with activations is of format 1, which older ones read too
BLOCK_ROWS = 1024  # samples a shard: the unit that is written, resumed and checked
SCORES_BLOCK_ROWS = 16_384  # the same of a store without activations, whose rows are some hundred times smaller
CHUNK_ROWS = 256  # samples an inner chunk: the unit that is read
TEXT_ROWS = 128  # the same of texts: a browser reads single rows; 64 make a pass over all of them slower
TOP_NEURONS = 20  # strongest neurons kept a layer; the number that NAG (arXiv 2604.15706) profiles
SKETCH_COMPONENTS = 64
FLOAT16_MAX = 65504.0

Dtype = Literal["float16", "float32"]
POOLS = (
    "mean",
    "response_mean",
    "content_mean",
    "tail_mean",
    "weighted",
    "first",
    "last",
    "content_last",
    "delta",
    "content_delta",
)


class Status(IntEnum):
    """Why a row may or may not be selected; stored as CF flags."""

    OK = 0
    TRUNCATED = 1
    EMPTY = 2
    UNDECODABLE = 3
    TOO_LONG = 4
    NON_FINITE = 5
    PENDING = 255

    @property
    def label(self) -> str:
        """The code's name as it is stored and shown."""
        return self.name.lower()


LAST_SELECTABLE = Status.TRUNCATED  # every code above it is quarantined


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape of one store.

    Attributes:
        n_samples: Rows, quarantined ones included.
        site: Which tensor of a layer a neuron is (`nait_widgets.models.SITES`).
        layers: The captured decoder layers, in order.
        n_neurons: Width of the site.
        pools: How tokens were pooled, a subset of `POOLS`.
        dtype: Of the activation arrays.
        extras: What is kept besides, of `nait_widgets.store.EXTRAS`.
        text: Whether prompts, responses and the source's rows are kept.
        block_rows: Samples a shard.
        hidden_size: Width of the model's last hidden state, where the extras keep embeddings; else 0.
        up_size: Width of the up projections, where the extras keep their neurons; else 0.
        content_token: Whether the last token of each response's text is kept, as it is where a pool takes it.
        directions: Where scores are kept and no activations: the directions on which every sample is projected, each
            told by its name and the beginning of its digest.
        norms: Pools whose activations' norms are kept besides, for cosines with these directions.
        components: Where scores are kept, also fingerprints of the first pool: along so many principal components, or
            as many as there are.
    """

    n_samples: int
    site: str
    layers: tuple[int, ...]
    n_neurons: int
    pools: tuple[str, ...]
    dtype: Dtype = "float16"
    extras: tuple[str, ...] = ()
    text: bool = True
    block_rows: int = BLOCK_ROWS
    hidden_size: int = 0
    up_size: int = 0
    content_token: bool = False
    directions: tuple[str, ...] = ()
    norms: tuple[str, ...] = ()
    components: int = 0

    def __post_init__(self) -> None:
        if self.dtype not in get_args(Dtype):
            raise StoreError(f"the store's dtype is {self.dtype!r}, but must be one of {', '.join(get_args(Dtype))}")
        if self.block_rows < 1 or self.block_rows % self.chunk_rows:
            raise StoreError(f"block_rows is {self.block_rows}, but must be a multiple of {CHUNK_ROWS}, or below it")

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> Layout:
        """The layout as a store's attributes have it; once they said `loss` for what is now one of the extras."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()}
        if "loss" in values:
            values["extras"] = ("loss",) if values.pop("loss") else ()
        return cls(**values)

    @property
    def scores_only(self) -> bool:
        """Whether projections on some directions stand in the place of activations."""
        return bool(self.directions)

    @property
    def format_version(self) -> int:
        """The lowest format that has all of it."""
        return 2 if self.scores_only else 1

    @property
    def chunk_rows(self) -> int:
        """Samples an inner chunk."""
        return min(CHUNK_ROWS, self.block_rows)

    @property
    def text_rows(self) -> int:
        """Samples an inner chunk of texts."""
        return self.block_rows if self.block_rows % TEXT_ROWS else TEXT_ROWS

    @property
    def n_blocks(self) -> int:
        """Shards along the samples."""
        return -(-self.n_samples // self.block_rows)

    @property
    def top_neurons(self) -> int:
        """Strongest neurons kept a layer."""
        return min(TOP_NEURONS, self.n_neurons, self.up_size or TOP_NEURONS)

    @property
    def bytes_per_row(self) -> int:
        """Bytes of one sample's activations over all pools, or of what stands in their place, and of its embeddings."""
        if self.scores_only:
            kept = 4 * len(self.layers) * (len(self.directions) + len(self.norms)) + 2 * SKETCH_COMPONENTS
            components = min(self.components, len(self.layers) * self.n_neurons)
            kept += components + 2 * len(self.layers) + 6 if components else 0
        else:
            kept = len(self.pools) * len(self.layers) * self.n_neurons * (2 if self.dtype == "float16" else 4)
        return kept + 2 * 4 * self.hidden_size

    @property
    def columns(self) -> list[str]:
        """The arrays with one small value a sample; status, which declares a block whole, first."""
        names = ["status", "sample_id", "n_tokens", "n_response_tokens", "first_token_id", "last_token_id"]
        names += ["projection"] if self.scores_only else ["top_neuron_index", "top_neuron_value"]
        names += ["norm"] if self.norms else []
        names += [self.fingerprint] if self.components else []
        names += ["sketch"]
        names += ["content_token_id"] if self.content_token else []
        names += extra_columns(self)
        names += [f"text/{name}" for name in ("prompt", "response", "original")] if self.text else []
        return names

    def as_json(self) -> dict[str, Any]:
        """The fields as a store's attributes have them; what format 1 doesn't know only where it says a thing."""
        new = ("directions", "norms", "components")
        return {name: value for name, value in asdict(self).items() if value or name not in new}

    @property
    def fingerprint(self) -> str:
        """The array of the fingerprints that are kept beside scores."""
        return f"fingerprints/{self.pools[0]}/stage_0"

    def array(self, pool: str) -> str:
        """The name of a pool's activation array."""
        return f"{self.site}_{pool}"

    def rows(self, block: int) -> slice:
        """The rows of a block."""
        start = block * self.block_rows
        return slice(start, min(start + self.block_rows, self.n_samples))


@dataclass(slots=True)
class Block:
    """The rows of one shard, ready to be written; every array has the block's rows first.

    Attributes:
        index: Which block of the store.
        columns: Every array of `create_arrays` with one value a sample: sample_id, n_tokens, status, sketch…
        activations: Per pool (rows, layer, neuron) in the store's dtype.
        wide: Per (pool, position of a layer) (rows, neuron) float32: the layers that float16 can't hold.
        text: prompt, response and original, each a list of strings; empty where the store keeps none.
        statistics: Where no activations are kept, mean and standard deviation of every neuron over the block's
            selectable rows: (2, pool, layer, neuron) float32; NaN where they aren't known.
    """

    index: int
    columns: dict[str, Vector]
    activations: dict[str, Vector]
    wide: Wide
    text: dict[str, list[str]]
    statistics: Vector | None = None


def wide_array(name: str, layer: int) -> str:
    """The name of the float32 array that holds a layer too large for float16."""
    return f"{name}_layer{layer}_float32"
