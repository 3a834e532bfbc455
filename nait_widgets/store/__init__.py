"""The activation store: sample × layer × neuron in Zarr v3. The only room that knows Zarr."""

from nait_widgets.store.extras import EXTRAS
from nait_widgets.store.joining import append, join
from nait_widgets.store.layout import POOLS, Block, Layout, Status
from nait_widgets.store.opening import open_store
from nait_widgets.store.scan import PoolReader
from nait_widgets.store.statistics import NeuronStatistics
from nait_widgets.store.store import ActivationStore
from nait_widgets.store.subsetting import subset
from nait_widgets.store.unpacking import unpack
from nait_widgets.store.verification import Verification
from nait_widgets.store.writing import StoreWriter

__all__ = [
    "EXTRAS",
    "POOLS",
    "ActivationStore",
    "Block",
    "Layout",
    "NeuronStatistics",
    "PoolReader",
    "Status",
    "StoreWriter",
    "Verification",
    "append",
    "join",
    "open_store",
    "subset",
    "unpack",
]
