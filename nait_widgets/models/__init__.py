"""Which tensor of which module is a neuron: causal language models, their sites, and the checks that both hold."""

from nait_widgets.models.causal_lm import CausalLM
from nait_widgets.models.head import check_head, logits, response_nll
from nait_widgets.models.identity import ModelIdentity
from nait_widgets.models.loading import load_model
from nait_widgets.models.probe import Probe, probe
from nait_widgets.models.sites import SITES, Site, Tap, find_site, tapped

__all__ = [
    "SITES",
    "CausalLM",
    "ModelIdentity",
    "Probe",
    "Site",
    "Tap",
    "check_head",
    "find_site",
    "load_model",
    "logits",
    "probe",
    "response_nll",
    "tapped",
]
