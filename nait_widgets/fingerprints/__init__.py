"""Fingerprints: a few hundred bytes a sample, from which scores are told with a bound on their error."""

from nait_widgets.fingerprints.basis import COMPONENTS, Basis
from nait_widgets.fingerprints.bounds import Telling, View
from nait_widgets.fingerprints.estimating import ERROR, Estimate, estimate
from nait_widgets.fingerprints.making import make_fingerprint, some
from nait_widgets.fingerprints.reading import Fingerprint, common_basis, contents, fingerprint
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
    "common_basis",
    "contents",
    "estimate",
    "fingerprint",
    "make_fingerprint",
    "some",
]
