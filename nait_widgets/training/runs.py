"""One run: fine-tune the base on a subset at a seed, and evaluate."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nait_widgets.errors import ModelError, NaitError
from nait_widgets.paths import slug, written_whole
from nait_widgets.training.answers import Check, find_check
from nait_widgets.training.batches import steps
from nait_widgets.training.evaluation import exact_match, response_loss
from nait_widgets.training.finetune import fine_tune

if TYPE_CHECKING:
    from nait_widgets.models import CausalLM
    from nait_widgets.training.endings import Ending
    from nait_widgets.training.options import Training
    from nait_widgets.training.samples import Samples

BASE = "base"


class Job(NamedTuple):
    """What to run.

    Attributes:
        subset: Its name; `BASE` for the untouched model.
        seed: None for the untouched model.
    """

    subset: str
    seed: int | None


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a job.

    Attributes:
        subset: Its name; `"base"` for the untouched model.
        seed: Of the run; None for the untouched model.
        loss: Response loss by eval set, in nats a token.
        exact: Share of exactly right answers by eval set, where it has checkable ones.
        train_loss: Loss of each step before it was taken, in nats a token.
        response_tokens: Response tokens that were trained on.
        tokens: Tokens that the model read for it, prompts included.
        epochs: How often each response token was trained on, on average.
        seconds: Training and evaluation.
    """

    subset: str
    seed: int | None
    loss: Mapping[str, float]
    exact: Mapping[str, float]
    train_loss: list[float]
    response_tokens: int
    tokens: int
    epochs: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Material:
    """All that runs share but the model.

    Attributes:
        plan: What decides every run, as JSON; see `SubsetComparison`.
        training: How the base is fine-tuned.
        subsets: Samples of each subset by seed.
        eval_sets: What is evaluated on.
        answers: How answers are checked, by eval set.
        ending: What ends an answer.
        answer_tokens: Longest answer.
        masked: Whether batches need an attention mask.
        batch_tokens: Tokens at once, padding included.
        folder: Where runs are kept.
    """

    plan: Mapping[str, Any]
    training: Training
    subsets: Mapping[str, Mapping[int, Samples]]
    eval_sets: Mapping[str, Samples]
    answers: Mapping[str, str | Check]
    ending: Ending
    answer_tokens: int
    masked: bool
    batch_tokens: int
    folder: Path

    def file(self, job: Job) -> Path:
        """Where a run is kept: its name holds a digest of everything that decides it."""
        data = None if job.seed is None else self.subsets[job.subset][job.seed].digest
        meaning = json.dumps([decisive(self.plan), job.subset, data, job.seed], sort_keys=True)
        key = sha256(meaning.encode()).hexdigest()[:16]
        name = job.subset if job.seed is None else f"{job.subset}-{job.seed}"
        return self.folder / f"{slug(name)}-{key}.json"

    def others(self, jobs: Iterable[Job]) -> int:
        """How many runs are kept beside those of some jobs."""
        return len({*self.folder.glob("[!.]*.json")} - {self.file(job) for job in jobs})

    def kept(self, job: Job) -> Run | None:
        """A run that was done before."""
        file = self.file(job)
        if not file.exists():
            return None
        try:
            return Run(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise NaitError(f"{file} is no result of a run ({error}): delete it, and the run is done again") from error


def decisive(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan without what a model is called: its weights and its tokenizer are what it is."""
    model = {name: value for name, value in plan["model"].items() if name not in ("name", "revision")}
    return {**plan, "model": model}


def run(lm: CausalLM, material: Material, job: Job, report: Callable[[int], None] = lambda _: None) -> Run:
    """Do a job and keep its result.

    Args:
        lm: The base, which is left as it was.
        material: The rest.
        job: What to do.
        report: Called with the number of steps that were taken, after each.
    """
    started = time.perf_counter()
    training, masked, batch_tokens = material.training, material.masked, material.batch_tokens
    tuned, losses, tokens, epochs = lm, list[float](), 0, 0.0
    if job.seed is not None:
        samples = material.subsets[job.subset][job.seed]
        try:
            tuned, losses = fine_tune(
                lm,
                samples.rendered,
                training,
                job.seed,
                masked=masked,
                batch_tokens=batch_tokens,
                report=report,
            )
        except ModelError as error:
            raise ModelError(f"{_named(job)}: {error}") from error
        dealt = steps(samples.rendered, training.steps, training.response_tokens, job.seed)
        tokens = sum(piece.stop for step in dealt for piece in step)
        epochs = training.steps * training.response_tokens / samples.response_tokens
    loss = {
        name: response_loss(tuned, samples.rendered, masked=masked, batch_tokens=batch_tokens)
        for name, samples in material.eval_sets.items()
    }
    if not all(map(math.isfinite, loss.values())):
        raise ModelError(f"{_named(job)}: the loss on held-out samples is not finite; lower the learning rate")
    exact = {}
    for name, answer in material.answers.items():
        samples = material.eval_sets[name]
        exact[name] = exact_match(
            tuned,
            samples.rendered,
            samples.responses,
            find_check(answer)[1],
            material.ending,
            answer_tokens=material.answer_tokens,
        )
    trained = len(losses) * training.response_tokens
    seconds = time.perf_counter() - started
    done = Run(job.subset, job.seed, loss, exact, losses, trained, tokens, epochs, seconds)
    with written_whole(material.file(job)) as temporary:
        temporary.write_text(json.dumps(asdict(done), ensure_ascii=False), encoding="utf-8")
    return done


def _named(job: Job) -> str:
    return "the untouched base" if job.seed is None else f"subset {job.subset!r}, seed {job.seed}"
