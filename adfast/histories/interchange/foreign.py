"""What a foreign format offers: recognise data, read their histories, write those of a store.

A reader hands on histories in *pieces*, a mebibyte or so of consecutive transitions each, and a
writer takes them from the store in slices, so that neither ever has the whole in memory.

Legend: T transitions of a piece.
"""

from __future__ import annotations

import contextlib
import itertools
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np

from adfast.closing import Closing
from adfast.errors import AdfastError, ForeignDataError, byte_size, legible
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar
from adfast.tasks.observation import ObservationSpec
from adfast.tasks.transition_schema import TransitionSchema

PIECE_BYTES = 1 << 20
# What unpacks to more than BOMB_BYTES and BOMB_RATIO times what it takes is no data.
BOMB_BYTES, BOMB_RATIO = 1 << 28, 200
# What zip files, HDF5 and Arrow raise for bytes that are not theirs; anything else is our mistake.
UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, RuntimeError, MemoryError),
    *(BadZipFile, zlib.error),
)


@dataclass(frozen=True)
class Known:
    """What is said of the transitions of foreign data; None is found out by reading all of them."""

    observation: ObservationSpec | None = None
    num_actions: int | None = None
    episode_length: int | None = None
    reward_dtype: str | None = None

    @classmethod
    def of(cls, schema: TransitionSchema) -> Known:
        """All that `schema` says."""
        return cls(
            schema.observation, schema.num_actions, schema.episode_length, schema.reward_dtype
        )


@dataclass(frozen=True)
class Piece:
    """Consecutive transitions of one history, in numbers of any dtype.

    How episodes end is either said by `terminated` and `truncated`, or only that they do by `done`.
    Next observations are given for all transitions, or for the rows `kept_rows` alone, which are
    then all that differ from the observation of the row after. `episode_step` is given where it
    does not follow.
    """

    observation: np.ndarray  # [T, *item]
    action: np.ndarray  # [T]
    reward: np.ndarray  # [T]
    done: np.ndarray | None = None  # [T]
    terminated: np.ndarray | None = None  # [T]
    truncated: np.ndarray | None = None  # [T]
    next_observation: np.ndarray | None = None  # [T, *item]
    kept_rows: np.ndarray | None = None  # [K]
    kept_next: np.ndarray | None = None  # [K, *item]
    episode_step: np.ndarray | None = None  # [T]
    label: np.ndarray | None = None  # [T]

    def arrays(self) -> dict[str, np.ndarray]:
        """Name -> array: what is given."""
        return {name: array for name, array in vars(self).items() if array is not None}


@dataclass
class ForeignReader(Closing):
    """Foreign data that were opened: what they say of themselves, and their histories in order.

    What is wrong with them is a `ForeignDataError`, here or when a history is read.
    """

    path: Path
    known: Known = Known()
    description: dict[str, Any] = field(default_factory=dict)
    must_count_steps: bool = field(default=False, kw_only=True)  # those that pieces give

    @property
    @abstractmethod
    def num_histories(self) -> int:
        """Histories of the data."""

    @abstractmethod
    def say(self, index: int) -> dict[str, Any]:
        """Name -> JSON value: what the data say of one history."""

    @abstractmethod
    def read(self, index: int) -> Iterator[Piece]:
        """The transitions of one history, in order."""

    def close(self) -> None:
        """Close the files."""

    def metadata(self, index: int) -> dict[str, Any]:
        """Name -> JSON value: what the data say of one history; raises `ForeignDataError`."""
        with readable(self.path, f"history {index}"):
            return self.say(index)

    def pieces(self, index: int) -> Iterator[Piece]:
        """The transitions of one history, in order; raises `ForeignDataError`."""
        with readable(self.path, f"history {index}"):
            yield from self.read(index)


class ForeignFormat(ABC):
    """A layout of files that another tool reads or writes."""

    about: ClassVar[str]  # in a few words
    needs: ClassVar[tuple[str, ...]] = ()  # packages beside those of adfast
    suffixes: ClassVar[tuple[str, ...]] = ()  # of files that are such data
    can_write: ClassVar[bool] = True

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether `path` looks like such data; needs no package, and reads a few bytes."""

    @abstractmethod
    def open(self, path: Path) -> ForeignReader:
        """A reader of the data at `path`; raises `ForeignDataError`."""

    def write(self, store: HistoryStore, path: Path, bar: ProgressBar) -> None:
        """Write all histories of `store` as `path`, which is not there; `bar` counts transitions.

        The store is one of transitions. Raises `InvalidArgument` for what the format cannot hold.
        """
        raise NotImplementedError

    def wrote(self, path: Path) -> bool:
        """Whether `path` is what `write` has made, with nothing of anybody else in it."""
        raise NotImplementedError


@contextlib.contextmanager
def readable(path: Path, what: str = "") -> Iterator[None]:
    """Say of whatever a library raises for damaged data which data these are."""
    try:
        yield
    except AdfastError:
        raise
    except UNREADABLE as error:
        place = f"{path}: {what}" if what else str(path)
        cause = legible(str(error)) or type(error).__name__
        raise ForeignDataError(
            f"{place}: cannot be read ({cause}); the data are damaged or of another layout: get "
            "them anew, or name their format"
        ) from error


def rows_at_a_time(row_bytes: int) -> int:
    """How many rows of so many bytes are a piece."""
    return max(PIECE_BYTES // max(row_bytes, 1), 1)


def slices_of(store: HistoryStore, index: int) -> Iterator[dict[str, np.ndarray]]:
    """The fields of one history of `store`, a piece after the other."""
    schema = store.schema
    assert isinstance(schema, TransitionSchema), "as writers are promised"
    step = rows_at_a_time(schema.bytes_per_transition)
    length = int(store.lengths[index])
    for begin in range(0, length, step):
        yield store.history(index, rows=slice(begin, min(begin + step, length)))


def with_following(
    pieces: Iterator[dict[str, np.ndarray]],
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray] | None]]:
    """Each of `pieces` with the one after it."""
    before, after = itertools.tee(pieces)
    next(after, None)
    return itertools.zip_longest(before, after)


def require_inside(root: Path, path: Path) -> Path:
    """`path`, which data in folder `root` name; raises `ForeignDataError` where it leads out."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise ForeignDataError(
            f"{root}: names a file outside of its folder, {path}; data must lie in their own "
            "folder: copy the file there, or do not trust them"
        )
    return path


def read_at_most(path: Path, most_bytes: int) -> bytes:
    """All of a file that is to be small; raises `ForeignDataError` for a larger one, unread."""
    if path.stat().st_size > most_bytes:
        raise ForeignDataError(f"{path}: must be of at most {most_bytes} bytes")
    return path.read_bytes()


def holds_only(folder: Path, *patterns: str) -> bool:
    """Whether all files below `folder` are called as one of `patterns`, such as "data/*.json"."""
    files = [file.relative_to(folder) for file in folder.rglob("*") if not is_folder(file)]
    return all(
        any(
            len(file.parts) == pattern.count("/") + 1 and file.match(pattern)
            for pattern in patterns
        )
        for file in files
    )


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def require_plausible(place: str, packed: int, unpacked: int) -> None:
    """Raise `ForeignDataError` for `packed` bytes that unpack to far too many."""
    if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * packed:
        raise ForeignDataError(
            f"{place} is of {byte_size(packed)} and unpacks to {byte_size(unpacked)}, which no "
            "data do; do not trust it"
        )
