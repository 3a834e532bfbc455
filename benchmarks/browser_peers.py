"""The same slider as others would make it, a notebook's cell each; `store` and `scores` are there already."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple


class Peer(NamedTuple):
    """A way to move a slider and see what it chooses.

    Attributes:
        shows: What is seen.
        package: The distribution that it needs, besides ours.
        source: The cell that shows it.
        slider: Selector of the slider.
        canvas: Selector of a canvas with a point for each row; None where there is none.
    """

    shows: str
    package: str
    source: str
    slider: str
    canvas: str | None

    @property
    def name(self) -> str:
        """Package, version and what is seen."""
        try:
            return f"{self.package} {version(self.package)}: {self.shows}"
        except PackageNotFoundError:
            return f"{self.package}: not installed, skipped"

    @property
    def installed(self) -> bool:
        """Whether it can be measured."""
        return not self.name.endswith("skipped")


FRACTION = "input[aria-label=Fraction]"
CURATOR = Peer(
    "map, histogram, budget, table", "nait-widgets", "nait.Curator(store, scores)", FRACTION, ".nait-scatter-canvas"
)
FRACTIONS = [i / 40 for i in (*range(5, 41), *range(39, 4, -1))]  # steps of the peers' sliders, up and down

# The rows are ranked once: a move only cuts the order and sends its beginning.
JSCATTER = Peer(
    "map",
    "jupyter-scatter",
    """
import jscatter, numpy as np
from ipywidgets import FloatSlider, VBox
from nait_widgets.explaining import projection

ranked = np.argsort(-scores.score.values[:, 0])
xy = projection.project(store).xy
scatter = jscatter.Scatter(xy[:, 0], xy[:, 1], width=690, height=420, axes=False)
slider = FloatSlider(0.1, min=0.025, max=1, step=0.025)
slider.observe(lambda change: scatter.filter(ranked[: round(change.new * len(ranked))]), "value")
VBox([slider, scatter.show()])
""",
    ".noUi-handle",
    ".jupyter-widgets canvas >> nth=0",
)

BOKEH = Peer(
    "histogram (interact, push_notebook)",
    "jupyter_bokeh",
    """
import numpy as np
from bokeh.io import output_notebook, push_notebook, show
from bokeh.plotting import figure
from bokeh.resources import INLINE
from ipywidgets import FloatSlider, interact

output_notebook(INLINE, hide_banner=True)
values = scores.score.values[:, 0]
whole, edges = np.histogram(values, 96)
plot = figure(width=600, height=200)
plot.quad(top=whole, bottom=0, left=edges[:-1], right=edges[1:], color="lightgrey")
chosen = plot.quad(top=np.zeros(96), bottom=0, left=edges[:-1], right=edges[1:]).data_source
handle = show(plot, notebook_handle=True)

@interact(fraction=FloatSlider(0.1, min=0.025, max=1, step=0.025))
def choose(fraction):
    k = round(fraction * len(values))
    top = np.argpartition(-values, k - 1)[:k]
    chosen.data["top"] = np.histogram(values[top], edges)[0]
    push_notebook(handle=handle)
""",
    ".noUi-handle",
    None,
)
PEERS = (CURATOR, JSCATTER, BOKEH)
