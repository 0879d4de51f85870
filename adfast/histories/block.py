"""Block: complete histories back to back, and what is known of each.

Legend: H histories of the block, N transitions, M episodes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from adfast.errors import InvalidArgument
from adfast.histories.schema import EPISODE_STEP, check_array, check_names, has_episodes
from adfast.tasks.transition_schema import Field

ColumnDtype = Literal["bool", "int64", "float64"]


@dataclass(frozen=True)
class Block:
    """Complete histories; history h is rows `offsets[h]` to `offsets[h + 1]` of every field."""

    fields: dict[str, np.ndarray]  # name -> [N, *item]
    offsets: np.ndarray  # int64 [H + 1]
    episode_starts: np.ndarray | None  # uint64 [M]: rows with episode_step 0
    columns: dict[str, np.ndarray]  # name -> [H]: metadata that differs by history
    metadata: dict[str, Any]  # what holds for every history of the block

    @property
    def num_histories(self) -> int:
        """Histories of the block."""
        return len(self.offsets) - 1

    @property
    def num_transitions(self) -> int:
        """Transitions of all its histories."""
        return int(self.offsets[-1])

    @property
    def column_dtypes(self) -> dict[str, ColumnDtype]:
        """Name -> dtype of the columns."""
        return {name: cast(ColumnDtype, array.dtype.name) for name, array in self.columns.items()}

    def history(self, index: int) -> dict[str, np.ndarray]:
        """Name -> `[T, *item]`: views of one history."""
        rows = slice(self.offsets[index], self.offsets[index + 1])
        return {name: array[rows] for name, array in self.fields.items()}


def make_block(
    fields: Mapping[str, Field],
    arrays: Mapping[str, np.ndarray],
    lengths: np.ndarray,
    metadata: Mapping[str, Any],
) -> Block:
    """A checked block of `len(lengths)` histories.

    `arrays` are either flat, `[sum of lengths, *item]`, or padded, `[H, T, *item]` with the first
    `lengths[h]` rows of each history valid, as source algorithms write them. In `metadata` a NumPy
    array holds one value per history, any other value holds for all of them and must be JSON.
    """
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not lengths.size or lengths.min() < 1:
        raise InvalidArgument(
            "lengths must be a one-dimensional array of integers of at least 1, one per history, "
            f"got {lengths.dtype} of shape {lengths.shape}"
        )
    check_names(arrays.keys(), fields)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    flat = {name: flatten(name, arrays[name], field, lengths) for name, field in fields.items()}
    episode_starts = None
    if has_episodes(fields):
        episode_starts = np.flatnonzero(flat[EPISODE_STEP] == 0).astype(np.uint64)
    columns, common = split_metadata(metadata, len(lengths))
    return Block(flat, offsets, episode_starts, columns, common)


def flatten(name: str, array: np.ndarray, field: Field, lengths: np.ndarray) -> np.ndarray:
    """`array`, flat or padded, as `[sum of lengths, *item]`; a view where that is possible."""
    if np.ndim(array) != len(field.shape) + 2:
        return check_array(name, array, field, (int(lengths.sum()),))
    padded_length = array.shape[1]
    array = check_array(name, array, field, (len(lengths), padded_length))
    if lengths.max() > padded_length:
        raise InvalidArgument(
            f'lengths must be at most {padded_length}, the rows of field "{name}", '
            f"got {lengths.max()}"
        )
    if lengths.min() == padded_length:
        return array.reshape(-1, *field.shape)
    return array[np.arange(padded_length) < lengths[:, None]]


def split_metadata(
    metadata: Mapping[str, Any], num_histories: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The columns and the common values of `metadata`; raises `InvalidArgument` for others."""
    columns: dict[str, np.ndarray] = {}
    common: dict[str, Any] = {}
    for name, value in metadata.items():
        if not name.isidentifier() or name == "block":
            raise InvalidArgument(f'metadata names must be identifiers, not "block", got "{name}"')
        if isinstance(value, np.ndarray):
            if value.shape != (num_histories,) or value.dtype.kind not in "biuf":
                raise InvalidArgument(
                    f'metadata "{name}" must be numbers of shape {(num_histories,)}, one per '
                    f"history, got {value.dtype} of shape {value.shape}"
                )
            dtype = {"b": np.bool_, "f": np.float64}.get(value.dtype.kind, np.int64)
            columns[name] = value.astype(dtype)
            continue
        common[name] = as_json(f'metadata "{name}", unless an array of one per history,', value)
    return columns, common


def as_json(label: str, value: Any) -> Any:
    """`value` as JSON reads it back; raises `InvalidArgument`, naming `label`, if it is no JSON."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{label} must be a JSON value, got {value!r} ({error})") from None
