"""What a direction's health means for its vectors and the rows behind them: one sentence a number, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.explaining.findings import LIMITS, NAN, REFIT, Finding, mean, more_rows, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nait_widgets.explaining.health import Health
    from nait_widgets.methods import Direction

# Two truncated rows in 256 made a component of .91 and .94 of a layer's variance; sound rows made .71 at most.
ONE_KIND = 0.8
FEWEST_GROUPED = 8  # rows whose mean says something of a group
_COMBINED = "{} isn't known of directions that were combined: look at the health of each"


def of_direction(health: Health) -> Iterator[Finding]:
    """What is found of the direction itself; what doesn't apply to it is left out."""
    yield from _vectors(health)
    if health.direction.fit.difference != "contrast":
        yield from _components(health)
    yield from _rows(health)


def _vectors(health: Health) -> Iterator[Finding]:
    """Do other in-domain rows give the same vectors?"""
    more, layers = more_rows(health.direction), health.scored_layers
    for name, drawings, cosines in (
        ("split_half", "halves", health.split_half),
        ("bootstrap", "bootstraps", health.bootstrap),
    ):
        by_layer = cosines[:, health.scored].mean(axis=0) if len(cosines) else np.empty(0)
        value = mean(by_layer)
        lowest = f", {by_layer.min():.2f} in layer {layers[int(by_layer.argmin())]}" if len(by_layer) else ""
        yield Finding.graded(
            name,
            f"Vectors, two {drawings}",
            value,
            f"Fits to two {drawings} of the in-domain rows have a mean cosine of {value:.2f}{lowest}",
            REFIT.format("How well the vectors are determined"),
            good="so they are well determined",
            caution=f"so not every layer is well determined: leave the weak ones out (`layers`), {more}",
            bad=f"so they are largely chance: {more}",
        )
    value = mean(health.top_dimensions[health.scored])
    yield Finding.graded(
        "top_dimensions",
        "Largest dimensions",
        value,
        f"A layer's five largest dimensions have {value:.0%} of its |v|² on average",
        "A vector of zeros has no largest dimensions",
        good="so the direction is spread over many neurons",
        caution="so few neurons make the direction: look at them in the inspector",
        bad="so the direction is little but these neurons: see whether they are the model's massive activations, and "
        "try sign 'drift_masked', similarity 'zscore' or preset robust",
    )


def _components(health: Health) -> Iterator[Finding]:
    """Does each principal component stand out, and is its sign sure?"""
    direction, used = health.direction, health.scored
    mend = "try preset robust" if direction.fit.sign == "pool" else "try sign 'pool' or preset robust"
    flips = (health.split_half[:, used] < 0).sum(axis=0) / (len(health.split_half) or NAN)
    value = mean(flips)
    yield Finding.graded(
        "sign_flips",
        "Signs, two halves",
        value,
        f"In {value:.0%} of the layers, fits to two halves of the in-domain rows point against each other"
        f"{where(health, flips > 0)}",
        REFIT.format("Whether the signs are sure"),
        good="so the signs are sure",
        caution=f"so a few signs are not sure: leave these layers out (`layers`), or {mend}",
        bad=f"so signs are coin tosses and layers may cancel each other: {mend}",
    )
    margin = direction.margin[used].astype(np.float64)
    value = float(margin.min()) if len(margin) else NAN
    yield Finding.graded(
        "sign_margin",
        "Sign margin",
        value,
        f"The smallest cosine that decided a layer's sign is {value:.3f}"
        f"{where(health, margin < LIMITS['sign_margin'].good)}",
        _COMBINED.format("What decided the signs"),
        good="so no sign was a coin toss",
        caution=f"and near 0 a sign is a coin toss: where signs also differ between halves, {mend}",
    )
    explained = direction.explained[used & ~np.isnan(direction.explained)].astype(np.float64)
    value = mean(explained)
    finding = Finding.graded(
        "explained",
        "Variance explained",
        value,
        f"The first principal component explains {value:.0%} of a layer's in-domain variance on average",
        _COMBINED.format("How much variance the vectors explain"),
        good="so it stands out",
        caution=f"so it hardly stands out from the next ones: {more_rows(health.direction)}",
    )
    if (explained > ONE_KIND).any():
        measured = f"The first principal component explains up to {explained.max():.0%} of a layer's variance"
        so = "as happens when a few in-domain rows, such as truncated ones, are unlike the others: look for such rows"
        finding = Finding(finding.name, finding.title, value, "caution", f"{measured}, {so}.")
    yield finding


def _rows(health: Health) -> Iterator[Finding]:
    """Are the in-domain rows many and sound, and what do they have in common?"""
    direction = health.direction
    used = int(direction.samples["used"])
    yield Finding.graded(
        "rows",
        "In-domain rows",
        used,
        f"The direction was fitted to {used:,} in-domain rows",
        "",
        good="which is enough as far as was measured",
        caution="and 256 or more are better: add some, or watch the learning curve",
        bad="which is few: add some, to 256 or more",
    )
    yield _groups(health)
    yield _lengths(health)
    yield _truncated(direction)
    if direction.fit.difference == "last-first":
        yield _last_token(direction)


def _groups(health: Health) -> Finding:
    """Are the rows of one kind?"""
    sizes = health.direction.samples.get("groups", (0, 0))
    cosines = health.groups[health.scored] if len(health.groups) else np.empty(0)
    value = mean(cosines) if min(sizes) >= FEWEST_GROUPED else NAN
    return Finding.graded(
        "groups",
        "Two kinds of rows",
        value,
        f"Split where they differ most, the in-domain rows make groups of {sizes[0]:,} and {sizes[1]:,} whose own "
        f"directions have a mean cosine of {value:.2f}",
        "Whether the in-domain rows are of one kind isn't known of combined directions, of older fits, under another "
        f"pool than that of the fit, or where fewer than {FEWEST_GROUPED} rows stand apart",
        good="so they are of one kind",
        caution="so they may be several capabilities in one: compare what each group's own fit selects",
    )


def _lengths(health: Health) -> Finding:
    """Do the rows differ in length as candidates do?"""
    tokens = health.direction.samples.get("tokens", {"min": 0, "max": 0})
    value = NAN if health.lengths is None else health.lengths
    return Finding.graded(
        "lengths",
        "In-domain lengths",
        value,
        f"The in-domain rows have {tokens['min']:,} to {tokens['max']:,} tokens, as have {value:.0%} of the candidates",
        "How long the in-domain rows are isn't known: fit the direction again",
        good="so few candidates are scored beyond the lengths that were seen",
        caution="so the direction may tell length: add rows of other lengths, or select with adjust 'length-residual'",
    )


def _truncated(direction: Direction) -> Finding:
    name, title, truncated = "truncated", "Truncated in-domain rows", int(direction.samples["truncated"])
    if not truncated:
        return Finding(name, title, 0, "good", "No in-domain row was truncated.")
    if direction.fit.truncated == "drop":
        return Finding(
            name, title, truncated, "good", f"Of the in-domain rows {truncated:,} were truncated and left out."
        )
    measured = f"Of the in-domain rows {truncated:,} were truncated and kept"
    mend = "drop them (truncated='drop') or raise `max_length`"
    if direction.fit.difference == "contrast":
        return Finding(name, title, truncated, "caution", f"{measured}: {mend}.")
    so = "and one in 256 can take over a principal component"
    return Finding(name, title, truncated, "bad", f"{measured}, {so}: {mend}.")


def _last_token(direction: Direction) -> Finding:
    name, title = "last_token", "Last token"
    content = direction.fit.last_token == "content"  # noqa: S105 - no password
    same = direction.samples.get("same_content_token" if content else "same_last_token")
    compare = "'final' and 'content' select almost different rows, so compare both (`last_token`)"
    measured = (
        "The last token of each response's text counts as last"
        if content
        else ("Each rendered row's own last token counts as last")
    )
    if same is None:
        return Finding(name, title, None, "unknown", f"{measured}; whether rows share it is known after a new fit.")
    if same:
        return Finding(name, title, 1.0, "caution", f"{measured}, and all in-domain rows share it; {compare}.")
    if content:
        return Finding(name, title, 0.0, "caution", f"{measured}, and in-domain rows differ in it; {compare}.")
    sentence = (
        f"{measured}, and in-domain rows don't share it, so the direction may tell little but which token that is: "
        "drop truncated rows, or try last_token 'content' or preset robust."
    )
    return Finding(name, title, 0.0, "bad", sentence)
