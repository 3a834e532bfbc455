"""All models in one table, with a row for a larger one where it is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.evidence.downstream import Recipe
from benchmarks.evidence.page import Section
from benchmarks.evidence.transfer import Setting, prepare, run_setting
from benchmarks.report import table

if TYPE_CHECKING:
    from benchmarks.evidence.study import Study

ROWS, SEEDS, RIVALS = 52_002, 3, ("length", "IFD", "activation diversity", "kNN", "RDS+")
RECIPE = Recipe(steps=100, response_tokens=4_096, learning_rate=2e-5)


def run(study: Study) -> Section:
    """The comparison with the named model, if there is one, and the rows of all."""
    section = Section()
    if study.model is not None:
        setting = Setting(Path(study.model).name, study.model, ROWS, SEEDS, RIVALS, RECIPE)
        section = run_setting(study, setting, prepare(study, setting))
    rows = [Section.load(path).figures["row"] for part in ("real", "own_base") if (path := study.part(part)).exists()]
    rows += [section.figures["row"]] if study.model else [{"model": "a larger model", "seeds": "not run"}]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    section.text.insert(0, table(columns, [[row.get(column, "") for column in columns] for row in rows]))
    return section
