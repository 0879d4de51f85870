"""Learning histories: kept in memory by a ring buffer, on disk by a store, sampled as windows."""

from adfast.histories.looking import head, where
from adfast.histories.quality import HistoryQuality, quality, select
from adfast.histories.ring_buffer import RingBuffer
from adfast.histories.schema import FieldSchema, Schema
from adfast.histories.store import HistoryStore, from_arrays, holds_whole_store
from adfast.histories.store import open_store as open
from adfast.histories.thinning import thin
from adfast.histories.windows import Align, WindowSampler
from adfast.histories.writer import HistoryWriter, create

__all__ = [
    "Align",
    "FieldSchema",
    "HistoryQuality",
    "HistoryStore",
    "HistoryWriter",
    "RingBuffer",
    "Schema",
    "WindowSampler",
    "create",
    "from_arrays",
    "head",
    "holds_whole_store",
    "open",
    "quality",
    "select",
    "thin",
    "where",
]
