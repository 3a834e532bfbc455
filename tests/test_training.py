"""Fine-tuning and evaluation, held against transformers' own loss and a gradient step written by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_rows
from tiny import bare_model, tiny_model, tiny_tokenizer

from nait_widgets.capturing.rendering import renderer_for
from nait_widgets.errors import ModelError, NaitError
from nait_widgets.models import CausalLM, load_model
from nait_widgets.training import Training, fine_tune
from nait_widgets.training.answers import CHECKS, final_number, require_checkable
from nait_widgets.training.batches import Piece, steps, whole
from nait_widgets.training.endings import Ending, ending
from nait_widgets.training.evaluation import exact_match, response_loss
from nait_widgets.training.finetune import Stepper, micro_batches, trainable
from nait_widgets.training.samples import Samples, read_samples


@pytest.fixture(scope="module")
def samples(lm: CausalLM) -> Samples:
    return read_samples("subset 'x'", make_rows(30), renderer_for(lm, "plain", None))


def labels_loss(model: Any, piece: Piece) -> torch.Tensor:
    """What transformers gives for a sample alone whose other tokens are masked by its label -100."""
    ids = torch.tensor(piece.sample.input_ids[None].astype(np.int64))
    labels = torch.full_like(ids, -100)
    labels[:, piece.start : piece.stop] = ids[:, piece.start : piece.stop]
    loss: torch.Tensor = model(input_ids=ids, labels=labels).loss
    return loss


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "gpt2"])
def test_the_loss_of_a_batch_is_the_sum_of_transformers_own(architecture: str) -> None:
    lm = tiny_model(architecture)
    found = read_samples("subset", make_rows(6), renderer_for(lm, "plain", None))
    pieces = [whole(sample) for sample in found.rendered]
    expected = sum(labels_loss(lm.model, piece).item() * len(piece) for piece in pieces)
    for masked in (False, True):
        stepper = Stepper(lm, masked=masked, batch_tokens=4096)
        assert stepper.loss(pieces).item() == pytest.approx(expected, rel=1e-5)
        loss = response_loss(lm, found.rendered, masked=masked, batch_tokens=40)
        assert loss == pytest.approx(expected / found.response_tokens, rel=1e-5)


@pytest.mark.parametrize("batch_tokens", [4096, 40])
def test_steps_are_those_of_adamw_written_by_hand(lm: CausalLM, samples: Samples, batch_tokens: int) -> None:
    training = Training(steps=3, response_tokens=50, learning_rate=1e-3, warmup=0.34, weight_decay=0.1, clip=0.5)
    tuned, losses = fine_tune(lm, samples.rendered, training, 7, masked=False, batch_tokens=batch_tokens)

    model = trainable(lm, None).model
    weights = list(model.parameters())
    first, second = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    rates = [1e-3, 1e-3, 0.5e-3]  # one step of warm-up, then half a cosine over two steps
    for number, (pieces, rate) in enumerate(zip(steps(samples.rendered, 3, 50, 7), rates, strict=True), 1):
        loss = sum(labels_loss(model, piece) * len(piece) for piece in pieces) / 50
        assert isinstance(loss, torch.Tensor)
        assert losses[number - 1] == pytest.approx(loss.item(), rel=1e-5)
        gradients = torch.autograd.grad(loss, weights)
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        assert norm > 0.5  # so that clipping is seen
        with torch.no_grad():
            for w, g, m, v in zip(weights, gradients, first, second, strict=True):
                g = g * 0.5 / norm
                m.mul_(0.9).add_(0.1 * g)
                v.mul_(0.999).add_(0.001 * g * g)
                w.mul_(1 - rate * 0.1)
                w.sub_(rate * (m / (1 - 0.9**number)) / ((v / (1 - 0.999**number)).sqrt() + 1e-8))
    for ours, theirs in zip(tuned.model.parameters(), weights, strict=True):
        assert torch.allclose(ours, theirs, atol=2e-5)
    pairs = zip(tuned.model.parameters(), lm.model.parameters(), strict=True)
    assert max(float((a - b).abs().max()) for a, b in pairs) > 1e-3


@pytest.mark.parametrize("response_tokens", [1, 13, 5_000])
def test_every_step_has_exactly_its_response_tokens_and_an_epoch_each_token_once(
    samples: Samples, response_tokens: int
) -> None:
    n_steps = -(-2 * samples.response_tokens // response_tokens)
    dealt = list(steps(samples.rendered, n_steps, response_tokens, 3))
    assert {sum(len(piece) for piece in step) for step in dealt} == {response_tokens}
    tokens = [(id(piece.sample), t) for step in dealt for piece in step for t in range(piece.start, piece.stop)]
    once = {(id(sample), t) for sample in samples.rendered for t in range(*sample.response)}
    first, second = tokens[: len(once)], tokens[len(once) : 2 * len(once)]
    assert set(first) == set(second) == once
    assert len(once) == samples.response_tokens
    assert first != second  # another order


def test_the_order_is_a_function_of_the_seed_alone(samples: Samples) -> None:
    def order(seed: int) -> list[list[tuple[int, int]]]:
        return [[(id(p.sample), p.start) for p in step] for step in steps(samples.rendered, 4, 20, seed)]

    assert order(1) == order(1) != order(2)


def test_a_first_token_is_no_target(lm: CausalLM) -> None:
    found = read_samples("subset", [{"text": "river mill"}], renderer_for(lm, "plain", None))
    sample = found.rendered[0]
    at_start = type(sample)(sample.input_ids[1:], (0, 3), False, None)
    assert whole(at_start) == Piece(at_start, 1, 3)


def test_batches_keep_to_their_tokens_and_lose_nothing(samples: Samples) -> None:
    pieces = [whole(sample) for sample in samples.rendered]
    batches = list(micro_batches(pieces, 60))
    assert sorted(id(piece) for batch in batches for piece in batch) == sorted(map(id, pieces))
    assert all(len(batch) == 1 or len(batch) * max(p.stop for p in batch) <= 60 for batch in batches)
    assert len(batches) < len(pieces)


def test_adapters_leave_the_base_as_it_was_and_learn(lm: CausalLM, samples: Samples) -> None:
    before = {name: value.clone() for name, value in lm.model.state_dict().items()}
    training = Training(steps=6, response_tokens=100, learning_rate=1e-2, lora=2)
    tuned, losses = fine_tune(lm, samples.rendered, training, 0, masked=False, batch_tokens=4096)
    again, same = fine_tune(lm, samples.rendered, training, 0, masked=False, batch_tokens=4096)
    assert losses == same
    assert losses[-1] < losses[0]
    after = tuned.model.state_dict()
    for name, value in before.items():
        assert torch.equal(lm.model.state_dict()[name], value)
        kept = name if name in after else name.replace(".weight", ".base_layer.weight")
        assert torch.equal(after[kept], value), name
    adapters = {name for name in after if "lora_" in name}
    assert {name for name, w in trainable(lm, 2).model.named_parameters() if w.requires_grad} == adapters
    assert all(torch.equal(after[name], again.model.state_dict()[name]) for name in adapters)
    assert not any("lora" in name or w.requires_grad for name, w in lm.model.named_parameters())


def test_half_precision_is_trained_in_float32(samples: Samples) -> None:
    lm = tiny_model("llama", dtype=torch.bfloat16)
    training = Training(steps=2, response_tokens=50, learning_rate=1e-4)
    tuned, losses = fine_tune(lm, samples.rendered, training, 0, masked=False, batch_tokens=4096)
    assert {w.dtype for w in tuned.model.parameters()} == {torch.float32}
    assert {w.dtype for w in lm.model.parameters()} == {torch.bfloat16}
    assert np.isfinite(losses).all()


def test_a_loss_that_runs_away_ends_the_run(lm: CausalLM, samples: Samples) -> None:
    training = Training(steps=20, response_tokens=50, learning_rate=1e30)
    with pytest.raises(ModelError, match="lower the learning rate"):
        fine_tune(lm, samples.rendered, training, 0, masked=False, batch_tokens=4096)


def test_global_random_numbers_stay_as_they_were(lm: CausalLM, samples: Samples) -> None:
    before = torch.get_rng_state()
    fine_tune(lm, samples.rendered, Training(steps=1, response_tokens=5, lora=1), 0, masked=False, batch_tokens=4096)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"response_tokens": 0}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"lora": 0},
     {"warmup": 1.0}, {"weight_decay": -1.0}, {"clip": 0.0}, {"schedule": "linear"}],
)  # fmt: skip
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NaitError, match=next(iter(wrong))):
        Training(**wrong)


def test_the_rate_warms_up_and_falls_or_stays() -> None:
    cosine = [Training(steps=10, warmup=0.2).share(step) for step in range(10)]
    assert cosine[:3] == [0.5, 1.0, 1.0]
    assert cosine[6] == pytest.approx(0.5)
    assert all(a > b > 0 for a, b in pairwise(cosine[2:]))
    assert {Training(steps=10, warmup=0.0, schedule="constant").share(step) for step in range(10)} == {1.0}


@pytest.mark.parametrize(
    ("text", "number"),
    [("The sum is 12.\n#### 1,234", "1234"), ("#### -7.50 apples, not 9", "-7.5"), ("it is 3, or 4", "4"),
     ("$1,000,000.", "1000000"), (".5", "0.5"), ("none", None), ("#### none, 3 before", "3"), ("7 ####", None)],
)  # fmt: skip
def test_final_numbers(text: str, number: str | None) -> None:
    found = final_number(text)
    assert found is None if number is None else found is not None and found == type(found)(number)


def test_checks_of_answers() -> None:
    number, text = CHECKS["final-number"], CHECKS["text"]
    assert number("so #### 72.0 and then 3", "…\n#### 72")
    assert not number("no idea", "no idea")
    assert text(" It is\n Five. ", "it is five.")
    assert not text("It is five", "It is five.")
    require_checkable("sums", number, ["#### 1", "2"])
    with pytest.raises(NaitError, match=r"'sums'.*row 2"):
        require_checkable("sums", number, ["#### 1", "two"])


def test_greedy_answers_are_those_of_each_prompt_alone(lm: CausalLM, samples: Samples) -> None:
    """Answers of a padded batch are those that a loop over argmax gives, one prompt at a time."""
    expected = []
    model: Any = lm.model
    for sample in samples.rendered:
        ids = torch.tensor(sample.input_ids[: sample.response[0]].astype(np.int64))[None]
        prompt = ids.shape[1]
        with torch.no_grad():
            for _ in range(5):
                token = model(ids).logits[0, -1].argmax()
                ids = torch.cat([ids, token[None, None]], dim=1)
                if token == lm.tokenizer.eos_token_id:
                    break
        expected.append(lm.tokenizer.decode(ids[0, prompt:], skip_special_tokens=True))
    asked: list[tuple[str, str]] = []

    def keep(answer: str, reference: str) -> bool:
        asked.append((reference, answer))
        return len(asked) % 3 == 0

    share = exact_match(lm, samples.rendered, samples.responses, keep, ending(lm, "plain"), answer_tokens=5)
    assert share == 10 / 30
    assert sorted(asked) == sorted(zip(samples.responses, expected, strict=True))


def test_an_answer_that_runs_on_into_the_next_turn_is_cut_there(lm: CausalLM) -> None:
    """A model that was trained on a response without its end learns no end; here it goes on by heart."""
    row = {"instruction": "add two and three", "output": "the sum is five\n\n### Instruction:\nadd nine"}
    found = read_samples("subset", [row], renderer_for(lm, "alpaca", None))
    training = Training(steps=60, response_tokens=found.response_tokens, learning_rate=1e-2)
    tuned, _ = fine_tune(lm, found.rendered, training, 0, masked=False, batch_tokens=4096)
    answers = []

    def same(answer: str, reference: str) -> bool:
        answers.append(answer)
        return CHECKS["text"](answer, reference)

    for end in (Ending((1,), ()), ending(tuned, "alpaca")):
        exact_match(tuned, found.rendered, ["the sum is five"], same, end, answer_tokens=found.response_tokens)
    assert answers == [row["output"], "the sum is five\n\n"]
    assert [CHECKS["text"](answer, "the sum is five") for answer in answers] == [False, True]


LINES = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
ZEPHYR = "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
ONE_TURN = "{% if messages | length > 2 %}{{ raise_exception('one turn') }}{% endif %}{{ messages[1]['content'] }}"


@pytest.mark.parametrize(
    ("template", "special", "tokens", "answer", "cut"),
    [
        (LINES, [], [], "the user: me\nuser: and now?", "the user: me\n"),
        (ZEPHYR, [], [], "five\n<|user|>\nand now?", "five\n"),
        (LLAMA2, [], ["<s>"], "five [INST] and now?", "five "),
        (CHATML, ["<|im_start|>", "<|im_end|>"], ["<|im_start|>", "<|im_end|>"], "five\nuser\n", "five\nuser\n"),
        (CHATML, [], [], "five <|im_start|>user <|im_end|>\n<|im_start|>", "five <|im_start|>user "),
        (ONE_TURN, [], [], "five\n\nuser: more", "five\n\nuser: more"),
        (None, [], [], "five\n\nand now?", "five\n\nand now?"),
    ],
)
def test_answers_end_where_templates_begin_the_next_turn(
    template: str | None, special: list[str], tokens: list[str], answer: str, cut: str
) -> None:
    tokenizer: Any = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.chat_template = template
    lm = load_model(bare_model("llama"), tokenizer=tokenizer)
    found = ending(lm, "chat" if template else "plain")
    assert set(found.tokens) == {1, *tokenizer.convert_tokens_to_ids(tokens)}
    assert found.cut(answer) == cut


def test_answers_stay_within_a_models_context() -> None:
    lm = tiny_model("gpt2", n_positions=64)  # has no position beyond
    found = read_samples("subset", make_rows(8), renderer_for(lm, "plain", None))
    exact_match(lm, found.rendered, found.responses, CHECKS["text"], ending(lm, "plain"), answer_tokens=100)


@pytest.mark.parametrize("architecture", ["gpt2", "phi3"])
def test_adapters_are_on_every_linear_layer_but_the_head(architecture: str) -> None:
    from peft.tuners.lora import LoraLayer

    lm = tiny_model(architecture, dtype=torch.bfloat16)
    tuned = trainable(lm, 3)
    adapted = {name for name, module in tuned.model.named_modules() if isinstance(module, LoraLayer)}
    linear = {
        name
        for name, module in lm.model.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D") and module is not lm.head
    }
    assert adapted == linear
    weights = [w for w in tuned.model.parameters() if w.requires_grad]
    assert {w.dtype for w in weights} == {torch.float32}
    assert min(min(w.shape) for w in weights) == 3
