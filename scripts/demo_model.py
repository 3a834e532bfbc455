"""The demo's tokenizer and model: made from the demo corpus alone, on a CPU, in minutes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

if TYPE_CHECKING:
    from demo_corpus import Draft
    from transformers import PreTrainedTokenizerBase

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
VOCABULARY, CONTEXT = 2_048, 512
SEED, BATCH, WINDOW, PEAK_RATE = 7, 32, 64, 3e-3

Ids = list[int]


def prompt(draft: Draft) -> str:
    """The user's turn: the instruction, and the input after an empty line where there is one."""
    return f"{draft.instruction}\n\n{draft.input}" if draft.input else draft.instruction


def make_tokenizer(drafts: Sequence[Draft], folder: Path) -> PreTrainedTokenizerBase:
    """Trains a byte-level BPE on `drafts`, one token a digit, and saves it with its chat template in `folder`."""
    bpe = Tokenizer(BPE())
    bpe.pre_tokenizer = InTurn([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    bpe.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS, PAD, *ROLES],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((text for draft in drafts for text in (prompt(draft), draft.output)), trainer)
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    loaded: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(folder)
    return loaded


def make_model() -> LlamaForCausalLM:
    """The untrained model."""
    torch.manual_seed(SEED)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=160,
            intermediate_size=384,
            num_hidden_layers=6,
            num_attention_heads=5,
            num_key_value_heads=5,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
        )
    )


def encode(tokenizer: PreTrainedTokenizerBase, draft: Draft) -> tuple[Ids, Ids]:
    """The token ids of the prompt, and of the response with its end, as the chat template renders them."""
    turns = [{"role": "user", "content": prompt(draft)}, {"role": "assistant", "content": draft.output}]
    asked = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    assert isinstance(asked, str)
    assert isinstance(whole, str)
    head, rest = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (asked, whole.removeprefix(asked)))
    return head, rest


def padded(rows: Sequence[tuple[Ids, Ids]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Input ids, next-token labels (-100 after the end), and which labels are of a response; each (row, token)."""
    width = max(len(head) + len(rest) for head, rest in rows)
    ids = torch.full((len(rows), width), 2)
    labels, response = torch.full_like(ids, -100), torch.zeros_like(ids, dtype=torch.bool)
    for i, (head, rest) in enumerate(rows):
        row = torch.tensor(head + rest)
        ids[i, : len(row)] = row
        labels[i, : len(row) - 1] = row[1:]
        response[i, len(head) - 1 : len(row) - 1] = True
    return ids, labels, response


def _losses(model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of each label, (row, token); right padding needs no mask in a causal model."""
    logits = model(input_ids=ids).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)


def _batches(rows: Iterator[tuple[Ids, Ids]], steps: int) -> Iterator[list[tuple[Ids, Ids]]]:
    """`steps` batches of rows of like length, in random order within windows."""
    rng = Random(SEED)
    while steps > 0:
        window = sorted(islice(rows, BATCH * WINDOW), key=lambda row: len(row[0]) + len(row[1]))
        batches = [window[start : start + BATCH] for start in range(0, len(window), BATCH)]
        rng.shuffle(batches)
        yield from batches[:steps]
        steps -= len(batches)


def train(model: LlamaForCausalLM, rows: Iterator[tuple[Ids, Ids]], steps: int) -> float:
    """Trains in place on prompts and responses alike; AdamW with a cosine schedule, in float32.

    Args:
        model: The model.
        rows: Encoded samples; at least `steps` batches of them.
        steps: How many batches to take.

    Returns:
        The mean response loss over the last twentieth of the steps, nats a token.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 50, 0.05 + 0.475 * (1 + math.cos(math.pi * step / steps)))
    )
    seen: list[float] = []
    start = time.monotonic()
    for step, batch in enumerate(_batches(rows, steps), 1):
        ids, labels, response = padded(batch)
        losses = _losses(model, ids, labels)
        optimizer.zero_grad()
        torch.autograd.backward(losses[labels >= 0].mean())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        seen.append(losses.detach()[response].mean().item())
        if step % 100 == 0:
            recent = sum(seen[-100:]) / 100
            print(
                f"  step {step:,}/{steps:,}: response loss {recent:.3f}, {time.monotonic() - start:.0f} s", flush=True
            )
    return sum(seen[-(steps // 20) :]) / (steps // 20)


def save(model: LlamaForCausalLM, folder: Path) -> None:
    """Writes the weights as bfloat16, and the configuration."""
    for weight in model.parameters():
        weight.data = weight.data.bfloat16()
    model.config.dtype = torch.bfloat16
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone


def load(folder: Path) -> LlamaForCausalLM:
    """The model as stored, to compute in float32."""
    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model


@torch.no_grad()
def response_loss(model: LlamaForCausalLM, rows: Sequence[tuple[Ids, Ids]]) -> float:
    """The mean loss of the response tokens of `rows`, nats a token."""
    ids, labels, response = padded(rows)
    return float(_losses(model, ids, labels)[response].mean())


@torch.no_grad()
def answer(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, head: Ids) -> str:
    """The greedy response to the prompt `head`, at most 96 tokens."""
    ids = torch.tensor([head])
    untyped: Any = model  # the annotation of generate refuses the model's own class
    made = untyped.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=96, do_sample=False)
    return str(tokenizer.decode(made[0, len(head) :], skip_special_tokens=True))
