"""Why a sample scores as it does."""

from nait_widgets.explaining.contributions import Explanation, explain

__all__ = ["Explanation", "explain"]
