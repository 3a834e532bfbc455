"""The token lengths of the 52,002 rows of Alpaca, which may not travel themselves.

`alpaca_lengths.json` maps length to number of rows. `python -m benchmarks.lengths` derives it anew from the shared
data: the chat template and tokenizer of the shared model (8,192 tokens, so a little longer than with LLaMA's 32,000),
nothing truncated; the 28 rows without a response are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.inputs import SHARED, load_tokenizer
from nait_widgets.records import Renderer, read_records

_FILE = Path(__file__).with_name("alpaca_lengths.json")
ALPACA_ROWS = 52_002
_LARGEST = 1 << 16


def sample_lengths(n: int, *, longest: int) -> list[int]:
    """Lengths at n evenly spaced quantiles of Alpaca's, in a fixed random order, none longer than `longest`."""
    counts = {int(length): count for length, count in json.loads(_FILE.read_text()).items()}
    lengths = np.repeat(list(counts), list(counts.values()))
    spread = lengths[((np.arange(n) + 0.5) * len(lengths) / n).astype(np.int64)]
    return [min(int(length), longest) for length in np.random.default_rng(0).permutation(spread)]


def derive() -> dict[int, int]:
    """Render all rows; number of rows by length, ascending."""
    renderer = Renderer(load_tokenizer(SHARED / "model"), max_length=_LARGEST)
    records = list(read_records(SHARED / "data/alpaca52k/alpaca_data.json"))
    assert len(records) == ALPACA_ROWS
    rendered = (
        sample for start in range(0, len(records), 512) for sample in renderer.render(records[start : start + 512])
    )
    return dict(sorted(Counter(len(sample.input_ids) for sample in rendered if sample.defect is None).items()))


if __name__ == "__main__":
    _FILE.write_text(json.dumps(derive(), separators=(",", ":")) + "\n")
