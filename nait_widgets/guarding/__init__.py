"""What must be known before a selection is trusted: near-duplicates, and samples that a benchmark also has."""

from nait_widgets.guarding.comparing import contamination
from nait_widgets.guarding.duplicates import near_duplicates
from nait_widgets.guarding.reports import (
    Contamination,
    Finding,
    Match,
    NearDuplicates,
    read_report,
    require_report_place,
)

__all__ = [
    "Contamination",
    "Finding",
    "Match",
    "NearDuplicates",
    "contamination",
    "near_duplicates",
    "read_report",
    "require_report_place",
]
