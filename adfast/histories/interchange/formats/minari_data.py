"""Minari data sets: episodes of a Gymnasium environment, in a folder `data`.

    name-v0/data/metadata.json      spaces, episodes, steps
    name-v0/data/main_data.hdf5     a group for each episode: observations [T + 1], actions, ...

`minari.load_dataset` finds a data set by its name below `MINARI_DATASETS_PATH`, and
`minari.MinariDataset(folder / "data")` anywhere. Minari knows episodes, not who learned in them:
the episodes of a foreign data set are, in their order, one history. Written are the episodes of all
histories one after the other, and data/adfast.json says which are whose.

Spaces must be those that a recorder takes: Discrete, MultiDiscrete, MultiBinary or Box
observations, Discrete actions. Rendered observations are written as poses, pictures without loss.
A data set without spaces is refused: Minari would run the environment that its file names.

Source: minari.farama.org, "Dataset standards"; github.com/Farama-Foundation/Minari,
`minari/dataset/_storages/hdf5_storage.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from adfast.errors import ForeignDataError, InvalidArgument, legible
from adfast.histories.interchange.foreign import (
    ForeignFormat,
    ForeignReader,
    Known,
    Piece,
    holds_only,
    require_inside,
    slices_of,
)
from adfast.histories.interchange.formats.hdf5_files import group_in, numbers_in, open_file
from adfast.histories.interchange.own_words import ABOUT_NAME, parse_words, words_of
from adfast.histories.next_items import as_bytes
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)

if TYPE_CHECKING:
    from minari.data_collector.episode_buffer import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    from adfast.simulators.space_encoding import SpaceEncoding

DATA, METADATA, MAIN = "data", "metadata.json", "main_data.hdf5"
MAX_METADATA_BYTES = 1 << 28
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


class Minari(ForeignFormat):
    """Folders of Minari data sets."""

    about: ClassVar[str] = "Minari data sets"
    needs: ClassVar[tuple[str, ...]] = ("minari", "h5py", "gymnasium")

    def recognises(self, path: Path) -> bool:
        """Whether a folder has the metadata of one."""
        folder = data_folder(path)
        if not (folder / METADATA).is_file():
            return False
        try:
            return "data_format" in read_json(folder / METADATA)
        except (ValueError, ForeignDataError):
            return False

    def open(self, path: Path) -> MinariReader:
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

    def write(self, store: HistoryStore, path: Path, bar: ProgressBar) -> None:
        """A data set called as `path` is, in HDF5."""
        import minari
        from gymnasium.spaces import Discrete
        from minari.dataset.minari_dataset import parse_dataset_id
        from minari.dataset.minari_storage import MinariStorage

        schema = store.schema
        assert isinstance(schema, TransitionSchema), "as the caller has seen to"
        try:
            parse_dataset_id(path.name)
        except (ValueError, TypeError):
            raise InvalidArgument(
                "Minari calls data sets as in dark-room-v0, letters and a version, got "
                f"{legible(path.name)}; give such a folder"
            ) from None
        if schema.labelled:
            raise InvalidArgument(
                "Minari has no room for the labels of these histories; export as parquet or xland"
            )
        folder = path.absolute() / DATA  # Minari joins a relative one with itself
        folder.mkdir(parents=True)
        stored = schema.observation.stored
        space = stored_space(schema)
        storage = MinariStorage.new(
            folder, space, Discrete(schema.num_actions), data_format="hdf5", jpeg_encoding=False
        )
        assert space.shape == stored.shape, "as rows are kept"
        whose: list[dict[str, Any]] = []
        storage.update_episodes(episodes_of(store, whose, bar))
        storage.update_metadata(
            {
                "dataset_id": path.name,
                "minari_version": minari.__version__,
                "description": "Learning histories of adfast; data/adfast.json says whose "
                "episodes are whose.",
            }
        )
        words = {**words_of(schema, store.description), "histories": whose}
        (folder / ABOUT_NAME).write_text(json.dumps(words))

    def wrote(self, path: Path) -> bool:
        """Whether a folder has what adfast says of a store, and its files alone."""
        about = path / DATA / ABOUT_NAME
        if not about.is_file():
            return False
        parse_words(read_json(about), about)
        return holds_only(path, *(f"{DATA}/{name}" for name in (ABOUT_NAME, METADATA, MAIN)))


def stored_space(schema: TransitionSchema) -> Any:
    """The Gymnasium space of what rows keep: of rendered observations that of poses."""
    stored = schema.observation.stored
    if stored.sizes is None:
        return schema.observation.space()
    return DiscreteObservation(stored.sizes).space()


def episodes_of(
    store: HistoryStore, whose: list[dict[str, Any]], bar: ProgressBar
) -> Iterator[EpisodeBuffer]:
    """The episodes of all histories; `whose` gets what is said of each history.

    Raises `InvalidArgument` for transitions that do not follow each other as Minari has them.
    """
    from minari.data_collector.episode_buffer import EpisodeBuffer

    for index in range(store.num_histories):
        said: dict[str, Any] = {"episodes": 0, "metadata": store.metadata_of(index)}
        whose.append(said)
        for rows in episodes_in(store, index):
            steps = rows["episode_step"].astype(np.int64)
            first = int(steps[0])
            if not said["episodes"]:
                said["first_step"] = first
            shown, following = rows["observation"], rows["next_observation"]
            is_continued = (as_bytes(following)[:-1] == as_bytes(shown)[1:]).all()
            is_counted = (np.diff(steps) == 1).all() and (first == 0 or not said["episodes"])
            if not is_continued or not is_counted:
                raise InvalidArgument(
                    f"history {index} has an episode {said['episodes']} whose transitions do not "
                    "follow each other, which Minari cannot hold; export as parquet or xland"
                )
            said["episodes"] += 1
            yield EpisodeBuffer(
                observations=np.concatenate([shown, following[-1:]]),
                actions=rows["action"].astype(np.int64),
                rewards=rows["reward"].astype(np.float64),
                terminations=rows["boundary"] == BOUNDARY_TERMINATED,
                truncations=rows["boundary"] == BOUNDARY_TRUNCATED,
            )
            bar.advance_to(bar.done + len(steps))


def episodes_in(store: HistoryStore, index: int) -> Iterator[dict[str, np.ndarray]]:
    """The transitions of each episode of a history; the last may be cut."""
    held: list[dict[str, np.ndarray]] = []
    for rows in slices_of(store, index):
        begin = 0
        for end in (np.flatnonzero(rows["boundary"] != BOUNDARY_INSIDE) + 1).tolist():
            held.append({name: values[begin:end] for name, values in rows.items()})
            yield joined(held)
            held, begin = [], end
        if begin < len(rows["action"]):
            held.append({name: values[begin:] for name, values in rows.items()})
    if held:
        yield joined(held)


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Consecutive rows as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def data_folder(path: Path) -> Path:
    """The folder of the files: `data` in that of a data set, or `path` itself."""
    return path / DATA if (path / DATA / METADATA).is_file() else path


def read_json(path: Path) -> dict[str, Any]:
    """The entries of a JSON file; raises `ForeignDataError`."""
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise ForeignDataError(f"{path}: must be of at most {MAX_METADATA_BYTES} bytes")
    said = json.loads(path.read_bytes())
    if not isinstance(said, dict):
        raise ForeignDataError(f"{path}: must be a JSON object")
    return said
