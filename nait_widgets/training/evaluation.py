"""What a model makes of held-out samples: the loss of their responses, and how many it answers exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nait_widgets.models import response_nll
from nait_widgets.training.batches import whole
from nait_widgets.training.finetune import arithmetic, micro_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nait_widgets.models import CausalLM
    from nait_widgets.records import Rendered
    from nait_widgets.training.answers import Check
    from nait_widgets.training.endings import Ending


def response_loss(lm: CausalLM, samples: Sequence[Rendered], *, masked: bool, batch_tokens: int) -> float:
    """The mean negative log-likelihood over all response tokens of some samples, in nats a token.

    Every token counts alike, so a long response counts for more than a short one.
    """
    total, n_tokens = 0.0, 0
    for batch in micro_batches([whole(sample) for sample in samples], batch_tokens):
        ids, mask = _padded([piece.sample.input_ids[: piece.stop] for piece in batch], left=False)
        input_ids = torch.from_numpy(ids).to(lm.device)
        with arithmetic(lm):
            hidden = lm.last_hidden(input_ids, torch.from_numpy(mask).to(lm.device) if masked else None)
            means = response_nll(lm, hidden, input_ids, [(piece.start, piece.stop) for piece in batch])
        lengths = np.array([len(piece) for piece in batch])
        total += float(means.double().cpu().numpy() @ lengths)
        n_tokens += int(lengths.sum())
    return total / n_tokens


def exact_match(
    lm: CausalLM,
    samples: Sequence[Rendered],
    references: Sequence[str],
    check: Check,
    ending: Ending,
    *,
    answer_tokens: int,
) -> float:
    """The share of samples whose greedy answer passes a check against their reference.

    Args:
        lm: The model.
        samples: Whose prompts are answered: all before the response.
        references: Their responses.
        check: Says of an answer and its reference whether it is right.
        ending: What ends an answer.
        answer_tokens: The longest answer; shorter where the model's context has no room for it.
    """
    right = 0
    order = sorted(range(len(samples)), key=lambda i: -samples[i].response[0])
    for start in range(0, len(order), _ANSWERS_AT_ONCE):
        batch = order[start : start + _ANSWERS_AT_ONCE]
        answers = _answers(lm, [samples[i] for i in batch], ending, answer_tokens)
        right += sum(check(answer, references[i]) for answer, i in zip(answers, batch, strict=True))
    return right / len(samples)


_ANSWERS_AT_ONCE = 32


@torch.inference_mode()
def _answers(lm: CausalLM, samples: Sequence[Rendered], ending: Ending, answer_tokens: int) -> list[str]:
    from transformers import GenerationConfig

    ids, mask = _padded([sample.input_ids[: sample.response[0]] for sample in samples], left=True)
    room = answer_tokens if lm.max_length is None else min(answer_tokens, lm.max_length - ids.shape[1])
    model: Any = lm.model
    make: Any = GenerationConfig  # it has no type annotations
    with arithmetic(lm):
        out = model.generate(
            torch.from_numpy(ids).to(lm.device),
            attention_mask=torch.from_numpy(mask).to(lm.device),
            generation_config=make(
                max_new_tokens=room,
                do_sample=False,
                eos_token_id=list(ending.tokens) or None,
                pad_token_id=(ending.tokens or (0,))[0],
            ),
        )
    decoded: list[str] = lm.tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)
    return [ending.cut(answer) for answer in decoded]


def _padded(
    sequences: Sequence[np.ndarray[Any, np.dtype[np.int32]]], *, left: bool
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Token ids and mask of some sequences, each padded with its own last token: (row, T) both."""
    width = max(len(sequence) for sequence in sequences)
    ids, mask = np.zeros((2, len(sequences), width), np.int64)
    for row, sequence in enumerate(sequences):
        place = slice(width - len(sequence), None) if left else slice(len(sequence))
        ids[row] = sequence[-1]
        ids[row, place], mask[row, place] = sequence, 1
    return ids, mask
