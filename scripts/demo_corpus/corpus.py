"""Rows out of drafts: the candidate pool, the in-domain samples, and the text the model is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from demo_corpus import arithmetic, defects, facts, formatting, lists, logic, python_code, rewriting, translation
from demo_corpus.draft import Draft, Generator, framed

Row = dict[str, str]

GENERATORS: dict[str, Generator] = {
    "arithmetic": arithmetic.generate,
    "python": python_code.generate,
    "translation": translation.generate,
    "logic": logic.generate,
    "lists": lists.generate,
    "facts": facts.generate,
    "rewriting": rewriting.generate,
    "formatting": formatting.generate,
}
POOL_SHARES = {
    "arithmetic": 0.10, "python": 0.08, "translation": 0.11, "logic": 0.11,
    "lists": 0.15, "facts": 0.17, "rewriting": 0.16, "formatting": 0.12,
}  # fmt: skip
POOL_SIZE, IN_DOMAIN_SIZE = 5_000, 256
POOL_SEED, IN_DOMAIN_SEED, TRAINING_SEED = 2026, 2027, 2028


def _fresh(rng: Random, capability: str, seen: set[tuple[str, str]]) -> Draft:
    """A draft whose question is not among `seen`, which then holds it."""
    while True:
        draft = framed(rng, GENERATORS[capability](rng))
        key = (draft.instruction, draft.input)
        if key not in seen and draft.output not in ("", draft.wrong):
            seen.add(key)
            return draft


def _row(draft: Draft) -> Row:
    return {"instruction": draft.instruction, "input": draft.input, "output": draft.output}


def pool() -> list[Row]:
    """The candidate rows, shuffled: `id`, `instruction`, `input`, `output`, `capability`, `quality`."""
    rng, seen = Random(POOL_SEED), set[tuple[str, str]]()
    weights = [1 - sum(defects.SHARES.values()), *defects.SHARES.values()]
    rows: list[Row] = []
    for capability, share in POOL_SHARES.items():
        drafts: list[Draft] = []
        qualities = rng.choices(defects.QUALITIES, weights, k=round(share * POOL_SIZE) - 1)
        for quality in ("clean", *qualities):  # a duplicate has something to copy from the start
            if quality == "duplicate":
                original = rng.choice(drafts)
                draft = original._replace(instruction=defects.near_copy(rng, original.instruction))
            else:
                draft = _fresh(rng, capability, seen)
            if quality == "clean":
                drafts.append(draft)
            output = defects.answer(rng, draft, quality)
            rows.append(_row(draft) | {"output": output, "capability": capability, "quality": quality})
    rng.shuffle(rows)
    return [{"id": f"d{number:05}"} | row for number, row in enumerate(rows)]


def _seen(rows: list[Row]) -> set[tuple[str, str]]:
    return {(row["instruction"], row["input"]) for row in rows}


def in_domain() -> dict[str, list[Row]]:
    """The clean in-domain rows of each capability, none in the pool: `id`, `instruction`, `input`, `output`."""
    rng, seen = Random(IN_DOMAIN_SEED), _seen(pool())
    return {
        capability: [
            {"id": f"{capability}-{number:03}"} | _row(_fresh(rng, capability, seen))
            for number in range(IN_DOMAIN_SIZE)
        ]
        for capability in GENERATORS
    }


def training() -> Iterator[Draft]:
    """Clean drafts without end, of all capabilities alike; no question of the pool or of an in-domain sample."""
    rng = Random(TRAINING_SEED)
    kept_out = _seen(pool()) | _seen([row for rows in in_domain().values() for row in rows])
    names = list(GENERATORS)
    while True:
        capability = rng.choice(names)
        draft = framed(rng, GENERATORS[capability](rng))
        if (draft.instruction, draft.input) not in kept_out:
            yield draft
