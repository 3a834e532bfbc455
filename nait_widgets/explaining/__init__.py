"""Why a sample scores as it does, and which neurons and rows sets share."""

from nait_widgets.explaining.between_methods import MethodComparison, compare_methods
from nait_widgets.explaining.contributions import Explanation, Neuron, explain
from nait_widgets.explaining.examples import CoreAndOwn, Example, Examples, core_and_own
from nait_widgets.explaining.findings import Finding
from nait_widgets.explaining.health import Health, health
from nait_widgets.explaining.intersections import Intersection, core, row_intersections, transfer
from nait_widgets.explaining.neurons import Percentiles, neuron_column, percentiles
from nait_widgets.explaining.overlap import NeuronOverlap, SharedNeuron, overlap
from nait_widgets.explaining.profiles import TopNeurons, direction_profile, mean_pairwise_overlap, neuron_profile
from nait_widgets.explaining.promoted import promoted_tokens
from nait_widgets.explaining.tokens import TokenContributions, token_contributions

__all__ = [
    "CoreAndOwn",
    "Example",
    "Examples",
    "Explanation",
    "Finding",
    "Health",
    "Intersection",
    "MethodComparison",
    "Neuron",
    "NeuronOverlap",
    "Percentiles",
    "SharedNeuron",
    "TokenContributions",
    "TopNeurons",
    "compare_methods",
    "core",
    "core_and_own",
    "direction_profile",
    "explain",
    "health",
    "mean_pairwise_overlap",
    "neuron_column",
    "neuron_profile",
    "overlap",
    "percentiles",
    "promoted_tokens",
    "row_intersections",
    "token_contributions",
    "transfer",
]
