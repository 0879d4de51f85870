"""Writes a folder for each history, in it a chunk for each piece."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from adfast.errors import InvalidArgument, shown
from adfast.histories.interchange.foreign import slices_of, with_following
from adfast.histories.interchange.formats.ad_eps.layout import (
    KEPT_NEXT,
    KEPT_ROWS,
    METADATA_SUFFIX,
    OWN,
    TRAJECTORIES,
)
from adfast.histories.interchange.formats.kept_ends import KeptEnds
from adfast.histories.interchange.own_words import ABOUT_NAME, write_about
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar
from adfast.tasks.transition_schema import BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED, TransitionSchema

MAX_NUMBER = 2**53  # up to which float64 holds every whole number


def write_chunks(store: HistoryStore, path: Path, bar: ProgressBar) -> None:
    """A folder for each history, in it a chunk for each piece."""
    schema = store.schema
    assert isinstance(schema, TransitionSchema), "as the caller has seen to"
    sizes = schema.observation.stored.sizes
    if sizes is not None and math.prod(sizes) > MAX_NUMBER:
        raise InvalidArgument(
            f"ad-eps numbers observations, and of {shown(sizes)} there are more than 2**53; "
            "export as parquet"
        )
    path.mkdir()
    write_about(path / ABOUT_NAME, schema, store.description)
    for index in range(store.num_histories):
        folder = path / f"history-{index:06d}"
        folder.mkdir()
        names: list[str] = []
        for rows, following in with_following(slices_of(store, index)):
            names.append(f"trajectories_{len(names)}.npz")
            arrays: dict[str, Any] = {**chunk_of(rows, following, sizes)}
            np.savez(folder / names[-1], **arrays)
            bar.advance_to(bar.done + len(rows["action"]))
        said = store.metadata_of(index)
        metadata = {
            "algorithm": said.get("algorithm", "unknown"),
            "label": "label",
            TRAJECTORIES: names,
            "goal": said.get("goal", said.get("task_id")),
            OWN: said,
        }
        (folder / f"metadata{METADATA_SUFFIX}").write_text(json.dumps(metadata, indent=2))


def chunk_of(
    rows: dict[str, np.ndarray], following: dict[str, np.ndarray] | None, sizes: Any
) -> dict[str, np.ndarray]:
    """The arrays of a file; numbers of `[N, 1]` as ad-eps has them."""
    kept_rows, kept_next = KeptEnds.choose(rows, following)
    boundary = rows["boundary"]
    arrays = {
        "states": numbered(rows["observation"], sizes),
        "actions": rows["action"].astype(np.int64),
        "rewards": rows["reward"].astype(np.float64),
        "dones": (boundary != 0).astype(np.int32),
        "terminations": boundary == BOUNDARY_TERMINATED,
        "truncations": boundary == BOUNDARY_TRUNCATED,
        "episode_steps": rows["episode_step"],
    }
    if "label" in rows:
        arrays["expert_actions"] = rows["label"].astype(np.int64)
    columns = {name: array[:, None] if array.ndim == 1 else array for name, array in arrays.items()}
    return columns | {KEPT_ROWS: kept_rows, KEPT_NEXT: numbered(kept_next, sizes)}


def numbered(observations: np.ndarray, sizes: tuple[int, ...] | None) -> np.ndarray:
    """float64 `[N, 1]` of counted observations, row by row of the grid; real ones as they are."""
    if sizes is None:
        return observations
    numbers = np.ravel_multi_index(tuple(observations.astype(np.int64).T), sizes)
    return np.asarray(numbers, np.float64)[:, None]
