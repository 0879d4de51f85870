"""The npz files of RA-DT's grid worlds: an episode in each, or a replay buffer of all.

    folder/[0,0]_[2,0]/*.npz    states, actions, rewards, dones (one truth value: of its end)
    folder/[0,0]_[2,0].npz      observations, next_observations, actions, rewards, dones

A folder of episodes, or a file of a buffer, is the history of one task, and the two cells in its
name are start and goal. Episodes come in the order of `episode_trjids.json` where that is there,
else of their names, numbers in them as numbers. `dones` says that an episode ends, not how, and the
last state of an episode is not there, but in buffers. Pickled buffers (`.pkl`) are refused. Read
alone.

Source: github.com/ml-jku/RA-DT, `src/buffers/trajectory_buffer.py`, `buffer_utils.py`,
`configs/agent_params/data_paths`; arXiv 2410.07071.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from adfast.errors import ForeignDataError
from adfast.histories.interchange.foreign import (
    ForeignFormat,
    ForeignReader,
    Piece,
    require_inside,
)
from adfast.histories.interchange.formats.npz_files import NpzFile, members_of

EPISODE = {"observation": "states", "action": "actions", "reward": "rewards"}
BUFFER = {
    "observation": "observations",
    "next_observation": "next_observations",
    "action": "actions",
    "reward": "rewards",
    "done": "dones",
}
ORDER_NAME = "episode_trjids.json"
CELL = re.compile(r"\[(\d+),\s*(\d+)\]")
MAX_ORDER_BYTES = 1 << 28


@dataclass(frozen=True)
class Task:
    """The files of one history, in order, and its name."""

    name: str
    files: tuple[Path, ...]


@dataclass
class RaDtReader(ForeignReader):
    """Reads the tasks of a folder, or one."""

    tasks: list[Task] = field(default_factory=list)

    @property
    def num_histories(self) -> int:
        """One for each task."""
        return len(self.tasks)

    def say(self, index: int) -> dict[str, Any]:
        """The task by its number and name, and the cells that the name has."""
        name = self.tasks[index].name
        said: dict[str, Any] = {"task_id": index}
        cells = CELL.findall(name)
        if len(cells) == 2:
            for what, cell in zip(("start", "goal"), cells, strict=True):
                said |= {f"{what}_{axis}": int(number) for axis, number in enumerate(cell)}
        return said

    def read(self, index: int) -> Iterator[Piece]:
        """The episodes one after the other, or the buffer's rows."""
        for path in self.tasks[index].files:
            with NpzFile(path) as file:
                yield from buffer_pieces(file) if is_buffer(file) else episode_pieces(file)


class RaDt(ForeignFormat):
    """Folders of npz files, as RA-DT keeps its grid worlds."""

    about: ClassVar[str] = "npz files of RA-DT"
    can_write: ClassVar[bool] = False

    def recognises(self, path: Path) -> bool:
        """Whether there are npz files with its arrays, or its pickled buffers."""
        found = next(iter(npz_files(path)), None)
        if found is None:
            return path.is_dir() and any(path.glob("[[]*.pkl"))
        members = members_of(found)
        is_episode = "states.npy" in members and "rewards.npy" in members
        return "next_observations.npy" in members or is_episode

    def open(self, path: Path) -> RaDtReader:
        """A reader of a folder of tasks, of the folder of one, or of a buffer's file."""
        if path.is_file():
            return RaDtReader(path, tasks=[Task(path.stem, (path,))])
        by_folder: dict[Path, list[Path]] = {}
        for file in npz_files(path):
            by_folder.setdefault(require_inside(path, file).parent, []).append(file)
        if not by_folder:
            raise ForeignDataError(
                f"{path}: holds no npz files; buffers that are pickled (.pkl) could run any "
                "program and are not opened: save their arrays by numpy.savez"
            )
        tasks: list[Task] = []
        for folder in sorted(by_folder, key=lambda folder: natural(str(folder))):
            files = by_folder[folder]
            with NpzFile(files[0]) as first:
                is_each_one = is_buffer(first)
            if is_each_one:
                ordered = sorted(files, key=lambda file: natural(file.name))
                tasks += [Task(file.stem, (file,)) for file in ordered]
            else:
                tasks.append(Task(folder.name, tuple(in_order(folder, files))))
        return RaDtReader(path, tasks=tasks)


def npz_files(path: Path) -> Iterator[Path]:
    """The npz files in a folder and below, or the file itself."""
    if path.is_dir():
        yield from path.rglob("*.npz")
    elif path.suffix == ".npz":
        yield path


def is_buffer(file: NpzFile) -> bool:
    """Whether a file is a replay buffer, rather than one episode."""
    return "next_observations" in file.arrays


def in_order(folder: Path, files: list[Path]) -> list[Path]:
    """The episodes of a task, the first to last; raises `ForeignDataError`."""
    order = folder / ORDER_NAME
    if not order.is_file():
        return sorted(files, key=lambda file: natural(file.name))
    if order.stat().st_size > MAX_ORDER_BYTES:
        raise ForeignDataError(f"{order}: must be of at most {MAX_ORDER_BYTES} bytes")
    numbers = json.loads(order.read_bytes())
    missing = [file.stem for file in files if file.stem not in numbers]
    if missing:
        raise ForeignDataError(f"{order}: must number every episode; missing: {missing[0]}")
    return sorted(files, key=lambda file: int(numbers[file.stem]))


def natural(name: str) -> list[tuple[int, str]]:
    """By what names are sorted: numbers in them as numbers."""
    parts = re.split(r"(\d{1,18})", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def episode_pieces(file: NpzFile) -> Iterator[Piece]:
    """The rows of one episode, of which the last ends it if the episode is done."""
    file.require(*EPISODE.values(), "dones")
    dones = file.whole("dones", 1 << 24).reshape(-1)
    if not dones.size:
        raise ForeignDataError(f"{file.path}: dones must say whether the episode ended")
    num_rows, row = file.numbers("rewards").shape[:1], 0
    for rows in file.rows(EPISODE):
        count = len(rows["reward"])
        done = np.zeros(count, bool)
        row += count
        done[-1] = (row,) == num_rows and dones[-1] != 0
        yield Piece(done=done, **flat(rows, file))


def buffer_pieces(file: NpzFile) -> Iterator[Piece]:
    """The rows of a replay buffer of one environment."""
    file.require(*BUFFER.values())
    for rows in file.rows(BUFFER):
        yield Piece(**flat(rows, file))


def flat(rows: dict[str, np.ndarray], file: NpzFile) -> dict[str, np.ndarray]:
    """Rows without the axis of one environment, and of one action; raises `ForeignDataError`."""
    count = len(rows["reward"])
    result = {}
    for name, values in rows.items():
        is_observation = name in ("observation", "next_observation")
        if not is_observation and values.size != count:
            raise ForeignDataError(
                f"{file.path}: {name} must be one number for each transition, got {values.shape}: "
                "buffers of several environments must be taken apart, an npz file for each"
            )
        if is_observation and values.ndim > 2 and values.shape[1] == 1:
            values = values[:, 0]
        result[name] = values if is_observation else values.reshape(-1)
    return result
