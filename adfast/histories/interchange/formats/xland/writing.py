"""Writes a group for the histories of each task."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.histories.interchange.foreign import slices_of, with_following
from adfast.histories.interchange.formats.kept_ends import KeptEnds
from adfast.histories.interchange.formats.xland.layout import (
    BENCHMARK,
    ENVIRONMENT,
    KEPT_NEXT,
    KEPT_ROWS,
    KEPT_STARTS,
    LABEL,
    LENGTHS,
    METADATA,
    NUM_CODES,
    NUMBERS,
    TASK,
    WORDS,
    as_bytes,
)
from adfast.histories.interchange.own_words import words_of
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar
from adfast.tasks.fields import Field
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)

if TYPE_CHECKING:
    import h5py

CHUNK_ROWS = 4096
CHUNK_CACHE = 1 << 18  # bytes of each data set: rows come in order, so one chunk is begun at a time
METADATA_CACHE = 1 << 21  # bytes; HDF5 itself would let it grow with the file, to 32 MiB


def write_tasks(store: HistoryStore, path: Path, bar: ProgressBar) -> None:
    """A group for the histories of each task, in the order in which tasks first come."""
    import h5py

    schema = store.schema
    assert isinstance(schema, TransitionSchema), "as the caller has seen to"
    tasks: dict[Any, list[int]] = {}
    for index in range(store.num_histories):
        task = store.metadata_of(index).get("task_id", 0)
        tasks.setdefault(json.dumps(task), []).append(index)
    with h5py.File(path, "w", libver="latest", rdcc_nbytes=CHUNK_CACHE) as file:
        limit_metadata(file)
        for number, indices in enumerate(tasks.values()):
            group = file.create_group(str(number))
            if number == 0:
                as_bytes(group, WORDS, words_of(schema, store.description))
            write_task(group, store, schema, indices, bar)


def limit_metadata(file: h5py.File) -> None:
    """Have HDF5 write out what it knows of chunks, in place of keeping it all until the end."""
    config = file.id.get_mdc_config()
    config.set_initial_size, config.initial_size = True, METADATA_CACHE
    config.min_size = config.max_size = METADATA_CACHE
    file.id.set_mdc_config(config)


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
