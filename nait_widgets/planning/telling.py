"""A plan as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nait_widgets.paths import readable

if TYPE_CHECKING:
    from nait_widgets.planning.costs import Plan, Times


def table(plan: Plan) -> str:
    """What a capture will cost, in some lines."""
    rows = ", ".join(f"{count:,} {label}" for label, count in plan.status.items())
    padding = plan.padded_tokens / plan.tokens - 1
    lines = [
        f"{plan.model} on {plan.source}: {plan.rows:,} rows ({rows})",
        f"  tokens   {plan.tokens:,}, with padding {plan.padded_tokens:,} ({padding:.1%} more)",
        f"  compute  {_scaled(plan.flops)}FLOP, by {_scaled(plan.parameters)} parameters outside the embedding",
        f"  store    {readable(plan.store_bytes)}: activations {readable(plan.activation_bytes)}, "
        f"columns {readable(plan.column_bytes)}, text {readable(plan.text_bytes)}; "
        f"{readable(plan.free_bytes)} free in {plan.folder}",
        f"  time     {duration(plan.seconds)} on {plan.device}: {_parts(plan.times)}; by {plan.tried} batches",
        "",
        f"  on a GPU, at {plan.gpu_share:.0%} of its peak; {readable(plan.gpu_memory)} of memory needed",
    ]
    widest = max(len(gpu.name) for gpu in plan.gpus)
    lines += [
        f"    {gpu.name:<{widest}}  {gpu.memory / 1e9:4.0f} GB  {duration(gpu.seconds) if gpu.fits else 'does not fit'}"
        for gpu in plan.gpus
    ]
    return "\n".join([*lines, *(["", f"  It can't be captured there: {plan.shortage}."] if plan.shortage else [])])


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s"


def _parts(times: Times) -> str:
    told = {name: getattr(times, name) for name in ("starting", "rendering", "model", "writing", "finishing")}
    listed = ", ".join(f"{name} {duration(seconds)}" for name, seconds in told.items())
    return f"{listed}{', the middle three beside each other' if times.beside else ''}"


def _scaled(count: float) -> str:
    """A count with the prefix of its unit."""
    for prefix, size in (("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {prefix}"
    return f"{count / 1e3:,.1f} k"
