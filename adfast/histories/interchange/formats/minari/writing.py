"""Writes the episodes of all histories one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.errors import InvalidArgument, legible
from adfast.histories.interchange.foreign import slices_of
from adfast.histories.interchange.formats.minari.layout import DATA
from adfast.histories.interchange.own_words import ABOUT_NAME, words_of
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


def write_data_set(store: HistoryStore, path: Path, bar: ProgressBar) -> None:
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
