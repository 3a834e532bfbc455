"""What a direction's health means: the verdict on each number, and where the limits are."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING, Literal, NamedTuple

from nait_widgets.selection.yardsticks import STANDS_OUT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nait_widgets.explaining.health import Health
    from nait_widgets.methods import Direction

NAN = float("nan")
REFIT = (
    "{} can't be told, for the direction keeps too few refits (it was combined from others, fitted by an older "
    "version, or fitted to very few rows): fit it again"
)

Verdict = Literal["good", "caution", "bad", "unknown"]
WORST_FIRST: tuple[Verdict, ...] = ("bad", "caution", "unknown", "good")


class Limits(NamedTuple):
    """Where a number is good and where it is bad, and between them a caution; the higher says which end is better."""

    good: float
    bad: float


# Measured on 24 contrasts and 32 principal components, 256 in-domain rows each, sites `mlp_act` and `resid_post`: the
# demo's eight capabilities (told by how many times the base rate 10 % hold) and four data sets against 3,000 rows of
# Alpaca (told by the AUC of held-out rows). Both models are small, so the limits are cautious.
LIMITS = {
    # 22 contrasts pass these two (the other two have .69 to .72, their AUC is .83 and .85) and five components do: one
    # that finds nine times the base rate, and AUCs of .96, .62, .56 and .55. So a stable selection may be a wrong one.
    # Below .5 the two share fewer rows than they differ in.
    "half_overlap": Limits(0.75, 0.5),
    "bootstrap_overlap": Limits(0.8, 0.5),
    # By fits without them, on the demo and three real sets: contrasts of 16 and of 256 rows .86 and above; as many
    # random rows .68 at most in 112 sets (below .6 are all 32 of 256 rows, 36 of 40 of 64, 28 of 40 of 16). Of four
    # random rows 2 of 40 sets pass, but so few are bad by `rows`. The demo's components find 3.1 to 8.7 times the base
    # rate from .8 on, and .6 to 4.5 times below .6. Scored by their own contrast, random rows would seem to be above
    # .53 (of 256) to 1.00 (of four).
    "in_domain": Limits(STANDS_OUT, 0.6),
    "learning": Limits(0.7, 0.5),  # from a quarter of the rows: contrasts .72 and above, components .6 in the middle
    # Contrasts .92 and above. A component's layer is either above .9 or lost, down to −.98: the mean counts the lost.
    "split_half": Limits(0.9, 0.7),
    "bootstrap": Limits(0.9, 0.7),
    "sign_flips": Limits(0.0, 0.1),  # 10-35 % of the layers flip where signs are coin tosses
    "sign_margin": Limits(0.05, -inf),  # .001-.05 in the layers that flip, but in some others too: never bad
    "explained": Limits(0.2, -inf),  # the five components above explain .3 and more, unstable ones .1 to .6
    "cancelled": Limits(0.4, 0.7),  # contrasts .30 and below
    "one_layer": Limits(0.5, 0.9),  # contrasts .2 of six layers; three components of .9 find 0 to 2.3 times the rate
    "dimensions": Limits(0.5, 0.9),
    "top_dimensions": Limits(0.5, 0.9),  # five of 160 neurons .13 to .4, of 384 .2 to .9
    "first_token": Limits(0.2, 0.5),  # .04 at most here; the massive activations of large models lie there
    "length": Limits(0.5, inf),  # contrasts up to .86 where the capability's own rows are long: never bad
    "rows": Limits(256, 64),
    # Mixtures of two capabilities, half and half: below .3 in 66 of 68 (the others .32 and .36), below .1 in 59; three
    # to one: below .3 in 60 of 68; nine to one isn't seen. Of 24 sound sets the six that really are of many kinds are
    # below .3 (the demo's lists .27 and formatting .0, MMLU's 57 subjects -.4), the others .33 and above; they still
    # find 6.7 and 7.0 times the base rate, and MMLU's AUC is .88, so never bad. Whether the groups' own components or
    # selections agree tells less.
    "groups": Limits(0.3, -inf),
    # Whole sets .6 and above; 32 rows of about one length .48 and below, in the middle .2. In the middle of the pool
    # they find what others find; from its ends they turn the rank correlation with length by up to 1.4 (GSM8K's
    # shortest -.70 and longest +.86, all of it +.63) and find up to a quarter less: never bad.
    "lengths": Limits(0.5, -inf),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was measured.

    Attributes:
        name: What it is called in code.
        title: What it is called on a page.
        value: The number that the verdict rests on; None where there is none.
        verdict: `good`, `caution`, `bad`, or `unknown` where it can't be told.
        sentence: What was measured, whether it is good, and what to do.
    """

    name: str
    title: str
    value: float | None
    verdict: Verdict
    sentence: str

    @classmethod
    def graded(cls, name: str, title: str, value: float, measured: str, unknown: str, **means: str) -> Finding:
        """A finding by its limits.

        Args:
            name: A key of `LIMITS`.
            title: For people.
            value: NaN where it isn't known. A share or correlation that may be negative is judged by its size where
                less is better.
            measured: The beginning of the sentence.
            unknown: The whole sentence where the value isn't known.
            means: Verdict to the end of the sentence.
        """
        verdict = grade(value, LIMITS[name])
        if verdict == "unknown":
            return cls(name, title, None, verdict, f"{unknown}.")
        return cls(name, title, value, verdict, f"{measured}, {means[verdict]}.")


def grade(value: float, limits: Limits) -> Verdict:
    """The verdict on a number; NaN is unknown."""
    if isnan(value):
        return "unknown"
    good, bad = limits
    if good < bad:  # less is better, whatever the sign
        value, good, bad = -abs(value), -good, -bad
    return "good" if value >= good else "caution" if value >= bad else "bad"


def more_rows(direction: Direction) -> str:
    """What to do about a direction that isn't sure."""
    return f"add in-domain rows{or_robust(direction)}"


def or_robust(direction: Direction) -> str:
    """The other thing to do, but for those who have done it."""
    return "" if direction.fit.difference == "contrast" else " or try preset robust"


def where(health: Health, mask: npt.NDArray[np.bool_], form: str = " ({})") -> str:
    """Which layers a mask marks, of those that the score sums; nothing where it marks none."""
    layers = [str(layer) for layer, marked in zip(health.scored_layers, mask, strict=True) if marked]
    if len(layers) > 4:
        return form.format(f"{len(layers)} of {len(mask)} layers")
    named = " and ".join([*([", ".join(layers[:-1])] if layers[:-1] else []), *layers[-1:]])
    return form.format(f"layer{'s' if len(layers) > 1 else ''} {named}") if layers else ""


def mean(values: npt.NDArray[np.float64]) -> float:
    """The mean; NaN of nothing."""
    return float(values.mean()) if values.size else NAN
