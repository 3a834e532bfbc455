"""All models in one table, with a row for a larger one where it was ever given."""

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
    """The comparison with the named model, else that which the page shows already, and the rows of all."""
    section = _compared(study) if study.model is not None else _known(study)
    rows = [Section.load(path).figures["row"] for part in ("real", "own_base") if (path := study.part(part)).exists()]
    rows.append(section.figures.get("row", {"model": "a larger model", "seeds": "not run"}))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    section.text.insert(0, table(columns, [[row.get(column, "") for column in columns] for row in rows]))
    return section


def _compared(study: Study) -> Section:
    assert study.model is not None
    setting = Setting(Path(study.model).name, study.model, ROWS, SEEDS, RIVALS, RECIPE)
    return run_setting(study, setting, prepare(study, setting))


def _known(study: Study) -> Section:
    """What was measured where the card was; nothing where no larger model was run."""
    path = study.results / "evidence-larger.json"
    known = Section.load(path) if path.exists() else Section()
    if "row" not in known.figures:
        return Section()
    del known.text[0]  # the rows of all, which are made anew
    return known
