"""The embedded demo: a small trained model and the instruction samples it is shown, made by `scripts/build_demo.py`."""

from __future__ import annotations

from pathlib import Path

from nait_widgets.errors import RecordError

_HERE = Path(__file__).parent

MODEL: Path = _HERE / "model"
"""A folder that transformers loads: a Llama of 2 M parameters with its tokenizer and chat template."""

POOL: Path = _HERE / "data" / "pool.jsonl"
"""5,000 candidate rows: `id`, `instruction`, `input`, `output`, and the labels `capability` and `quality`."""

CAPABILITIES: tuple[str, ...] = (
    "arithmetic",
    "python",
    "translation",
    "logic",
    "lists",
    "facts",
    "rewriting",
    "formatting",
)


def in_domain(capability: str) -> Path:
    """The file of 256 clean samples of one capability, none of them in the pool.

    Args:
        capability: One of `CAPABILITIES`.

    Returns:
        A JSON Lines file of rows with `id`, `instruction`, `input` and `output`.

    Raises:
        RecordError: For a capability that the demo doesn't have.
    """
    if capability not in CAPABILITIES:
        raise RecordError(
            f"the demo has no capability {capability!r}; take one of {', '.join(CAPABILITIES)}.", source="demo"
        )
    return _HERE / "data" / "in_domain" / f"{capability}.jsonl"
