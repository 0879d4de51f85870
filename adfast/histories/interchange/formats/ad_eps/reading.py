"""Reads the learners of a folder, chunk by chunk."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from adfast.errors import ForeignDataError, InvalidArgument
from adfast.histories.interchange.foreign import (
    ForeignReader,
    Known,
    Piece,
    read_at_most,
    require_inside,
)
from adfast.histories.interchange.formats.ad_eps.layout import (
    KEPT_NEXT,
    KEPT_ROWS,
    METADATA_SUFFIX,
    OWN,
    TRAJECTORIES,
)
from adfast.histories.interchange.formats.kept_ends import KeptEnds
from adfast.histories.interchange.formats.npz_files import NpzFile
from adfast.histories.interchange.own_words import ABOUT_NAME, read_about
from adfast.tasks.fields import Field
from adfast.values import as_array

MAX_METADATA_BYTES = 1 << 26
# Ours -> the file's; the second half is of adfast alone.
ARRAYS = {"observation": "states", "action": "actions", "reward": "rewards", "done": "dones"}
OWN_ARRAYS = {
    "terminated": "terminations",
    "truncated": "truncations",
    "episode_step": "episode_steps",
    "label": "expert_actions",
}


@dataclass(frozen=True)
class Learner:
    """One history: its files in order, and what is said of it."""

    files: tuple[Path, ...]
    metadata: dict[str, Any]


@dataclass
class AdEpsReader(ForeignReader):
    """Reads the learners of a folder, or a single npz file as one of them."""

    learners: list[Learner] = field(default_factory=list)
    item: Field | None = None  # what rows keep of counted observations that are one number here

    @property
    def num_histories(self) -> int:
        """One for each learner."""
        return len(self.learners)

    def say(self, index: int) -> dict[str, Any]:
        """The algorithm and the goal, which is the task; or what adfast wrote."""
        return self.learners[index].metadata

    def read(self, index: int) -> Iterator[Piece]:
        """The chunks of the learner."""
        for path in self.learners[index].files:
            with NpzFile(path) as file:
                yield from self._pieces_of(file)

    def _pieces_of(self, file: NpzFile) -> Iterator[Piece]:
        file.require("states", "actions", "rewards")
        every = {**ARRAYS, **OWN_ARRAYS}
        names = {name: theirs for name, theirs in every.items() if theirs in file.arrays}
        kept = None
        if KEPT_ROWS in file.arrays and KEPT_NEXT in file.arrays:
            kept = KeptEnds(file.rows({"row": KEPT_ROWS, "item": KEPT_NEXT}))
        for rows in file.rows(names):
            yield self._piece(rows, file, kept)

    def _piece(self, rows: dict[str, np.ndarray], file: NpzFile, kept: KeptEnds | None) -> Piece:
        """Rows of `[n, 1]`, or episodes of `[n, T]`, as consecutive transitions."""
        actions = rows["action"]
        count = actions.size
        is_episodes = actions.ndim == 2 and actions.shape[1] > 1
        flat = {name: array.reshape(-1) for name, array in rows.items() if name != "observation"}
        unequal = [ARRAYS.get(name, name) for name, array in flat.items() if len(array) != count]
        if unequal or rows["observation"].size % max(count, 1):
            raise ForeignDataError(
                f"{file.path}: arrays must be of as many transitions as there are actions, "
                f"{count} in some rows; unlike: {', '.join(unequal) or 'states'}"
            )
        if "done" not in flat:
            if not is_episodes:
                raise ForeignDataError(
                    f'{file.path}: must hold an array "dones", or episodes as rows of [E, T]'
                )
            done = np.zeros(actions.shape, bool)
            done[:, -1] = True
            flat["done"] = done.reshape(-1)
        states = rows["observation"]
        leading = 2 if is_episodes else 1
        states = states.reshape(count, *states.shape[leading:])
        if states.ndim == 1:
            states = states[:, None]
        if "terminated" in flat and "truncated" in flat:
            del flat["done"]
        piece = Piece(observation=self._unnumbered(states), **flat)
        if kept is None:
            return piece
        kept_rows, items = kept.within(count)
        kept_next = None if items is None else self._unnumbered(items)
        return replace(piece, kept_rows=kept_rows, kept_next=kept_next)

    def _unnumbered(self, states: np.ndarray) -> np.ndarray:
        """The components of counted observations that adfast numbered, others as they are."""
        if self.item is None or self.item.sizes is None:
            return states
        numbers = as_array("states", states).reshape(len(states))
        sizes = self.item.sizes
        if ((numbers < 0) | (numbers >= math.prod(sizes)) | (np.trunc(numbers) != numbers)).any():
            raise InvalidArgument(f"states must be whole numbers below {math.prod(sizes)}")
        return np.stack(np.unravel_index(numbers.astype(np.int64), sizes), axis=1)


def open_learners(path: Path) -> AdEpsReader:
    """A reader of a folder, or of one file."""
    if path.is_file():
        return AdEpsReader(path, learners=[Learner((path,), {})])
    about = read_about(path / ABOUT_NAME)
    learners: list[Learner] = []
    goals: dict[str, int] = {}
    for found in sorted(path.rglob(f"*{METADATA_SUFFIX}")):
        learners += learners_of(require_inside(path, found), path, goals)
    if about is None:
        return AdEpsReader(path, learners=learners)
    schema, description = about
    field_ = schema.observation.stored
    is_numbered = field_.sizes is not None
    return AdEpsReader(
        path, Known.of(schema), description, learners, field_ if is_numbered else None
    )


def learners_of(metadata: Path, root: Path, goals: dict[str, int]) -> list[Learner]:
    """The histories that one metadata file lists; `goals` numbers the tasks. Raises
    `ForeignDataError`.
    """
    said = read_metadata(metadata)
    names = said[TRAJECTORIES]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ForeignDataError(f'{metadata}: "{TRAJECTORIES}" must be a list of file names')
    files = [require_inside(root, metadata.parent / name) for name in names]
    for file in files:
        if not file.is_file():
            raise ForeignDataError(f"{metadata}: names {file.name}, which is not there")
    own = said.get(OWN)
    if isinstance(own, dict):
        return [Learner(tuple(files), own)]
    goal = said.get("goal")
    is_each_one = any(holds_episodes(file) for file in files)
    if not is_each_one:
        return [Learner(tuple(files), about_learner(said, goal, goals))]
    own_goals = goal if isinstance(goal, list) and len(goal) == len(files) else [goal] * len(files)
    return [
        Learner((file,), about_learner(said, own_goal, goals))
        for file, own_goal in zip(files, own_goals, strict=True)
    ]


def about_learner(said: dict[str, Any], goal: Any, goals: dict[str, int]) -> dict[str, Any]:
    """What is said of a history: its algorithm, its goal, and the number of that as its task."""
    algorithm = said.get("algorithm")
    about: dict[str, Any] = {} if not isinstance(algorithm, str) else {"algorithm": algorithm}
    if goal is None:
        return about
    about["task_id"] = goals.setdefault(json.dumps(goal), len(goals))
    numbers: Any = np.ravel(goal) if isinstance(goal, list) else []
    for number, value in enumerate(numbers):
        if isinstance(value, int | float | np.number):
            about[f"goal_{number}"] = value.item() if isinstance(value, np.generic) else value
    return about


def holds_episodes(path: Path) -> bool:
    """Whether the rows of a file are episodes: `[E, T]`."""
    with NpzFile(path) as file:
        file.require("states", "actions", "rewards")
        shape = file.numbers("actions").shape
        return len(shape) == 2 and shape[1] > 1


def is_metadata(path: Path) -> bool:
    """Whether a file says which trajectories there are."""
    try:
        return TRAJECTORIES in read_metadata(path)
    except (OSError, ValueError, ForeignDataError):
        return False


def read_metadata(path: Path) -> dict[str, Any]:
    """The entries of a metadata file; raises `ForeignDataError`."""
    said = json.loads(read_at_most(path, MAX_METADATA_BYTES))
    if not isinstance(said, dict) or TRAJECTORIES not in said:
        raise ForeignDataError(f'{path}: must be a JSON object with "{TRAJECTORIES}"')
    return said
