"""The same base, fine-tuned on each subset alike: which data trains it better?"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.capturing.rendering import renderer_for
from nait_widgets.errors import Interrupted, NaitError
from nait_widgets.models import check_head, find_site, load_model, probe
from nait_widgets.progress import progress
from nait_widgets.training import checks, telling
from nait_widgets.training.answers import Check, find_check, require_checkable
from nait_widgets.training.endings import ending
from nait_widgets.training.finetune import import_peft
from nait_widgets.training.options import Schedule, Training
from nait_widgets.training.result import Reuse, SubsetComparison
from nait_widgets.training.runs import BASE, Job, Material, Run, run
from nait_widgets.training.samples import draws, read_samples
from nait_widgets.training.workers import run_in_processes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.models import CausalLM

FORMAT = "nait-comparison-1"
_RATE, _LORA_RATE = 2e-5, 2e-4
_BATCH_TOKENS = {"cpu": 4096, "cuda": 16384}


def compare_subsets(
    model: str | os.PathLike[str] | PreTrainedModel | CausalLM,
    subsets: Mapping[str, Any],
    eval_sets: Mapping[str, Any],
    *,
    out: str | os.PathLike[str],
    seeds: int | Sequence[int] = 5,
    steps: int = 100,
    response_tokens: int = 2048,
    learning_rate: float | None = None,
    schedule: Schedule = "cosine",
    warmup: float = 0.1,
    weight_decay: float = 0.0,
    clip: float = 1.0,
    lora: int | None = None,
    answers: Mapping[str, str | Check] | None = None,
    answer_tokens: int = 256,
    reference: str | None = None,
    order: Sequence[str] | None = None,
    workers: int = 1,
    tokenizer: PreTrainedTokenizerBase | None = None,
    template: str | None = None,
    max_length: int | None = None,
    batch_tokens: int | None = None,
    dtype: str = "auto",
    device: str | None = None,
    attention: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> SubsetComparison:
    """Fine-tune the same base on each subset alike, and compare what comes of it on held-out samples.

    Every run takes the same number of steps, each the mean over exactly `response_tokens` response tokens, whatever
    the lengths of a subset's rows; a small subset is repeated. Only the response's own text is trained on, neither the
    prompt nor the end of turn. The untouched base is evaluated too. Each run is kept in `out` as soon as it is done,
    so the same call goes on where it was stopped, and further subsets or seeds add to what is there; on another kind
    of device, or with another version of torch, transformers or peft, it is refused, since figures would be mixed. On
    one CPU, with as many threads, the same call gives the same figures.

    Args:
        model: A hub id, a folder, or a loaded model (then with its tokenizer); it is never changed.
        subsets: By name a `Selection`, or anything `read_records` reads. A list of these, one for each seed, draws the
            subset anew: a random subset is worth more so, since one draw can be lucky.
        eval_sets: By name anything `read_records` reads; not part of the subsets.
        out: The folder of this comparison; made where it is missing. Its `comparison.json` and `report.html` are those
            of the last call; runs of other rows that an earlier one left there are kept, and their number is told.
        seeds: How many (0, 1, …), or which. A seed decides the order of a subset's rows, dropout, and the first
            weights of adapters.
        steps: Of each run.
        response_tokens: Of each step.
        learning_rate: The highest one; None for 2e-5, or 2e-4 with adapters. Small models need larger ones.
        schedule: `cosine` or `constant`, see `Training`.
        warmup: Share of the steps over which the rate rises.
        weight_decay: AdamW's.
        clip: Largest norm of the gradient.
        lora: Rank of low-rank adapters (needs peft); None to train all weights.
        answers: Eval sets whose answers can be checked, each with `final-number`, `text`, or a function of answer and
            reference, which is known by its name (so give a changed one another). The model then answers every prompt
            greedily, which takes long. An answer ends at an end token, or where the template begins to write the next
            turn, since the end of turn isn't trained; `plain` writes nothing there, so that a base may run on.
        answer_tokens: Longest answer.
        reference: What the other subsets are held against; None for `random` if there is one, else the first.
        order: Subsets that are claimed to be better from each to the next; None for top, random, bottom where there
            are such.
        workers: Processes that run at the same time, on a CPU with their share of its threads each. Each loads the
            model itself, so it must be a path or hub id.
        tokenizer: For a loaded model.
        template: `chat`, `alpaca` or `plain`; None for the tokenizer's chat template where it has one.
        max_length: Tokens at which a sample is cut; None as in `capture`.
        batch_tokens: Tokens that go through the model at once, padding included; None for 4,096 on a CPU and 16,384
            on a GPU. A step of more is done in several parts.
        dtype: As in `capture`; where it is half precision, weights are trained in float32 under bfloat16 arithmetic.
        device: As in `capture`.
        attention: As in `capture`.
        revision: Of a hub id.
        trust_remote_code: Whether a model may run code of its own.

    Raises:
        NaitError: Something doesn't fit together, or a subset or eval set has nothing to train or evaluate on.
        RecordError: Data can't be read.
        ModelError: The model can't be loaded or trained.
        Interrupted: Ctrl-C; the runs that were done are kept.
    """
    rate = learning_rate if learning_rate is not None else _LORA_RATE if lora else _RATE
    training = Training(steps, response_tokens, rate, schedule, warmup, weight_decay, clip, lora)
    chosen = checks.seeds(seeds)
    answers = answers or {}
    checks.require_named(subsets=subsets, eval_sets=eval_sets, answers=answers)
    checked = {name: find_check(answer) for name, answer in answers.items()}
    reference, order = checks.claims(subsets, eval_sets, answers, reference, order)
    loading: dict[str, Any] = {
        "tokenizer": tokenizer,
        "dtype": dtype,
        "device": device,
        "attention": attention,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
    }
    source = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    checks.require_counts(workers=workers, answer_tokens=answer_tokens, batch_tokens=batch_tokens)
    checks.require_picklable(workers, source, answers)
    if lora is not None:
        import_peft()

    lm = load_model(model, **loading)
    if lm.identity.quantization is not None:
        raise NaitError(f"{lm.identity.name} is quantised ({lm.identity.quantization}): give its plain checkpoint")
    check_head(lm)
    masked = probe(lm, find_site(lm, "resid_post")).masked
    renderer = renderer_for(lm, template, max_length)
    by_seed = {
        name: dict(zip(chosen, draws(name, given, len(chosen), renderer), strict=True))
        for name, given in subsets.items()
    }
    held_out = {name: read_samples(f"eval set {name!r}", given, renderer) for name, given in eval_sets.items()}
    for name, (_, check) in checked.items():
        require_checkable(name, check, held_out[name].responses)

    end = ending(lm, renderer.name)
    plan = {
        "format": FORMAT,
        "model": lm.identity.as_dict(),
        "template": {"name": renderer.name, "digest": renderer.digest, "max_length": renderer.max_length},
        "training": asdict(training),
        "eval_sets": {
            name: samples.facts() | {"answer": checked[name][0] if name in checked else None}
            for name, samples in held_out.items()
        },
        "answer_tokens": answer_tokens if answers else None,
        "answer_end": end.facts() if answers else None,
        "device": lm.device.type,
        "versions": _versions("torch", "transformers", *(["peft"] if lora else [])),
    }
    folder = Path(out)
    checks.open_folder(folder, plan)
    cautions = checks.cautions(by_seed, held_out, training, renderer.max_length)
    for caution in cautions:
        warnings.warn(checks.Caution(caution), stacklevel=2)
    budget = batch_tokens or _BATCH_TOKENS.get(lm.device.type, _BATCH_TOKENS["cpu"])
    material = Material(plan, training, by_seed, held_out, answers, end, answer_tokens, masked, budget, folder / "runs")
    # Seed by seed, so that what an interrupt leaves can be compared.
    jobs = [Job(BASE, None), *(Job(name, seed) for seed in chosen for name in subsets)]
    runs, reuse = _run_all(lm, source, loading, material, jobs, workers)
    result = SubsetComparison(
        plan=plan,
        seeds=tuple(chosen),
        subsets={
            name: [s.facts() for s in {s.digest: s for s in found.values()}.values()] for name, found in by_seed.items()
        },
        base=runs[0],
        runs=tuple(runs[1:]),
        reference=reference,
        order=order,
        cautions=tuple(cautions),
        reuse=reuse,
    )
    result = replace(result, cautions=(*cautions, *telling.cautions(result)))
    result.save(folder)
    return result


def _versions(*packages: str) -> dict[str, str]:
    """Of packages that decide figures, without what a build adds to them: the device is told by itself."""
    return {package: version(package).partition("+")[0] for package in packages}


def _run_all(
    lm: CausalLM, source: str | None, loading: dict[str, Any], material: Material, jobs: list[Job], workers: int
) -> tuple[list[Run], Reuse]:
    """Every job's run, those that an earlier call has done read from where it kept them; and how many those are."""
    found = {job: kept for job in jobs if (kept := material.kept(job)) is not None}
    missing = [job for job in jobs if job not in found]
    reuse = Reuse(len(found), len(missing), material.others(jobs))
    if reuse.others:
        warnings.warn(
            checks.Caution(
                f"{material.folder} keeps {reuse.others:,} run{'s' if reuse.others > 1 else ''} of other rows, subsets "
                f"or seeds, no part of this comparison; of its own {len(jobs):,} runs, {reuse.reused:,} done before "
                f"and {reuse.new:,} new"
            ),
            stacklevel=3,
        )
    steps = material.training.steps
    n_done = sum(job.seed is not None for job in found)
    with progress((len(jobs) - 1) * steps, "fine-tuning", "steps", n_done * steps) as bar:

        def report(n: int) -> None:
            bar.update(n)

        try:
            if workers == 1 or len(missing) < 2:
                for job in missing:
                    found[job] = run(lm, material, job, report)
            else:
                assert source is not None
                for done in run_in_processes(missing, workers, source, loading, material):
                    found[Job(done.subset, done.seed)] = done
                    report(steps if done.seed is not None else 0)
        except KeyboardInterrupt:
            safe = sum(material.file(job).exists() for job in jobs)
            raise Interrupted(
                f"stopped: {safe:,} of {len(jobs):,} runs are safe in {material.folder}; run the same command again to "
                "go on"
            ) from None
    return [found[job] for job in jobs], reuse
