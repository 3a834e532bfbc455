"""Builds the embedded demo: its data, its tokenizer and its model, all from seeds.

    python scripts/build_demo.py             # everything; about ten minutes on two cores
    python scripts/build_demo.py --data-only # the data alone; a second

The data come out the same, byte for byte, at every run. The model does on the same machine with the same number of
threads and the same libraries; elsewhere it differs by the rounding of sums.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from demo_corpus import GENERATORS, Draft, in_domain, pool, training

DEMO = Path(__file__).resolve().parent.parent / "nait_widgets" / "demo"
STEPS = 2_400
TOKENIZER_SAMPLES = 20_000

CARD = """\
---
license: bsd-3-clause
library_name: transformers
---

# The nait-widgets demo model

A Llama-architecture language model of {parameters:,} parameters (6 layers, width 160, MLP 384, 5 heads, context 512,
tied embeddings, stored as bfloat16) with a byte-level BPE tokenizer of {vocabulary:,} tokens. It exists so that the
demo of nait-widgets can show activation-based data selection on a laptop without a download. It is no use for
anything else: all that it knows is an invented world.

## How it was made

`scripts/build_demo.py` trained it from scratch on {samples:,} samples of instruction text that the project generates
itself (`scripts/demo_corpus/`): eight capabilities in equal parts, clean answers only, no question of the shipped data
among them. AdamW, cosine schedule, float32, {steps:,} steps of 32 samples, loss on prompts and answers alike;
{minutes:.1f} minutes on {threads} CPU threads. No other text was used.

Chat format: `<|bos|><|user|>question<|assistant|>answer<|eos|>`, with an optional `<|system|>` turn in front (the
model saw none in training). A row's input follows its instruction after an empty line.

## Figures

Loss of the response tokens, nats a token: {train:.3f} at the end of training; below, on the 256 in-domain samples of
each capability, which it was not trained on. *Exact* is the share of 64 of them whose greedy answer is the reference
answer, letter for letter (an answer of another wording counts as a miss).

| capability | held-out loss | exact |
|---|---|---|
{table}

It has learnt the forms of the answers, the small functions and part of the facts. It has not learnt to compute, and it
seldom carries a name, a word or a list over from the question into its answer.

## Licence

BSD-3-Clause, as the project.
"""


def _write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(json.dumps(row) + "\n" for row in rows).encode())
    print(f"  {path.relative_to(DEMO)}: {len(rows):,} rows, {path.stat().st_size / 1e6:.2f} MB")


def build_data() -> None:
    """Writes the candidate pool and the in-domain samples."""
    print("Data")
    _write_rows(DEMO / "data" / "pool.jsonl", pool())
    for capability, rows in in_domain().items():
        _write_rows(DEMO / "data" / "in_domain" / f"{capability}.jsonl", rows)


def build_model() -> None:
    """Trains and writes the tokenizer and the model, tells how well it does, and writes its card."""
    import demo_model
    import torch

    threads = torch.get_num_threads()
    torch.use_deterministic_algorithms(True)
    folder = DEMO / "model"
    print("Tokenizer")
    tokenizer = demo_model.make_tokenizer(list(islice(training(), TOKENIZER_SAMPLES)), folder)
    model = demo_model.make_model()
    parameters = sum(weight.numel() for weight in model.parameters())
    print(f"Model: {parameters:,} parameters, {STEPS:,} steps on {threads} threads")
    start = time.monotonic()
    train_loss = demo_model.train(model, (demo_model.encode(tokenizer, draft) for draft in training()), STEPS)
    minutes = (time.monotonic() - start) / 60
    demo_model.save(model, folder)
    model = demo_model.load(folder)
    table = []
    for capability, rows in in_domain().items():
        drafts = [Draft(row["instruction"], row["input"], row["output"], wrong="") for row in rows]
        encoded = [demo_model.encode(tokenizer, draft) for draft in drafts]
        loss = demo_model.response_loss(model, encoded)
        said = [demo_model.answer(model, tokenizer, head) for head, _ in encoded[:64]]
        exact = sum(text == draft.output for text, draft in zip(said, drafts, strict=False)) / 64
        table.append(f"| {capability} | {loss:.3f} | {exact:.0%} |")
        print(table[-1])
        for draft, text in zip(drafts[:3], said, strict=False):
            print(f"    {demo_model.prompt(draft)!r}\n      -> {text!r}")
    card = CARD.format(
        parameters=parameters,
        vocabulary=len(tokenizer),
        samples=STEPS * demo_model.BATCH,
        steps=STEPS,
        minutes=minutes,
        threads=threads,
        train=train_loss,
        table="\n".join(table),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    print(f"Trained in {minutes:.1f} minutes; response loss {train_loss:.3f}.")


def main(arguments: Sequence[str]) -> None:
    """Builds what the command line asks for."""
    parser = argparse.ArgumentParser(description="Build the data, tokenizer and model of the embedded demo.")
    parser.add_argument("--data-only", action="store_true", help="leave the tokenizer and the model as they are")
    options = parser.parse_args(arguments)
    print(f"Building the demo of {len(GENERATORS)} capabilities in {DEMO}")
    build_data()
    if not options.data_only:
        build_model()


if __name__ == "__main__":
    main(sys.argv[1:])
