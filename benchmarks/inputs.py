"""What the benchmarks run on: rows, models and stores."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets import demo
from nait_widgets.methods import Direction, FitOptions, ScoreOptions
from nait_widgets.store import ActivationStore, Block, Layout, Status, StoreWriter, open_store
from nait_widgets.store.layout import SKETCH_COMPONENTS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    Row = Mapping[str, Any]

SHARED = Path(os.environ.get("NAIT_SHARED", Path(__file__).parents[2] / "shared"))


class Corpus(NamedTuple):
    """Rows with the tokenizer that they are measured with."""

    name: str
    rows: Sequence[Row]
    tokenizer: Path

    def sample(self, n: int) -> list[Row]:
        """Rows spread evenly over the corpus, so that their lengths are spread as its own; all where it has fewer."""
        n = min(n, len(self.rows))
        return [self.rows[i * len(self.rows) // n] for i in range(n)]


def corpus() -> Corpus:
    """The 52 K rows of Alpaca where the shared data is at hand, else the pool of the embedded demo."""
    alpaca, tokenizer = SHARED / "data/alpaca52k/alpaca_data.json", SHARED / "model"
    if alpaca.exists() and tokenizer.exists():
        return Corpus("Alpaca 52 K", json.loads(alpaca.read_text()), tokenizer)
    rows = [json.loads(line) for line in demo.POOL.read_text().splitlines()]
    return Corpus("the demo's pool", rows, demo.MODEL)


class Shape(NamedTuple):
    """The sizes of a Llama."""

    hidden: int
    layers: int
    heads: int
    mlp: int
    vocabulary: int
    context: int


def random_llama(shape: Shape, *, device: str = "cpu", dtype: str = "float32") -> PreTrainedModel:
    """A Llama with random weights, made on its device."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    config = LlamaConfig(
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.mlp,
        vocab_size=shape.vocabulary,
        max_position_embeddings=shape.context,
        bos_token_id=0,
        eos_token_id=1,
    )
    build: Any = AutoModelForCausalLM.from_config
    torch.manual_seed(0)
    with torch.device(device):
        model: PreTrainedModel = build(config, dtype=getattr(torch, dtype))
    return model


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """A tokenizer from a local folder."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer


def random_store(workspace: Path, n_samples: int, n_layers: int, n_neurons: int) -> ActivationStore:
    """A store of normal numbers in float16, made once a workspace."""
    path = workspace / f"random-{n_samples}x{n_layers}x{n_neurons}.zarr"
    if path.exists():
        return open_store(path)
    layout = Layout(n_samples, "resid_post", tuple(range(n_layers)), n_neurons, ("mean",), text=False)
    writer = StoreWriter.create(
        path,
        layout,
        {
            "model": {"name": "random", "weights_hash": "0" * 64},
            "template": {"name": "plain", "digest": "0" * 64, "max_length": 2048},
            "source": {"name": "random", "format": "random", "fields": {}, "sha256": "0" * 64, "rows": n_samples},
        },
    )
    rng = np.random.default_rng(0)
    for index in range(layout.n_blocks):
        writer.write(_random_block(layout, index, rng))
    return writer.finish(lambda _: np.zeros((n_layers, n_neurons), np.float32))


def random_directions(store: ActivationStore, n: int = 8) -> list[Direction]:
    """Directions of unit length a layer, applied as the preset `paper` does."""
    return directions_for(store.layout, store.provenance, n)


def directions_for(layout: Layout, provenance: Mapping[str, Any], n: int) -> list[Direction]:
    """The same for a store that is still to be."""
    shape = len(layout.layers), layout.n_neurons
    rng = np.random.default_rng(1)
    directions = []
    for i in range(n):
        vectors = rng.standard_normal(shape, np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        directions.append(
            Direction(
                name=f"random {i}",
                vectors=vectors,
                layers=layout.layers,
                site=layout.site,
                model=provenance["model"],
                template=provenance["template"],
                fit=FitOptions(),
                score=ScoreOptions(),
                preset="paper",
                explained=np.ones(shape[0], np.float32),
                margin=np.ones(shape[0], np.float32),
                in_domain_mean=np.zeros(shape, np.float32),
            )
        )
    return directions


def _random_block(layout: Layout, index: int, rng: np.random.Generator) -> Block:
    rows = layout.rows(index)
    n, n_layers = rows.stop - rows.start, len(layout.layers)
    values = np.empty((n, n_layers, layout.n_neurons), np.float16)
    for row in values:  # a row at a time: NumPy's generators make no float16
        row[...] = rng.standard_normal(row.shape, np.float32)
    columns = {
        "sample_id": np.array([f"row-{i:06d}" for i in range(rows.start, rows.stop)], object),
        **dict.fromkeys(("n_tokens", "n_response_tokens"), np.full(n, 2, np.int32)),
        **dict.fromkeys(("first_token_id", "last_token_id"), np.zeros(n, np.int32)),
        "status": np.full(n, Status.OK, np.uint8),
        "top_neuron_index": np.zeros((n, n_layers, layout.top_neurons), np.int32),
        "top_neuron_value": np.zeros((n, n_layers, layout.top_neurons), np.float32),
        "sketch": np.zeros((n, SKETCH_COMPONENTS), np.float16),
    }
    return Block(index, columns, {"mean": values}, {}, {})
