"""What groups, data sets and attributes of such a file are called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.errors import ForeignDataError
from adfast.histories.interchange.formats.hdf5_files import numbers_in

if TYPE_CHECKING:
    import h5py


NUM_CODES = 256  # of a cell, which is a byte
ENVIRONMENT, BENCHMARK, TASK = "env-id", "benchmark-id", "ruleset-id"
SAID = (ENVIRONMENT, BENCHMARK, TASK)
# Ours -> the file's; those of the second table are of adfast alone.
ARRAYS = {"observation": "states", "action": "actions", "reward": "rewards"}
OWN_ARRAYS = {
    "terminated": "terminations",
    "truncated": "truncations",
    "episode_step": "episode_steps",
}
LABEL = "expert_actions"
LENGTHS, NUMBERS, METADATA, WORDS = "lengths", "history_numbers", "metadata", "adfast"
KEPT_ROWS, KEPT_NEXT, KEPT_STARTS = "kept_rows", "kept_next_states", "kept_starts"
MAX_WORDS = 1 << 28


def as_bytes(group: h5py.Group, name: str, value: Any) -> None:
    """Keep a JSON value as bytes, which attributes have no room for."""
    group[name] = np.frombuffer(json.dumps(value).encode(), np.uint8)


def json_in(group: h5py.Group, name: str) -> Any:
    """The JSON value kept so; raises `ForeignDataError`."""
    data = numbers_in(group, name, 1)
    if data.dtype != np.uint8 or len(data) > MAX_WORDS:
        raise ForeignDataError(f"{group.file.filename}: {data.name} must be JSON in bytes")
    return json.loads(data[()].tobytes())


def words_in(group: h5py.Group) -> Any:
    """What adfast says in the group, if it does."""
    return json_in(group, WORDS) if WORDS in group else None
