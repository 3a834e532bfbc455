"""The same work on the workers of a Dask cluster; the only room that knows Dask.

A capture is in `nait_widgets.cluster.capturing`, apart from what reads a store: that needs no models.
"""

from nait_widgets.cluster.choosing import offered
from nait_widgets.cluster.scanning import Workers
from nait_widgets.cluster.starting import cluster

__all__ = ["Workers", "cluster", "offered"]
