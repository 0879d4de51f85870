"""Reads the groups of a file in the order of their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.errors import ForeignDataError
from adfast.histories.interchange.foreign import ForeignReader, Known, Piece, rows_at_a_time
from adfast.histories.interchange.formats.hdf5_files import (
    group_in,
    numbers_in,
    open_file,
    plain_attributes,
)
from adfast.histories.interchange.formats.kept_ends import KeptEnds
from adfast.histories.interchange.formats.xland.layout import (
    ARRAYS,
    ENVIRONMENT,
    KEPT_NEXT,
    KEPT_ROWS,
    KEPT_STARTS,
    LABEL,
    LENGTHS,
    METADATA,
    NUM_CODES,
    NUMBERS,
    OWN_ARRAYS,
    SAID,
    json_in,
    words_in,
)
from adfast.histories.interchange.own_words import parse_words
from adfast.tasks.observation import DiscreteObservation

if TYPE_CHECKING:
    import h5py

NUM_ACTIONS = 6  # of XLand-MiniGrid


@dataclass(frozen=True)
class Place:
    """Where a history lies."""

    group: str
    row: int
    length: int
    metadata: dict[str, Any]


@dataclass
class XLandReader(ForeignReader):
    """Reads the groups of a file in the order of their numbers."""

    file: h5py.File | None = None
    places: list[Place] = field(default_factory=list)

    @property
    def num_histories(self) -> int:
        """Those of all tasks."""
        return len(self.places)

    def say(self, index: int) -> dict[str, Any]:
        """The task, and the names of environment and benchmark; or what adfast wrote."""
        return self.places[index].metadata

    def read(self, index: int) -> Iterator[Piece]:
        """Its rows, as many at a time as a few mebibytes hold."""
        place = self.places[index]
        group = self._group(place.group)
        names = dict(ARRAYS)
        if "terminations" in group:
            names |= OWN_ARRAYS
        else:
            names["done"] = "dones"
        if LABEL in group:
            names["label"] = LABEL
        found = {name: numbers_in(group, theirs) for name, theirs in names.items()}
        states = found["observation"]
        step = rows_at_a_time(math.prod(states.shape[2:]) * states.dtype.itemsize + 8)
        kept = None
        if KEPT_STARTS in group:
            kept = KeptEnds(kept_table(group, place.row, step))
        for begin in range(0, place.length, step):
            end = min(begin + step, place.length)
            arrays = {name: data[place.row, begin:end] for name, data in found.items()}
            if kept is not None:
                arrays["kept_rows"], items = kept.within(end - begin)
                arrays |= {} if items is None else {"kept_next": items}
            yield Piece(**arrays)

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()

    def _group(self, name: str) -> h5py.Group:
        assert self.file is not None, "open until it is closed"
        return group_in(self.file, name) if name else self.file["/"]


def open_groups(path: Path) -> XLandReader:
    """A reader of the file; raises `ForeignDataError`."""
    file = open_file(path)
    try:
        return reader_of(path, file)
    except BaseException:
        file.close()
        raise


def reader_of(path: Path, file: h5py.File) -> XLandReader:
    """Finds the histories of each group, and what is known of them."""
    names = [""] if "states" in file else sorted(file, key=task_number)
    if not names:
        raise ForeignDataError(f"{path}: holds no group of a task")
    numbered: list[tuple[int, Place]] = []
    words, cells = None, None
    is_xland = True
    for task, name in enumerate(names):
        group = group_in(file, name) if name else file["/"]
        words = words or words_in(group)
        states = numbers_in(group, "states")
        is_xland &= str(group.attrs.get(ENVIRONMENT, "")).startswith("XLand-MiniGrid")
        cells = states.shape[2:] if states.dtype == np.uint8 and states.ndim == 4 else None
        numbered += places_in(group, name, task, states)
    if words is not None:
        numbered.sort(key=lambda pair: pair[0])
        schema, description = parse_words(words, path)
        known = Known.of(schema)
    else:
        description = {}
        observation = None
        if cells is not None and math.prod(cells) <= 64:
            observation = DiscreteObservation((NUM_CODES,) * math.prod(cells))
        known = Known(observation, NUM_ACTIONS if is_xland else None)
    return XLandReader(path, known, description, file, [place for _, place in numbered])


def places_in(
    group: h5py.Group, name: str, task: int, states: h5py.Dataset
) -> list[tuple[int, Place]]:
    """The histories of a group, each with its number in the store; raises `ForeignDataError`."""
    place = f"{group.file.filename}: {group.name}"
    if states.ndim < 2:
        raise ForeignDataError(f"{place}: states must be [H, T, ...], got shape {states.shape}")
    count, length = states.shape[:2]
    for theirs in ("actions", "rewards", "dones"):
        shape = numbers_in(group, theirs, 2).shape
        if shape != (count, length):
            raise ForeignDataError(f"{place}/{theirs} must be {(count, length)}, got {shape}")
    if LENGTHS not in group:
        said = {key.replace("-", "_"): v for key, v in plain_attributes(group, SAID).items()}
        said["task_id"] = task
        return [(0, Place(name, row, length, said)) for row in range(count)]
    lengths, numbers = (numbers_in(group, own, 1)[:count] for own in (LENGTHS, NUMBERS))
    metadata = json_in(group, METADATA)
    is_right = len(lengths) == len(numbers) == len(metadata) == count
    if not is_right or lengths.min() < 1 or lengths.max() > length:
        raise ForeignDataError(f"{place}: its lengths or metadata are not those of its histories")
    return [
        (int(numbers[row]), Place(name, row, int(lengths[row]), metadata[row]))
        for row in range(count)
    ]


def kept_table(group: h5py.Group, row: int, step: int) -> Iterator[dict[str, np.ndarray]]:
    """The rows of a history that keep their next states, some at a time."""
    starts = numbers_in(group, KEPT_STARTS, 1)
    kept_rows, kept_next = numbers_in(group, KEPT_ROWS, 1), numbers_in(group, KEPT_NEXT)
    begin, end = (int(value) for value in starts[row : row + 2])
    for first in range(begin, end, step):
        here = slice(first, min(first + step, end))
        yield {"row": kept_rows[here], "item": kept_next[here]}


def task_number(name: str) -> tuple[int, str]:
    """By what groups are sorted: numbers as numbers, before any other name."""
    return (int(name), "") if name.isdecimal() and len(name) < 19 else (1 << 62, name)
