"""Reads a data set, an episode at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.errors import ForeignDataError
from adfast.histories.interchange.foreign import ForeignReader, Known, Piece, require_inside
from adfast.histories.interchange.formats.hdf5_files import group_in, numbers_in, open_file
from adfast.histories.interchange.formats.minari.layout import (
    MAIN,
    METADATA,
    data_folder,
    read_json,
)
from adfast.histories.interchange.own_words import ABOUT_NAME, parse_words

if TYPE_CHECKING:
    from minari.dataset.minari_storage import MinariStorage

    from adfast.simulators.space_encoding import SpaceEncoding

FINISHED = ("terminations", "truncations")


@dataclass
class MinariReader(ForeignReader):
    """Reads a data set, an episode at a time."""

    storage: MinariStorage | None = None
    encoding: SpaceEncoding | None = None
    starts: list[int] = field(default_factory=lambda: [0])  # the first episode of each history
    said: list[dict[str, Any]] = field(default_factory=list)
    first_steps: list[int] = field(default_factory=list)

    @property
    def num_histories(self) -> int:
        """One, unless adfast wrote which episodes are whose."""
        return len(self.starts) - 1

    def say(self, index: int) -> dict[str, Any]:
        """What adfast wrote."""
        return self.said[index] if self.said else {}

    def read(self, index: int) -> Iterator[Piece]:
        """Its episodes."""
        episodes = range(self.starts[index], self.starts[index + 1])
        step = self.first_steps[index] if self.first_steps else 0
        for number, episode in zip(episodes, self._episodes(episodes), strict=True):
            if len(episode["rewards"]):
                yield self._piece(number, episode, step)
            step = 0

    def _episodes(self, numbers: range) -> Iterator[dict[str, Any]]:
        """The episodes `numbers` as Minari has them, each looked at before it is read."""
        assert self.storage is not None, "open until it is closed"
        episodes = iter(self.storage.get_episodes(numbers))
        if self.storage.FORMAT != "hdf5":
            yield from episodes
            return
        with open_file(self.path / MAIN) as file:
            for number in numbers:
                group = group_in(file, f"episode_{number}")
                for name in ("observations", "actions", "rewards", *FINISHED):
                    numbers_in(group, name)
                if "infos" in group:
                    group_in(group, "infos")
                yield next(episodes)

    def _piece(self, number: int, episode: dict[str, Any], first_step: int) -> Piece:
        assert self.encoding is not None, "open until it is closed"
        rewards = np.asarray(episode["rewards"])
        count = len(rewards)
        observations = episode["observations"]
        if not isinstance(observations, np.ndarray) or len(observations) != count + 1:
            raise ForeignDataError(
                f"{self.path}: episode {number} must have one observation more than the {count} "
                f"rewards, got {len(observations)}"
            )
        encoded = self.encoding.encode_observations(observations, count + 1)
        terminated, truncated = (np.asarray(episode[name]) for name in FINISHED)
        for name, values in zip(FINISHED, (terminated, truncated), strict=True):
            if values.shape != (count,) or (values[:-1] != 0).any():
                raise ForeignDataError(
                    f"{self.path}: {name} of episode {number} must be {count} truth values, of "
                    f"which the last alone may be true, got shape {values.shape}"
                )
        return Piece(
            observation=encoded[:-1],
            next_observation=encoded[1:],
            action=self.encoding.encode_actions(np.asarray(episode["actions"]), count),
            reward=rewards,
            terminated=terminated,
            truncated=truncated if terminated[-1] or truncated[-1] else self._cut(number, count),
            episode_step=first_step + np.arange(count),
        )

    def _cut(self, number: int, count: int) -> np.ndarray:
        """Truncations of an episode that nothing ended: it was given up, unless it is the last."""
        is_last = number + 1 in self.starts
        truncated = np.zeros(count, bool)
        truncated[-1] = not is_last
        return truncated


def open_data_set(path: Path) -> MinariReader:
    """A reader of a data set's folder, or of the folder `data` in it."""
    from minari.dataset.minari_storage import MinariStorage

    from adfast.simulators.space_encoding import SpaceEncoding

    folder = data_folder(path)
    for found in folder.rglob("*"):
        require_inside(folder, found)
    metadata = read_json(folder / METADATA)
    total = metadata.get("total_episodes")
    if type(total) is not int or total < 1:
        raise ForeignDataError(f"{path}: total_episodes must be at least 1, got {total!r}")
    for name in ("observation_space", "action_space"):
        if not isinstance(metadata.get(name), str):
            raise ForeignDataError(
                f"{path}: must say its {name}; it is not made from the environment that the "
                "data name, which would be run: let Minari write the data set again"
            )
    storage = MinariStorage.read(folder)
    encoding = SpaceEncoding(storage.observation_space, storage.action_space)
    about = folder / ABOUT_NAME
    if not about.is_file():
        known = Known(encoding.observation, encoding.num_actions)
        description = {"recorded": encoding.describe()}
        return MinariReader(folder, known, description, storage, encoding, [0, total])
    words = read_json(about)
    schema, description = parse_words(words, about)
    whose = words["histories"]
    counts = [history["episodes"] for history in whose]
    if sum(counts) != total or min(counts) < 1:
        raise ForeignDataError(f"{about}: must say of {total} episodes whose they are")
    return MinariReader(
        folder,
        Known.of(schema),
        description,
        storage,
        encoding,
        [0, *accumulate(counts)],
        [history["metadata"] for history in whose],
        [history["first_step"] for history in whose],
    )
