"""Choose, see and share the instruction-tuning data that a language model's own neurons ask for.

The public names; each is imported when it is first used, so that importing the package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import NaitError
from nait_widgets.version import __version__

if TYPE_CHECKING:
    from nait_widgets.capturing import capture
    from nait_widgets.explaining import (
        CoreAndOwn,
        Explanation,
        Health,
        MethodComparison,
        compare_methods,
        core_and_own,
        explain,
    )
    from nait_widgets.fitting import fit_direction
    from nait_widgets.guarding import Contamination, NearDuplicates, contamination, near_duplicates
    from nait_widgets.methods import PRESETS, Direction, FitOptions, ScoreOptions
    from nait_widgets.models import load_model
    from nait_widgets.planning import Plan, plan
    from nait_widgets.records import read_records
    from nait_widgets.scorers import Scorer, scorer
    from nait_widgets.scoring import score
    from nait_widgets.selection import (
        Filters,
        Ratio,
        Recipe,
        Selection,
        Wish,
        facility_location,
        k_center,
        select,
        select_from_fingerprint,
        suggest_ratio,
        without_near_duplicates,
    )
    from nait_widgets.store import ActivationStore, Status, append, join, open_store, subset, unpack
    from nait_widgets.training import SubsetComparison, compare_subsets
    from nait_widgets.widgets import CaptureMonitor, Curator, DirectionHealth, Inspector, Overlap

_HOMES = {
    "capture": "capturing",
    "CoreAndOwn": "explaining",
    "Explanation": "explaining",
    "Health": "explaining",
    "MethodComparison": "explaining",
    "compare_methods": "explaining",
    "core_and_own": "explaining",
    "explain": "explaining",
    "fit_direction": "fitting",
    "Contamination": "guarding",
    "NearDuplicates": "guarding",
    "contamination": "guarding",
    "near_duplicates": "guarding",
    "Direction": "methods",
    "FitOptions": "methods",
    "PRESETS": "methods",
    "ScoreOptions": "methods",
    "load_model": "models",
    "Plan": "planning",
    "plan": "planning",
    "read_records": "records",
    "Scorer": "scorers",
    "scorer": "scorers",
    "score": "scoring",
    "Filters": "selection",
    "Ratio": "selection",
    "Recipe": "selection",
    "Selection": "selection",
    "Wish": "selection",
    "facility_location": "selection",
    "k_center": "selection",
    "select": "selection",
    "select_from_fingerprint": "selection",
    "suggest_ratio": "selection",
    "without_near_duplicates": "selection",
    "ActivationStore": "store",
    "Status": "store",
    "append": "store",
    "join": "store",
    "open_store": "store",
    "subset": "store",
    "unpack": "store",
    "SubsetComparison": "training",
    "compare_subsets": "training",
    "CaptureMonitor": "widgets",
    "Curator": "widgets",
    "DirectionHealth": "widgets",
    "Inspector": "widgets",
    "Overlap": "widgets",
}

__all__ = [
    "PRESETS",
    "ActivationStore",
    "CaptureMonitor",
    "Contamination",
    "CoreAndOwn",
    "Curator",
    "Direction",
    "DirectionHealth",
    "Explanation",
    "Filters",
    "FitOptions",
    "Health",
    "Inspector",
    "MethodComparison",
    "NaitError",
    "NearDuplicates",
    "Overlap",
    "Plan",
    "Ratio",
    "Recipe",
    "ScoreOptions",
    "Scorer",
    "Selection",
    "Status",
    "SubsetComparison",
    "Wish",
    "__version__",
    "append",
    "capture",
    "compare_methods",
    "compare_subsets",
    "contamination",
    "core_and_own",
    "explain",
    "facility_location",
    "fit_direction",
    "join",
    "k_center",
    "load_model",
    "near_duplicates",
    "open_store",
    "plan",
    "read_records",
    "score",
    "scorer",
    "select",
    "select_from_fingerprint",
    "subset",
    "suggest_ratio",
    "unpack",
    "without_near_duplicates",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where `jupyter labextension develop` finds the built extension, and its name."""
    return [{"src": "labextension", "dest": "nait-widgets"}]
