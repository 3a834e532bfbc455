"""The command line: capture, fit, score, select, guard, explain, compare, info, verify, join, pack, demo and others.

Each command is one function that calls the Python API and reports; the status is 0 only when all of it was done, 2 with
one sentence on standard error for input that can be mended, 130 after Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from nait_widgets.cli.common import complain
from nait_widgets.cli.parser import parser
from nait_widgets.errors import Interrupted, NaitError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` does; nor may Python complain when it closes the pipe at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Interrupted as error:
        return complain(error, 130)
    except KeyboardInterrupt:
        return complain("stopped; nothing was left half-written", 130)
    except NaitError as error:
        return complain(error, 2)
    return status
