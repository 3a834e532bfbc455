"""Fingerprints: a few hundred bytes a sample, from which scores are told with a bound on their error."""

from nait_widgets.fingerprints.basis import COMPONENTS, Basis
from nait_widgets.fingerprints.spread import Spread

__all__ = ["COMPONENTS", "Basis", "Spread"]
