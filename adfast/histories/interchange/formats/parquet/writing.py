"""Writes a row for each transition, in row groups of some pieces each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.histories.interchange.foreign import rows_at_a_time, slices_of
from adfast.histories.interchange.formats.parquet.layout import HISTORY, METADATA, OTHERS, OWN
from adfast.histories.interchange.own_words import words_of
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_PIECES = 4  # pieces that a row group holds, about


def write_rows(store: HistoryStore, path: Path, bar: ProgressBar) -> None:
    """Row groups of some pieces each, whatever histories these are of."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = store.schema
    assert isinstance(schema, TransitionSchema), "as the caller has seen to"
    shared = shared_metadata(store, {HISTORY, METADATA, "episode", *schema.fields, *OTHERS})
    step = rows_at_a_time(schema.bytes_per_transition) * GROUP_PIECES
    words = json.dumps(words_of(schema, store.description)).encode()
    writer: pq.ParquetWriter | None = None
    waiting: list[pa.Table] = []
    try:
        for table in tables_of(store, schema, shared):
            waiting.append(table.replace_schema_metadata({OWN: words}))
            if writer is None:
                writer = pq.ParquetWriter(path, waiting[0].schema, compression="zstd")
            if sum(part.num_rows for part in waiting) >= step:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
            bar.advance_to(bar.done + table.num_rows)
        if waiting and writer is not None:
            writer.write_table(pa.concat_tables(waiting))
    finally:
        if writer is not None:
            writer.close()


def tables_of(
    store: HistoryStore, schema: TransitionSchema, shared: Mapping[str, np.ndarray]
) -> Iterator[pa.Table]:
    """The rows of all histories, a piece after the other."""
    import pyarrow as pa

    for index in range(store.num_histories):
        episode = 0
        said = json.dumps(store.metadata_of(index))
        for rows in slices_of(store, index):
            boundary = rows["boundary"]
            count = len(boundary)
            before = np.zeros(count, np.int64)
            before[1:] = np.cumsum(boundary != BOUNDARY_INSIDE)[:-1]
            columns = {HISTORY: pa.array(np.full(count, index))}
            columns["episode"] = pa.array(episode + before)
            columns[METADATA] = repeated(said, count)
            for name, values in shared.items():
                value = values[index]
                own = value.item() if isinstance(value, np.generic) else value
                columns[name] = repeated(own, count)
            columns["episode_step"] = pa.array(rows["episode_step"])
            columns["observation"] = as_lists(rows["observation"])
            columns["action"] = pa.array(rows["action"])
            columns["reward"] = pa.array(rows["reward"])
            columns["next_observation"] = as_lists(rows["next_observation"])
            columns["terminated"] = pa.array(boundary == BOUNDARY_TERMINATED)
            columns["truncated"] = pa.array(boundary == BOUNDARY_TRUNCATED)
            if schema.labelled:
                columns["label"] = pa.array(rows["label"])
            episode += int((boundary != BOUNDARY_INSIDE).sum())
            yield pa.table(columns)


def repeated(value: Any, count: int) -> pa.Array:
    """`count` times `value`; text as a dictionary of one word, since Parquet would make it one."""
    import pyarrow as pa

    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [value]).cast(
            pa.string()
        )
    return pa.repeat(value, count)


def shared_metadata(store: HistoryStore, taken: set[str]) -> dict[str, np.ndarray]:
    """Metadata that are columns of their own: of every history, and of one plain kind."""
    return {
        name: values
        for name, values in store.metadata.items()
        if values.dtype.kind in "biufU" and name not in taken and name != "block"
    }


def as_lists(values: np.ndarray) -> pa.Array:
    """`values` `[T, *item]` as lists of fixed lengths, nested as the item's axes."""
    import pyarrow as pa

    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    for length in reversed(values.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, length)
    return array
