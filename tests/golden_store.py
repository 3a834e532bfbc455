"""The golden stores, small ones for readers in other languages; `python tests/golden_store.py` writes them anew."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from nait_widgets import Direction, open_store, score, select
from nait_widgets.explaining import explain
from nait_widgets.methods.options import FitOptions, ScoreOptions
from nait_widgets.selection.filtering import RowFilter, fold
from nait_widgets.selection.labels import label_columns
from nait_widgets.store import ActivationStore, Block, Layout, Status, StoreWriter
from nait_widgets.store.arrays import column
from nait_widgets.store.layout import SKETCH_COMPONENTS
from nait_widgets.store.parts import read_parts

FOLDER = Path(__file__).parent / "golden"
STORE, OLD, SAID = FOLDER / "store.zarr.zip", FOLDER / "old.zarr.zip", FOLDER / "store.json"
FOLDING = FOLDER / "folding.json"  # by a Python that knows Unicode 14; those of later versions know more characters

LAYOUT = Layout(600, "mlp_act", (0, 2, 3), 12, ("mean", "last"), block_rows=512)
QUARANTINED = {5: Status.EMPTY, 300: Status.TOO_LONG, 517: Status.NON_FINITE}
WIDE_LAYER, WIDE_FROM = 2, 540  # position of the layer that float16 can't hold, and its first such row
PROVENANCE: dict[str, Any] = {
    "model": {
        "name": "golden", "revision": None, "architecture": "None", "weights_hash": "w", "tokenizer_hash": "t",
        "dtype": "float32", "attention": "eager", "quantization": None,
    },
    "template": {"name": "plain", "digest": "d", "max_length": 64},
    "source": {"name": "golden.jsonl", "format": "jsonl", "fields": {}, "sha256": "s", "rows": LAYOUT.n_samples},
    "capture": {"deterministic": True},
    "created": "2026-01-01T00:00:00+00:00",
}  # fmt: skip
# What searches and pages trip over; each is the beginning of a prompt, from row 0 on.
STRANGE = [
    "Straße STRASSE STRAẞE", "ὈΔΥΣΣΕΎΣ, Ὀδυσσεύς; ΜΈΓΑΣ μέγας", "İstanbul ISPARTA \u0131spanak", "ﬁne oﬃce ŉ ǰ",
    "\ufeffbegins with a mark", "שלום עולם \u202eabc\u202c", "👩\u200d👩\u200d👧 emoji \U0001f600",
    "\x1b[31mred\x00 nul\r\nline", "", "<img src=x onerror=alert(1)>", "Ω Ω K K Å Å ϴ θ", "\u017fharp \u017f\u017f",
    "K" * 5000,
]  # fmt: skip
SEARCHES = [
    "strasse", "STRAßE", "οδυσσευς", "ὀδυσσεύσ", "istanbul", "i̇stanbul", "ISPANAK", "FINE OFFICE", "mill", "The lake",
    "\U0001f600", "\x00", "k" * 40, "ω", "å", "ss", "row 17.", "nothing has this",
]  # fmt: skip
ROWS = [0, 1, 4, 7, 12, 127, 128, 255, 256, 511, 512, 539, 540, 599]  # at the edges of every kind of chunk
NAME = "four ways / café"


def build(path: Path) -> ActivationStore:
    """A store of made-up numbers: two blocks, a wide layer, a shared first token, quarantined rows, strange texts."""
    rng = np.random.default_rng(20260313)
    n, shape = LAYOUT.n_samples, (LAYOUT.n_samples, len(LAYOUT.layers), LAYOUT.n_neurons)
    kept = np.isin(np.arange(n), list(QUARANTINED), invert=True)
    # Quarters, so that float16 holds them and every machine adds them up to the same bits.
    activations = {pool: rng.integers(-40, 41, shape).astype(np.float32) / np.float32(4) for pool in LAYOUT.pools}
    activations["mean"][WIDE_FROM:, WIDE_LAYER, 0] = 1e5
    for values in activations.values():
        values[~kept] = np.nan
    tokens = rng.integers(2, 60, n).astype(np.int32)
    tokens[4] = 1  # without its first token nothing is left of it
    sketch = np.zeros((n, SKETCH_COMPONENTS), np.float16)
    sketch[:, :2] = rng.integers(-8, 9, (n, 2)) * [4, 1]
    text = texts()
    writer = StoreWriter.create(path, LAYOUT, PROVENANCE)
    for index in range(LAYOUT.n_blocks):
        rows = LAYOUT.rows(index)
        columns = {
            "sample_id": np.array([f"row-{i}" if i % 7 else f"Zeile №{i}" for i in range(n)], object)[rows],
            "n_tokens": tokens[rows],
            "n_response_tokens": tokens[rows] // 2,
            "first_token_id": np.zeros(n, np.int32)[rows],
            "last_token_id": np.ones(n, np.int32)[rows],
            "status": np.array([QUARANTINED.get(i, Status(i % 9 == 8)) for i in range(n)], np.uint8)[rows],
            "top_neuron_index": np.zeros((*shape[:2], LAYOUT.top_neurons), np.uint16)[rows],
            "top_neuron_value": np.zeros((*shape[:2], LAYOUT.top_neurons), np.float32)[rows],
            "sketch": np.where(kept[:, None], sketch, np.float16(np.nan))[rows],
        }
        wide = {("mean", WIDE_LAYER): activations["mean"][rows, WIDE_LAYER]} if rows.stop > WIDE_FROM else {}
        narrow = {p: np.clip(values[rows], -65504, 65504).astype(np.float16) for p, values in activations.items()}
        writer.write(Block(index, columns, narrow, wide, {name: values[rows] for name, values in text.items()}))
    first = rng.integers(-40, 41, shape[1:]).astype(np.float32) / np.float32(4)
    store = writer.finish(lambda _: first)
    save(store)
    return open_store(path)


def texts() -> dict[str, list[str]]:
    rng = random.Random(7)
    words = ["river", "mill", "lake", "stone", "hill", "path", "tree", "cloud", "The", "of", "and"]

    def prose(most: int) -> str:
        return " ".join(rng.choice(words) for _ in range(rng.randint(1, most)))

    n = LAYOUT.n_samples
    beginnings = STRANGE + [""] * (n - len(STRANGE))
    prompts = [f"{beginnings[i]} row {i}. {prose(12)}" for i in range(n)]
    responses = [prose(30) for _ in range(n)]
    kinds = [("question", "task", "chat")[i % 3] for i in range(n)]
    originals = [json.dumps({"prompt": p, "kind": k}) for p, k in zip(prompts, kinds, strict=True)]
    return {"prompt": prompts, "response": responses, "original": originals}


def directions() -> list[Direction]:
    """One for each way in which activations are compared."""
    rng = np.random.default_rng(5)

    def made(name: str, own: tuple[int, ...], **options: Any) -> Direction:
        vectors = rng.integers(-8, 9, (len(own), LAYOUT.n_neurons)).astype(np.float32) / np.float32(8)
        unknown = np.full(len(own), np.nan, np.float32)
        return Direction(
            name, vectors, own, LAYOUT.site, PROVENANCE["model"], PROVENANCE["template"], FitOptions(),
            ScoreOptions(**options), "paper", unknown, unknown, np.zeros_like(vectors),
        )  # fmt: skip

    return [
        made("dot", LAYOUT.layers),
        made("cosine", (0, 3), similarity="cosine", center="pool"),
        made("z-score", LAYOUT.layers, similarity="zscore", pool="tail_mean", layers=(0, 2)),
        made("last", LAYOUT.layers, center="pool", pool="last"),
    ]


def save(store: ActivationStore) -> None:
    scores = score(store, directions())
    scores["topic"] = "sample", np.array(["A", "B", "constructor", "__proto__"], object)[np.arange(len(store)) % 4]
    store.save_scores(scores, NAME)
    store.save_direction(directions()[0] * 2, "twice the first")
    filters = {"text": "mill", "tokens": (5, None), "labels": {"topic": ["A", "__proto__"]}}
    ids = store.sample_id
    chosen = select(
        scores, fraction=0.2, merge="mean-z", weights={"dot": 0.5}, filters=filters, pinned=[ids[1]], excluded=[ids[9]]
    )
    store.save_selection(chosen, "mill, A")
    store.save_selection(select(scores, k=7, end="bottom"), "the last seven")


def build_old(path: Path) -> ActivationStore:
    """A store as it was written before texts were sharded: one chunk a block, nothing saved."""
    layout = Layout(40, "mlp_act", (1,), 4, ("mean",), block_rows=16)
    writer = StoreWriter.create(path, layout, PROVENANCE)
    group = zarr.open_group(path, mode="r+")
    for name in ("prompt", "response", "original"):
        del group[f"text/{name}"]
        column(group["text"], name, (layout.n_samples,), "string", layout, fill="")  # type: ignore[arg-type]
    writer = StoreWriter(path)
    numbers = np.arange(layout.n_samples)
    for index in range(layout.n_blocks):
        rows = layout.rows(index)
        n = len(numbers[rows])
        columns = {
            "sample_id": np.array([str(i) for i in numbers[rows]], object),
            **{name: np.full(n, 3, np.int32) for name in ("n_tokens", "n_response_tokens")},
            **{name: numbers[rows].astype(np.int32) for name in ("first_token_id", "last_token_id")},
            "status": np.zeros(n, np.uint8),
            "top_neuron_index": np.zeros((n, 1, 4), np.uint16),
            "top_neuron_value": np.zeros((n, 1, 4), np.float32),
            "sketch": np.zeros((n, SKETCH_COMPONENTS), np.float16),
        }
        values = np.repeat(numbers[rows].astype(np.float16), 4).reshape(n, 1, 4)
        text = {name: [f"{name} {i}" for i in numbers[rows]] for name in ("prompt", "response", "original")}
        writer.write(Block(index, columns, {"mean": values}, {}, text))
    return writer.finish(lambda _: np.zeros((1, 4), np.float32))


def said(store: ActivationStore) -> dict[str, Any]:
    """What Python reads in the golden store."""
    scores = store.scores(NAME)
    labels, found = label_columns(scores), RowFilter(scores)
    texts = {name: [*store.text(name, ROWS)] for name in ("prompt", "response", "original")}
    part = read_parts(store, "scores")[NAME]
    return {
        "name": NAME,
        "ids": store.sample_id.tolist(),
        "tokens": store.n_tokens.tolist(),
        "status": store.status.tolist(),
        "directions": [
            {
                "name": str(name),
                "scores": numbers(scores["score"].to_numpy()[:, i]),
                "layer_mean": scores["layer_mean"].to_numpy()[i].tolist(),
                "layer_scale": scores["layer_scale"].to_numpy()[i].tolist(),
            }
            for i, name in enumerate(scores["direction"].to_numpy())
        ],
        "labels": {name: {"values": list(each.names), "codes": each.codes.tolist()} for name, each in labels.items()},
        "map": {"axes": part.attributes["map"], "xy": [numbers(xy) for xy in part.array("map")]},
        "texts": {name: dict(zip(ROWS, of_rows, strict=True)) for name, of_rows in texts.items()},
        "searches": {needle: np.flatnonzero(found.containing(needle)).tolist() for needle in SEARCHES},
        "activations": {
            pool: {row: numbers(store.pool(pool).take(np.array([row]))[0]) for row in [*ROWS, *QUARANTINED]}
            for pool in (*LAYOUT.pools, "tail_mean")
        },
        "explanations": [explained(store, row, i) for row in ROWS for i in range(len(scores["direction"]))],
        "selections": {
            name: {"rows": chosen.rows.tolist(), "wish": chosen.wish.as_json()}
            for name in store.selections()
            if (chosen := store.selection(name))
        },
    }  # fmt: skip


def explained(store: ActivationStore, row: int, position: int) -> dict[str, Any]:
    scores = store.scores(NAME)
    direction = scores.attrs["directions"][position]
    found = explain(store, str(store.sample_id[row]), direction, scores)
    return {
        "row": row,
        "direction": position,
        "contributions": numbers(found.contributions),
        "by_layer": numbers(found.by_layer),
        "top": [list(term) for term in found.top(5)],
    }


def folding() -> dict[str, str]:
    """Every character that a search compares as something else."""
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    return {character: fold(character) for character in characters if fold(character) != character}


def numbers(values: npt.NDArray[Any]) -> list[float | None]:
    """As JSON has them: flat, null for NaN."""
    return [None if np.isnan(value) else float(value) for value in values.ravel()]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / "store.zarr").pack(STORE, overwrite=True)
        build_old(Path(folder) / "old.zarr").pack(OLD, overwrite=True)
    FOLDING.write_text(json.dumps(folding(), ensure_ascii=False, separators=(",", ":")) + "\n")
    SAID.write_text(json.dumps(said(open_store(STORE)), ensure_ascii=False, separators=(",", ":")) + "\n")
