"""Block: complete histories back to back, and what is known of each.

Legend: H histories of the block, N transitions, M episodes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from adfast.errors import InvalidArgument, legible, shown
from adfast.histories.field_limits import FieldLimits
from adfast.histories.next_items import (
    CONTINUED,
    FOLLOWED,
    KeptItems,
    is_kept_once,
    keep_items,
    next_items,
)
from adfast.histories.schema import EPISODE_STEP, check_array, check_names, has_episodes
from adfast.tasks.fields import Field
from adfast.values import INTEGERS, NUMBERS, as_array, fitted, require_kind

MAX_LENGTH = 2**48 - 1  # of a history; the sum of many is still an int64

ColumnDtype = Literal["bool", "int64", "float64"]


@dataclass(frozen=True)
class Block:
    """Complete histories; history h is rows `offsets[h]` to `offsets[h + 1]` of every field.

    Where `kept_rows` is given, `next_observation` holds the items of these rows alone.
    """

    fields: dict[str, np.ndarray]  # name -> [N, *item]
    offsets: np.ndarray  # int64 [H + 1]
    episode_starts: np.ndarray | None  # uint64 [M]: rows with episode_step 0
    columns: dict[str, np.ndarray]  # name -> [H]: metadata that differs by history
    metadata: dict[str, Any]  # what holds for every history of the block
    kept_rows: np.ndarray | None = None  # uint64 [F]: rows that keep their next observation

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

    @property
    def num_bytes(self) -> int:
        """Bytes of the transitions."""
        return sum(array.nbytes for array in self.fields.values())

    def length(self, index: int) -> int:
        """Transitions of one history."""
        return int(self.offsets[index + 1] - self.offsets[index])

    def history(self, index: int, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
        """Name -> `[T, *item]`: one history; views, but for next observations that are kept once.

        `names` are those of fields, by default all.
        """
        return self.take(slice(self.offsets[index], self.offsets[index + 1]), names)

    def take(
        self, rows: slice | np.ndarray, names: Iterable[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Name -> `[R, *item]`: some rows (a slice, numbers or a mask) of the fields `names`."""
        names = self.fields if names is None else names
        return {name: self._take(rows, name) for name in names}

    def _take(self, rows: slice | np.ndarray, name: str) -> np.ndarray:
        if name != CONTINUED or self.kept_rows is None:
            return self.fields[name][rows]
        kept = KeptItems(self.kept_rows, self.fields[CONTINUED])
        return next_items(self.fields[FOLLOWED], kept, rows)


def make_block(
    fields: Mapping[str, Field],
    arrays: Mapping[str, np.ndarray | KeptItems],
    lengths: np.ndarray,
    metadata: Mapping[str, Any],
) -> Block:
    """A checked block of `len(lengths)` histories.

    `arrays` are either flat, `[sum of lengths, *item]`, or padded, `[H, T, *item]` with the first
    `lengths[h]` rows of each history valid, as source algorithms write them; a recording that kept
    next observations once hands on what it kept. In `metadata` a NumPy array holds one value per
    history, any other value holds for all of them and must be JSON.
    """
    lengths = as_lengths(lengths)
    check_names(arrays, fields)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    given = arrays.get(CONTINUED)
    kept = given if isinstance(given, KeptItems) else None
    flat: dict[str, np.ndarray] = {}
    for name, field in fields.items():
        array = arrays[name]
        if not isinstance(array, KeptItems):
            flat[name] = flatten(name, array, field, lengths)
    whole = {name: fields[name] for name in flat}
    FieldLimits(whole).require([*flat.values()], 1, int(offsets[-1]), place_within(offsets))
    if kept is None and is_kept_once(fields):
        kept = keep_items(flat[FOLLOWED], flat[CONTINUED])
    elif kept is not None:
        one, rows = {CONTINUED: fields[CONTINUED]}, kept.rows
        FieldLimits(one).require([kept.items], 1, len(rows), lambda _, item: f"row {rows[item]}")
    if kept is not None:
        flat = {name: kept.items if name == CONTINUED else flat[name] for name in fields}
    episode_starts = None
    if has_episodes(fields):
        episode_starts = np.flatnonzero(flat[EPISODE_STEP] == 0).astype(np.uint64)
    columns, common = split_metadata(metadata, len(lengths))
    kept_rows = None if kept is None else kept.rows
    return Block(flat, offsets, episode_starts, columns, common, kept_rows)


def as_lengths(values: Any) -> np.ndarray:
    """`values` as int64 `[H]`, the transitions of each history; raises `InvalidArgument`."""
    lengths = as_array("lengths", values, INTEGERS)
    if lengths.ndim != 1 or not lengths.size:
        raise InvalidArgument(f"lengths must have shape (histories,), got {lengths.shape}")
    if lengths.min() < 1 or lengths.max() > MAX_LENGTH:
        wrong = lengths.min() if lengths.min() < 1 else lengths.max()
        raise InvalidArgument(f"lengths must be at least 1 and below 2**48, got {wrong}")
    return lengths.astype(np.int64)


def place_within(offsets: np.ndarray) -> Callable[[int, int], str]:
    """Where an item of flat histories that begin at `offsets` `[H + 1]` lies, in words."""

    def place(_: int, item: int) -> str:
        history = int(np.searchsorted(offsets, item, side="right")) - 1
        return f"history {history}, row {item - int(offsets[history])}"

    return place


def flatten(name: str, array: np.ndarray, field: Field, lengths: np.ndarray) -> np.ndarray:
    """`array`, flat or padded, as `[sum of lengths, *item]`; a view where that is possible."""
    if not isinstance(array, np.ndarray) or array.ndim != len(field.shape) + 2:
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
    require_kind("metadata", metadata, Mapping, "names and values")
    columns: dict[str, np.ndarray] = {}
    common: dict[str, Any] = {}
    for name, value in metadata.items():
        if not isinstance(name, str) or not name.isidentifier() or name == "block":
            raise InvalidArgument(
                f'metadata names must be identifiers, not "block", got {shown(name)}'
            )
        if isinstance(value, np.ndarray) and value.ndim:
            columns[name] = as_column(f'metadata "{name}"', value, num_histories)
        else:
            common[name] = as_json(f'metadata "{name}", unless an array of one per history,', value)
    return columns, common


def as_column(label: str, values: np.ndarray, num_histories: int) -> np.ndarray:
    """`values`, one per history, as bool, int64 or float64; raises `InvalidArgument`."""
    if values.shape != (num_histories,) or values.dtype.kind not in NUMBERS:
        raise InvalidArgument(
            f"{label} must be numbers of shape {(num_histories,)}, one per history, "
            f"got {values.dtype} of shape {values.shape}"
        )
    dtype = {"b": np.bool_, "f": np.float64}.get(values.dtype.kind, np.int64)
    return fitted(label, values, dtype, values.shape, row="history").copy()


def as_json(label: str, value: Any) -> Any:
    """`value` as JSON reads it back; raises `InvalidArgument`, naming `label`, if it is no JSON.

    Numbers of NumPy are those of Python, tuples lists; keys must be strings, as they read back.
    """
    try:
        return json.loads(json.dumps(plain(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{label} must be a JSON value, got {shown(value)} ({legible(str(error))})"
        ) from None


def plain(value: Any) -> Any:
    """`value` with the numbers of NumPy inside it as Python's; raises `TypeError` for other keys
    than strings, which JSON would turn into strings."""
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("keys must be strings")
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    is_number = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim)
    return value.item() if is_number else value
