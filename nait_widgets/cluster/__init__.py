"""The same work on the workers of a Dask cluster; the only room that knows Dask."""

from nait_widgets.cluster.capturing import Job, OnCluster
from nait_widgets.cluster.starting import cluster

__all__ = ["Job", "OnCluster", "cluster"]
