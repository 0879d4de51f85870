"""Blocks on a cluster: handed out as tasks, taken into the store as they come.

A block is a pure function of the plan and its number, so that one that was lost with its worker or
its node is simply computed again. At most `BLOCKS_PER_PROCESSOR` for each processor are handed out
and not yet taken in: that bounds what waits on the nodes where shards are pulled, each of which
passes through the driver by itself.
"""

from __future__ import annotations

import contextlib
import secrets
from collections import deque
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.collection.cluster.fitness import require_fitness
from adfast.collection.cluster.worker import Work, called_on_worker, code_of
from adfast.collection.plan import CollectionPlan
from adfast.durable import clear_leftovers
from adfast.errors import AdfastError, ClusterError, WriteError, legible
from adfast.histories.writer import HistoryWriter

if TYPE_CHECKING:
    from adfast.collection.cluster.connection import Cluster

MAX_RETRIES = 5  # of a block whose worker was lost
RETRIED = [WriteError]  # of what workers raise; all else they would raise again
BLOCKS_PER_PROCESSOR = 2  # one computed, one waiting, so that no processor waits for the driver
POLL_SECONDS = 0.2


def store_blocks(
    cluster: Cluster, plan: CollectionPlan, writer: HistoryWriter, numbers: Iterable[int]
) -> Generator[int | None]:
    """Store the blocks `numbers`; the transitions of each once it is stored, None while none comes.

    Closing the generator gives up what workers are at. Raises `ClusterError` where nodes cannot do
    the work or a block is lost again and again, and what a worker raised.
    """
    import ray
    import ray.cloudpickle

    waiting = deque(numbers)
    if not waiting:
        return
    folder = None if cluster.pull else writer.path.resolve()
    work = Work(plan, code_of(plan), folder, secrets.token_hex(8))
    packed = ray.cloudpickle.dumps(work)
    yield from require_fitness(cluster, work, packed)
    task = ray.remote(num_cpus=1, num_returns=2, max_retries=MAX_RETRIES, retry_exceptions=RETRIED)(
        called_on_worker("make_shard")
    )
    shared = ray.put(packed)
    running: dict[Any, tuple[int, Any]] = {}  # the record to come -> block, and the shard to come
    try:
        while waiting or running:
            room = max(cluster.num_processors, 1) * BLOCKS_PER_PROCESSOR
            while waiting and len(running) < room:
                number = waiting.popleft()
                record, shard = task.remote(shared, number)
                running[record] = number, shard
            done, _ = ray.wait(list(running), timeout=POLL_SECONDS)
            if not done:
                yield None
            for record in done:
                yield take_in(writer, record, *running.pop(record))
    finally:
        for record in running:
            with contextlib.suppress(Exception):  # a cluster that is gone has nothing to give up
                ray.cancel(record, force=True)
        clear_leftovers(writer.path)


def take_in(writer: HistoryWriter, record_to_come: Any, number: int, shard_to_come: Any) -> int:
    """Store a block that is done; its transitions."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        record, shard = ray.get(record_to_come), ray.get(shard_to_come)
    except RayTaskError as error:
        if isinstance(error.cause, AdfastError):
            raise error.cause from None
        raise ClusterError(
            f"block {number} failed on a worker: {legible(repr(error.cause))}"
        ) from error
    except RayError as error:
        raise ClusterError(
            f"block {number} was lost with its worker {MAX_RETRIES + 1} times, at last: "
            f"{legible(str(error))}; what is stored is kept, and the same command goes on"
        ) from error
    writer.take_shard(record, shard if isinstance(shard, np.ndarray) else writer.path / shard)
    return int(record.transitions)
