"""Fingerprints: a few hundred bytes a sample, from which scores are told with a bound on their error."""

from nait_widgets.fingerprints.basis import COMPONENTS, Basis
from nait_widgets.fingerprints.bounds import Telling, View
from nait_widgets.fingerprints.estimating import ERROR, Estimate, estimate
from nait_widgets.fingerprints.making import make_fingerprint
from nait_widgets.fingerprints.reading import Fingerprint, fingerprint
from nait_widgets.fingerprints.spread import Spread

__all__ = [
    "COMPONENTS",
    "ERROR",
    "Basis",
    "Estimate",
    "Fingerprint",
    "Spread",
    "Telling",
    "View",
    "estimate",
    "fingerprint",
    "make_fingerprint",
]
