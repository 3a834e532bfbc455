"""What a direction's health means for what it selects: one sentence a number, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.explaining.findings import NAN, REFIT, Finding, mean, more_rows, or_robust, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nait_widgets.explaining.health import Health

OPPOSITE = 0.25  # 2 of 112 sets of 16 to 256 random rows has a median below so much of the pool
_NO_SPREAD = "{} can't be told, for all candidates score alike"


def of_selection(health: Health) -> Iterator[Finding]:
    """What is found of a direction's selection and scores, the most telling first."""
    yield from _stability(health)
    yield from _scores(health)


def _stability(health: Health) -> Iterator[Finding]:
    """Would other in-domain rows select the same candidates, and do in-domain rows score high at all?"""
    more = more_rows(health.direction)
    for name, drawings, overlaps in (
        ("half_overlap", "halves", health.half_overlap),
        ("bootstrap_overlap", "bootstraps", health.bootstrap_overlap),
    ):
        value = mean(overlaps)
        yield Finding.graded(
            name,
            f"Selection, two {drawings}",
            value,
            f"Of the candidates that a fit to either of two {drawings} of the in-domain rows selects, both select "
            f"{value:.0%}",
            REFIT.format("Whether other in-domain rows would select the same"),
            good="so the selection hardly depends on which rows you have",
            caution=f"so the selection depends on which rows you have: {more}",
            bad=f"so other rows of the same capability would select others: don't rely on it before you {more}",
        )
    used = int(health.direction.samples["used"])
    # A fit to most of the rows agrees with the whole fit because it is mostly the same.
    fitting = np.flatnonzero(2 * health.sizes <= used)
    size, value = (int(health.sizes[fitting[-1]]), float(health.learning[fitting[-1]])) if len(fitting) else (0, NAN)
    yield Finding.graded(
        "learning",
        "Learning curve",
        value,
        f"A fit to {size:,} of the {used:,} in-domain rows agrees with the whole fit on "
        f"{value:.0%} of the candidates that either selects",
        REFIT.format("Whether more in-domain rows would help"),
        good="so more rows would change little",
        caution="so more rows would still change it: add some if you can",
        bad=f"so it is far from settled: {more}",
    )
    value = NAN if health.in_domain is None else health.in_domain
    meant = "the opposite of what it should" if value < OPPOSITE else "no more than chance"
    is_contrast = health.direction.fit.difference == "contrast"
    mend = (
        "see whether they have anything in common that the pool lacks"
        if is_contrast
        else "try sign 'pool' or preset robust"
    )
    yield Finding.graded(
        "in_domain",
        "In-domain rows' own score",
        value,
        f"The median in-domain row, scored by fits without it, is above {value:.0%} of the candidates",
        "How in-domain rows score isn't known of combined directions, older fits and very few rows, of a cosine, or "
        "under another pool than the direction was fitted for",
        good="so a high score means what it should",
        caution=f"so a high score says little: read the rows at the top{or_robust(health.direction)}",
        bad=f"so a high score means {meant}: {mend}",
    )


def _scores(health: Health) -> Iterator[Finding]:
    """What makes candidates' scores differ?"""
    share = health.layer_share[health.scored]
    against = where(health, share < 0, " (most in {})")
    yield Finding.graded(
        "cancelled",
        "Layers that cancel",
        health.cancelled,
        f"Of what the layers add to a score, others take {health.cancelled:.0%} off again{against}",
        _NO_SPREAD.format("Whether layers cancel each other"),
        good="so they mostly agree",
        caution="so they partly work against each other: compare a few layers at a time (`layers`)",
        bad=f"so the score is what little they leave: choose `layers` that agree{or_robust(health.direction)}",
    )
    if len(share) > 2:
        value = float(share.max())
        yield Finding.graded(
            "one_layer",
            "Strongest layer",
            value,
            f"Layer {health.scored_layers[int(share.argmax())]} brings {value:z.0%} of the score's variance",
            _NO_SPREAD.format("Which layer makes the scores differ"),
            good="so no layer drowns the others",
            caution="so it outweighs the others: similarity 'zscore' gives each the same weight",
            bad="so the others hardly count: similarity 'zscore' gives each the same weight",
        )
    value = float(sum(abs(dimension.share) for dimension in health.strongest))
    first = health.strongest[0]
    yield Finding.graded(
        "dimensions",
        "Strongest dimensions",
        value,
        f"Five dimensions bring {value:.0%} of the score's variance (neuron {first.neuron} of layer {first.layer} "
        f"{first.share:.0%})",
        _NO_SPREAD.format("Which dimensions make the scores differ"),
        good="so the score is no single neuron's",
        caution="so few neurons make the score: look at them in the inspector",
        bad=f"so the score is little but these neurons: look at them in the inspector{or_robust(health.direction)}",
    )
    value = NAN if health.first_token is None else health.first_token
    yield Finding.graded(
        "first_token",
        "First token",
        value,
        f"The first token, which all candidates share, brings {value:z.0%} of the score's variance"
        if health.first_token
        else "The first token makes no scores differ",
        "What the first token adds isn't known, for the candidates begin with different tokens or all score alike; "
        "pool 'tail_mean' leaves it out",
        good="so it hardly counts",
        caution="which tells little but length: try pool 'tail_mean'",
        bad="so the score tells little but length: take pool 'tail_mean'",
    )
    value = health.length_correlation
    yield Finding.graded(
        "length",
        "Score and length",
        value,
        f"The rank correlation of score and number of tokens is {value:+.2f}",
        "How score and length go together can't be told, for one of them is the same in all candidates",
        good="so the score is not just length",
        caution=f"so {'long' if value > 0 else 'short'} candidates score higher: compare with a selection by length, "
        f"or select with adjust 'length-residual', which leaves {health.length_residual:+.2f}, or 'length-strata', "
        f"which leaves {health.length_strata:+.2f}",
    )
