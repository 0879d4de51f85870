"""Collection: blocks of learning histories, simulated in parallel, each stored when it is done.

The history of (task, repetition) draws from its own random stream, and a store has its blocks in
their order, so neither the number of threads or workers nor the size of a block changes a history,
and a collection that was killed goes on with the blocks that are missing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast import histories
from adfast.collection.plan import CollectionPlan
from adfast.errors import Interrupted, InvalidArgument
from adfast.histories.block import make_block
from adfast.histories.quality import block_quality
from adfast.progress import ProgressBar, progress_bar
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.values import require_kind

if TYPE_CHECKING:
    from adfast.collection.cluster.connection import Cluster


def collect(
    plan: CollectionPlan,
    path: Path,
    *,
    description: dict[str, Any] | None = None,
    on_block: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    progress: bool = True,
    cluster: Cluster | None = None,
) -> histories.HistoryStore:
    """Collect `plan` into the history store `path`, or finish one that was begun there.

    By threads of this process, or on the workers of a `cluster` (`adfast.collection.cluster`),
    with the same bytes.

    The store's `description`, by default that of the plan, tells it from others.
    `on_block(blocks, transitions)` reports how many blocks are stored, and the transitions of the
    last. How far it is stands on stderr (`adfast.progress`) unless `progress` is false. Raises
    `Interrupted` between two blocks when `should_stop()` says so, and `StoreError`
    where `path` is another store.
    """
    require_kind("plan", plan, CollectionPlan, "a CollectionPlan")
    if cluster is not None:
        from adfast.collection.cluster.connection import Cluster

        require_kind("cluster", cluster, Cluster, "a cluster that was joined by connect()")
    schema = plan.schema
    if description is None:
        description = plan.identity | {"block_histories": plan.block_histories}
    with (
        histories.create(
            path, schema, num_blocks=plan.num_blocks, description=description
        ) as writer,
        progress_bar("collect", plan.num_blocks, "blocks", shown=progress) as bar,
    ):
        tell = report_blocks(bar, on_block)
        finished = writer.finished_blocks
        missing = [number for number in range(plan.num_blocks) if number not in finished]
        store_blocks = store_by_threads if cluster is None else cluster.store_blocks
        with closing(store_blocks(plan, writer, missing)) as stored:
            for transitions in stored:
                num_finished = len(writer.finished_blocks)
                if transitions is not None:
                    tell(num_finished, transitions)
                if should_stop is not None and should_stop() and not writer.is_complete:
                    raise Interrupted(
                        f"collecting stopped after {num_finished} of {plan.num_blocks} blocks; "
                        "all of them are kept"
                    )
    return histories.open(path)


def store_by_threads(
    plan: CollectionPlan, writer: histories.HistoryWriter, numbers: Iterable[int]
) -> Generator[int]:
    """Store the blocks `numbers` in their order; the transitions of each, once it is stored."""
    with closing(compute_blocks(plan, numbers, plan.num_threads)) as blocks:
        for number, fields, lengths in blocks:
            fields, lengths, metadata = stored_part(plan, number, fields, lengths)
            writer.append_block(number, fields, lengths, metadata)
            yield int(lengths.sum())


def stored_part(
    plan: CollectionPlan, number: int, fields: dict[str, np.ndarray], lengths: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """`(fields [N, T, ...], lengths [N], metadata [N])`: what a store keeps of a computed block."""
    task_ids, streams = plan.block(number)
    metadata = {"task_id": task_ids, "random_stream": streams}
    if plan.config.min_improvement is None:
        return fields, lengths, metadata
    chosen = improving(plan, number, fields, lengths)
    return (
        {name: rows[chosen] for name, rows in fields.items()},
        lengths[chosen],
        {name: column[chosen] for name, column in metadata.items()},
    )


def improving(
    plan: CollectionPlan, number: int, fields: dict[str, np.ndarray], lengths: np.ndarray
) -> np.ndarray:
    """int64: the histories of a block that improve as much as the plan asks for.

    Raises `InvalidArgument` where none does.
    """
    block = make_block(plan.schema.fields, fields, lengths, {})
    first, last, _ = block_quality(block)
    chosen = np.flatnonzero(last - first >= plan.config.min_improvement)
    if not len(chosen):
        raise InvalidArgument(
            f"collection.min_improvement = {plan.config.min_improvement:g} leaves none of the "
            f"{len(lengths)} histories of block {number}, the best of which improves by "
            f"{(last - first).max():.3g}; lower it, or raise collection.block_histories"
        )
    return chosen


def report_blocks(
    bar: ProgressBar, then: Callable[[int, int], None] | None = None
) -> Callable[[int, int], None]:
    """A function for `on_block` that moves `bar`, and then calls `then`."""
    started, total = time.perf_counter(), 0

    def on_block(blocks: int, transitions: int) -> None:
        nonlocal total
        total += transitions
        rate = total / max(time.perf_counter() - started, 1e-9)
        speed = f"{rate / 1e6:.1f} M" if rate >= 1e6 else f"{rate / 1e3:.0f} k"
        bar.advance_to(blocks, f"blocks, {speed} transitions/s stored")
        if then is not None:
            then(blocks, transitions)

    return on_block


def compute_blocks(
    plan: CollectionPlan, numbers: Iterable[int], threads: int
) -> Generator[tuple[int, dict[str, np.ndarray], np.ndarray]]:
    """`(number, fields [N, T, ...], lengths [N])` of the blocks `numbers`, in their order.

    At most `threads + 1` blocks are in memory. Closing the generator ends its threads, each after
    the block that it is at.
    """
    source = plan.source()

    def compute(number: int) -> tuple[int, dict[str, np.ndarray], np.ndarray]:
        return number, *compute_block(plan, source, number)

    pending: deque[Future[tuple[int, dict[str, np.ndarray], np.ndarray]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="collect") as pool:
        try:
            for number in numbers:
                pending.append(pool.submit(compute, number))
                if len(pending) > threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def compute_block(
    plan: CollectionPlan, source: SourceAlgorithm, number: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """`(fields [N, T, ...], lengths [N])` of a block, by `source`, the plan's own."""
    task_ids, streams = plan.learners(number)
    count = len(task_ids) // plan.actors * plan.streams_per_learner
    out = plan.schema.allocate(count, plan.longest_history)
    lengths = source.learn(
        plan.family,
        task_ids,
        streams,
        plan.config.episodes,
        plan.seed,
        out,
        keep_every=plan.config.keep_every,
        streams_per_learner=plan.config.streams_per_learner,
    )
    return out, lengths
