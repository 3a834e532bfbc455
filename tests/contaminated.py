"""A pool in which questions of a benchmark are hidden."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import make_rows

import nait_widgets as nait
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore

QUESTION = (
    "A baker has twelve trays with nine rolls on each and sells eighty of them; how many rolls are left?"  # 20 words
)
OTHER = "Which of these rivers flows through the most countries before it reaches the sea at last?"  # 16 words


def row(name: str, instruction: str, output: str) -> dict[str, Any]:
    return {"id": name, "instruction": instruction, "input": "", "output": output}


@pytest.fixture(scope="session")
def contaminated(lm: CausalLM, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """A pool in which two questions are hidden in every way that matters."""
    rows = [
        *make_rows(60),
        row("verbatim", QUESTION, "28"),
        row("shouted", QUESTION.upper().replace(" ", "  \n"), "28"),
        row("inside", "stone " * 9 + QUESTION + " hill" * 9, "28"),
        row("leaked", "Say something.", f"A question: {OTHER} That was it."),
        row("changed", QUESTION.replace("left", "sold"), "80"),
        row("halved", QUESTION.replace("eighty", "sixty"), "48"),
        row("unlike", "A baker sells rolls, and how many are left nobody knows.", "True."),
        row("empty", QUESTION, " "),
    ]
    return nait.capture(lm, rows, tmp_path_factory.mktemp("guarded") / "pool.zarr", template="plain")


BENCHMARK = [
    {"id": "q1", "question": QUESTION, "answer": "28"},
    {"id": "q2", "question": OTHER, "answer": "Danube"},
    {"id": "q3", "question": "What is it?", "answer": "28"},
]
