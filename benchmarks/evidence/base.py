"""A base model that is trained here, on text that is neither a candidate nor evaluated on."""

from __future__ import annotations

import inspect
import json
import math
import random
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.evidence.captured import sets
from benchmarks.evidence.data import Row, outside_text
from benchmarks.evidence.page import Section
from benchmarks.evidence.study import SITES
from benchmarks.report import table
from nait_widgets.models import load_model
from nait_widgets.paths import slug, written_whole
from nait_widgets.records import Renderer, read_records

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

    from benchmarks.evidence.study import Study
    from nait_widgets.store import ActivationStore

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% else %}"
    "{{ '### Instruction:\n' + message['content'] + '\n\n### Response:\n' }}{% endif %}{% endfor %}"
)
VOCABULARY, CONTEXT, WINDOW, BATCH, PEAK_RATE = 4_096, 512, 256, 8, 3e-3
# Characters of each source: one pass over them is about three million tokens, six to seven minutes on two cores.
INSTRUCTIONS, CODE, OF_EACH_SET = 4_400_000, 2_000_000, 800_000


def run(study: Study) -> Section:
    """Train the base model, and tell how well it and the shared model know the held-out responses."""
    models = {"own base": trained(study), "shared model": study.shared / "model"}
    told: dict[str, dict[str, float]] = {}
    sizes = {}
    for name, folder in models.items():
        model = load_model(folder)
        sizes[name] = sum(weight.numel() for weight in model.model.parameters())
        stores = sets(study, model, files_of(name, models[name]), SITES[0], "held_out", "all")
        told[name] = {target: _response_loss(store) for target, store in stores.items()}
    left_out = {name: [split.opened_alike, split.resembling] for name, split in study.splits.items()}
    section = Section(figures={"parameters": sizes, "response loss": told, "not held out": left_out})
    section.text += [
        "The sets: rows of each part, and rows that were to be held out and are not, since they open as a row of the "
        "other parts does (the same passage, or the same template), or since `nait guard` finds them to resemble one, "
        "or a row of Dolly.",
        table(
            ["set", "for the base", "in-domain", "held out", "opens alike", "resembles"],
            [
                [name, f"{len(split.base):,}", *map(str, [len(split.in_domain), len(split.held_out), *left_out[name]])]
                for name, split in study.splits.items()
            ],
        ),
        f"{sizes['own base']:,} parameters, vocabulary {VOCABULARY:,}, "
        f"{json.loads((models['own base'] / 'training.json').read_text())['tokens']:,} tokens once. Mean loss of the "
        "held-out responses before any fine-tuning, nats a token (the two have other tokens, so the rows don't "
        "compare):",
        table(
            ["model", "parameters", *study.splits],
            [[name, f"{sizes[name]:,}", *(f"{loss:.2f}" for loss in losses.values())] for name, losses in told.items()],
        ),
    ]
    return section


def _response_loss(store: ActivationStore) -> float:
    """Over all response tokens alike, in nats a token."""
    known = store.selectable
    return float(np.average(store.response_loss[known], weights=store.n_response_tokens[known]))


def trained(study: Study) -> Path:
    """The folder of the base model, named by what decides it; trained where there is none yet."""
    documents = _documents(study)
    settings = VOCABULARY, CONTEXT, WINDOW, BATCH, PEAK_RATE, CHAT_TEMPLATE
    steps = [inspect.getsource(step) for step in (_make_tokenizer, _encode, _windows, _make_model, _optimise)]
    meaning = json.dumps([documents, settings, steps], sort_keys=True)
    folder = study.work / f"base-{sha256(meaning.encode()).hexdigest()[:8]}"
    if not folder.exists():
        with written_whole(folder) as temporary:
            temporary.mkdir()
            _train(documents, temporary)
    return folder


def files_of(name: str, model: Path | str) -> str:
    """What stores and runs of a model are called; another base is another model, and has its own."""
    return slug(f"{name} {Path(model).name}")


def _train(documents: Sequence[Row], folder: Path) -> None:
    tokenizer = _make_tokenizer(documents, folder)
    windows = _windows(_encode(documents, tokenizer))
    print(f"  base model: {len(windows):,} windows of {WINDOW} tokens", file=sys.stderr, flush=True)
    model = _make_model()
    _optimise(model, windows)
    (folder / "training.json").write_text(json.dumps({"tokens": windows.numel()}))
    model.save_pretrained(folder)


def _documents(study: Study) -> list[Row]:
    """Rows to be read as instruction and response, or as plain text where they have no other field, shuffled."""
    instructions, modules = outside_text(study.shared)
    pieces = [{"text": piece} for module in modules for piece in module.split("\n\n\n") if 200 < len(piece) < 3_000]
    sources = [(instructions, INSTRUCTIONS), (pieces, CODE)]
    sources += [(split.base, OF_EACH_SET) for split in study.splits.values()]
    documents = list(chain.from_iterable(_as_many(rows, study.rows(most, 60_000)) for rows, most in sources))
    random.Random(0).shuffle(documents)
    return documents


def _as_many(rows: Sequence[Row], characters: int) -> list[Row]:
    """The first rows that hold so many characters together."""
    kept, total = [], 0
    for row in rows:
        total += sum(map(len, row.values()))
        if total > characters:
            break
        kept.append(row)
    return kept


def _make_tokenizer(documents: Sequence[Row], folder: Path) -> PreTrainedTokenizerBase:
    """A byte-level BPE, one token a digit, saved with its template."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel as ByteLevelDecoder
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel, Digits
    from tokenizers.pre_tokenizers import Sequence as InTurn
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(BPE())
    bpe.pre_tokenizer = InTurn([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    bpe.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((text for row in documents for text in row.values()), trainer)
    untyped: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerBase = untyped(
        tokenizer_object=bpe, bos_token=BOS, eos_token=EOS, pad_token=PAD, model_max_length=CONTEXT
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


def _encode(documents: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """All documents one after the other, as a capture would render them."""
    renderer = Renderer(tokenizer)
    ids: list[int] = []
    for plain in (False, True):
        rows = [row for row in documents if ("text" in row) is plain]
        records = list(read_records(rows, format="text" if plain else "alpaca"))
        ids += chain.from_iterable(sample.input_ids.tolist() for sample in renderer.render(records))
    return ids


def _windows(ids: Sequence[int]) -> torch.Tensor:
    """(window, token), shuffled."""
    windows = torch.tensor(ids[: len(ids) // WINDOW * WINDOW]).view(-1, WINDOW)
    return windows[torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))]


def _make_model() -> LlamaForCausalLM:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=6,
            num_attention_heads=6,
            num_key_value_heads=6,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
        )
    )


def _optimise(model: LlamaForCausalLM, windows: torch.Tensor) -> None:
    """One pass, AdamW with a warm-up and a cosine, products in bfloat16."""
    steps = len(windows) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 50, 0.05 + 0.475 * (1 + math.cos(math.pi * step / steps)))
    )
    untyped: Any = model
    began, seen = time.monotonic(), []
    for step, batch in enumerate(torch.split(windows[: steps * BATCH], BATCH), 1):
        with torch.autocast("cpu", torch.bfloat16):
            logits = untyped(input_ids=batch).logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        seen.append(loss.item())
        if step % 100 == 0 or step == steps:
            recent = sum(seen[-100:]) / len(seen[-100:])
            print(
                f"  step {step:,}/{steps:,}: loss {recent:.2f}, {time.monotonic() - began:.0f} s",
                file=sys.stderr,
                flush=True,
            )
