"""The same comparison, smaller, with the base model that the scripts train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.evidence.base import trained
from benchmarks.evidence.transfer import Setting, prepare, run_setting

if TYPE_CHECKING:
    from benchmarks.evidence.page import Section
    from benchmarks.evidence.study import Study

ROWS, SEEDS, RIVALS = 6_000, 3, ("kNN",)


def run(study: Study) -> Section:
    """Train the base where it isn't there, and compare."""
    setting = Setting("own base", trained(study), ROWS, SEEDS, RIVALS)
    return run_setting(study, setting, prepare(study, setting))
