"""The HDF5 layout of XLand-100B and XLand-Trivial-20B.

A group for each task, named by its number, with attributes `env-id`, `benchmark-id`, `ruleset-id`:

    states          uint8 [H, T, 5, 5]  cells seen, tile * colours + colour
    actions         uint8 [H, T]
    rewards         float16 [H, T]
    dones           bool [H, T]
    expert_actions  uint8 [H, T]        of the final policy: the label

A file of one task has them at its root. `dones` says that an episode ends, not how; the state
after its last action is that of the next episode. Counted cells keep any byte, 256 values each.

Written are all histories of a task in one group, padded to the longest; data sets of our own
beside theirs (`lengths` and more) say what the layout does not, and their loaders pass over them.

Source: github.com/dunnolab/xland-minigrid-datasets, README, `collection/training/train.py`,
`collection/combine.py`, `baselines/ad/src/utils/data.py`; arXiv 2406.08973.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from adfast.errors import ForeignDataError
from adfast.histories.interchange.foreign import (
    ForeignFormat,
    ForeignReader,
    Known,
    Piece,
    rows_at_a_time,
    slices_of,
    with_following,
)
from adfast.histories.interchange.formats.hdf5_files import (
    group_in,
    is_hdf5,
    numbers_in,
    open_file,
    plain_attributes,
)
from adfast.histories.interchange.formats.kept_ends import KeptEnds
from adfast.histories.interchange.own_words import parse_words, words_of
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar
from adfast.tasks.fields import Field
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)

if TYPE_CHECKING:
    import h5py

NUM_ACTIONS = 6  # of XLand-MiniGrid
NUM_CODES = 256  # of a cell, which is a byte
ENVIRONMENT, BENCHMARK, TASK = "env-id", "benchmark-id", "ruleset-id"
SAID = (ENVIRONMENT, BENCHMARK, TASK)
CHUNK_ROWS = 4096
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


class XLand(ForeignFormat):
    """One HDF5 file, a group for each task."""

    about: ClassVar[str] = "HDF5 in the layout of XLand-100B"
    needs: ClassVar[tuple[str, ...]] = ("h5py",)
    suffixes: ClassVar[tuple[str, ...]] = (".hdf5", ".h5")

    def recognises(self, path: Path) -> bool:
        """Whether a file is HDF5."""
        return path.is_file() and is_hdf5(path)

    def open(self, path: Path) -> XLandReader:
        """A reader of the file."""
        file = open_file(path)
        try:
            return self._reader(path, file)
        except BaseException:
            file.close()
            raise

    def _reader(self, path: Path, file: h5py.File) -> XLandReader:
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

    def write(self, store: HistoryStore, path: Path, bar: ProgressBar) -> None:
        """A group for the histories of each task, in the order in which tasks first come."""
        import h5py

        schema = store.schema
        assert isinstance(schema, TransitionSchema), "as the caller has seen to"
        tasks: dict[Any, list[int]] = {}
        for index in range(store.num_histories):
            task = store.metadata_of(index).get("task_id", 0)
            tasks.setdefault(json.dumps(task), []).append(index)
        with h5py.File(path, "w", libver="latest") as file:
            for number, indices in enumerate(tasks.values()):
                group = file.create_group(str(number))
                if number == 0:
                    as_bytes(group, WORDS, words_of(schema, store.description))
                write_task(group, store, schema, indices, bar)

    def wrote(self, path: Path) -> bool:
        """Whether a file has what adfast says of a store."""
        if not self.recognises(path):
            return False
        with open_file(path) as file:
            return "0" in file and words_in(group_in(file, "0")) is not None


def write_task(
    group: h5py.Group,
    store: HistoryStore,
    schema: TransitionSchema,
    indices: list[int],
    bar: ProgressBar,
) -> None:
    """Write the histories `indices` of one task."""
    said = [store.metadata_of(index) for index in indices]
    task = said[0].get("task_id", 0)
    group.attrs[ENVIRONMENT] = str(said[0].get("env_id", store.description.get("family", "adfast")))
    group.attrs[BENCHMARK] = str(said[0].get("benchmark_id", "adfast"))
    group.attrs[TASK] = task if isinstance(task, int) else 0
    lengths = store.lengths[indices]
    group[LENGTHS], group[NUMBERS] = lengths, np.array(indices)
    as_bytes(group, METADATA, said)
    fields = fields_of(schema)
    item = shape_of_states(schema.observation.stored)
    shape = (len(indices), int(lengths.max()))
    data = {
        name: group.create_dataset(
            name,
            (*shape, *(item if name == "states" else ())),
            dtype,
            chunks=(1, min(CHUNK_ROWS, shape[1]), *(item if name == "states" else ())),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        for name, dtype in fields.items()
    }
    states = data["states"].dtype
    kept_rows = group.create_dataset(KEPT_ROWS, (0,), np.int64, maxshape=(None,), chunks=(1024,))
    kept_next = group.create_dataset(
        KEPT_NEXT, (0, *item), states, maxshape=(None, *item), chunks=(64, *item)
    )
    starts = [0]
    for row, index in enumerate(indices):
        begin, count = 0, starts[-1]
        for rows, following in with_following(slices_of(store, index)):
            end = begin + len(rows["action"])
            for name, values in columns_of(rows).items():
                shaped = values.reshape(-1, *item) if name == "states" else values
                data[name][row, begin:end] = shaped
            here, items = KeptEnds.choose(rows, following)
            append(kept_rows, here + begin)
            append(kept_next, items.reshape(-1, *item))
            count += len(here)
            bar.advance_to(bar.done + end - begin)
            begin = end
        starts.append(count)
    group[KEPT_STARTS] = np.array(starts)


def fields_of(schema: TransitionSchema) -> dict[str, np.dtype]:
    """Name -> dtype of the data sets that have a number, or a state, for each transition."""
    fields: dict[str, Any] = {
        "states": schema.observation.stored.dtype,
        "actions": np.uint8,
        "rewards": schema.reward_dtype,
        "dones": np.bool_,
        "terminations": np.bool_,
        "truncations": np.bool_,
        "episode_steps": schema.episode_step_dtype,
    }
    if schema.labelled:
        fields[LABEL] = np.uint8
    return {name: np.dtype(dtype) for name, dtype in fields.items()}


def columns_of(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What those data sets get of some rows."""
    boundary = rows["boundary"]
    columns = {
        "states": rows["observation"],
        "actions": rows["action"],
        "rewards": rows["reward"],
        "dones": boundary != BOUNDARY_INSIDE,
        "terminations": boundary == BOUNDARY_TERMINATED,
        "truncations": boundary == BOUNDARY_TRUNCATED,
        "episode_steps": rows["episode_step"],
    }
    return columns | ({LABEL: rows["label"]} if "label" in rows else {})


def shape_of_states(stored: Field) -> tuple[int, ...]:
    """The axes of a state: those of real numbers, and of counted ones a square view of cells."""
    (count, *others) = stored.shape or (1,)
    side = math.isqrt(count)
    is_view = stored.sizes == (NUM_CODES,) * count and side * side == count and side > 1
    return (side, side) if is_view and not others else stored.shape


def append(data: h5py.Dataset, values: np.ndarray) -> None:
    """Add rows to a data set."""
    before = len(data)
    data.resize(before + len(values), axis=0)
    data[before:] = values


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
