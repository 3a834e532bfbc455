"""The command that tells what a capture will cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nait_widgets as nait
from nait_widgets.cli.commands import capturing, read
from nait_widgets.cli.common import quiet_transformers, tell

if TYPE_CHECKING:
    import argparse


def plan(options: argparse.Namespace) -> int:
    """Model + data -> tokens, FLOPs, bytes and hours of a capture."""
    quiet_transformers()
    told = nait.plan(
        options.model, read(options), options.output, probe_seconds=options.probe_seconds, **capturing(options)
    )
    tell(options, told.as_json(), [str(told)])
    return 0
