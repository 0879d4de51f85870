"""Contest of training from a live ring, collectors and all, against training from a store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.contest import Contest, require_equal_fields
from benchmarks.engine import (
    BatchSource,
    HistoryStore,
    LiveRing,
    OptimizerGroup,
    ShardedGradient,
    Transformer,
    collect,
    find_recipe,
    keep_freed_memory,
    load_recipe,
    make_family,
    make_live_schedule,
    make_plan,
)
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender

ENDLESS = 10**6  # histories of a task, and updates: more than anybody waits for
CHECKED_DRAWS = 8


@contextmanager
def train(
    recipe: str, histories_per_task: int, block_histories: int, updates: int, threads: int
) -> Iterator[Contest]:
    """`updates` of the recipe's training in `threads`, windows drawn, from either side.

    The ring holds as many transitions as the store, which has `histories_per_task`, and every
    update sees as many fresh ones as it samples, without end. One call asks for about the same
    number of blocks as any other, so what the collectors take is inside the subject's time.
    """
    settings = [f"collection.block_histories={block_histories}"]
    stored = load_recipe(
        find_recipe(recipe), [*settings, f"collection.histories_per_task={histories_per_task}"]
    )
    plan = make_plan(stored, make_family(stored))
    live = load_recipe(
        find_recipe(recipe),
        [
            *settings,
            "collection.live=true",
            f"collection.live_capacity={plan.num_histories * plan.longest_history}",
            f"collection.histories_per_task={ENDLESS}",
            f"training.updates={ENDLESS}",
        ],
    )
    keep_freed_memory()  # as training does; without it faults of all threads wait for one another
    with ExitStack() as resources:
        folder = resources.enter_context(tempfile.TemporaryDirectory())
        store = collect(plan, Path(folder) / "histories")
        ring = resources.enter_context(make_ring(live))
        resources.enter_context(one_torch_thread())
        calls = [training(live, source, updates, threads, resources) for source in (ring, store)]
        work = updates * live.training.batch_size * live.training.context_length
        yield Contest(
            Contender("live ring", calls[0], work),
            (Contender("store", calls[1], work),),
            lambda: check_batches(live, store),
        )


def make_ring(config: Any) -> LiveRing:
    """The live ring of a run, not yet drawn from."""
    plan = make_plan(config, make_family(config))
    return LiveRing(plan, make_live_schedule(config, plan))


def check_batches(config: Any, store: HistoryStore) -> None:
    """Raise `NotEquivalent` unless ring and store give the same batches of the same histories."""
    shape = config.training.batch_size, config.training.context_length
    with make_ring(config) as ring:
        for draw in range(CHECKED_DRAWS):
            committed = ring.schedule.committed(draw)
            if committed > store.num_histories:
                break
            subject = ring.sample(*shape, seed=config.seed, draw=draw)
            rival = store.sample(*shape, seed=config.seed, draw=draw, committed=committed)
            require_equal_fields(subject, rival)


def training(
    config: Any,
    source: LiveRing | HistoryStore,
    updates: int,
    threads: int,
    resources: ExitStack,
) -> Callable[[], None]:
    """A call that trains a model of its own for `updates` more."""
    model = Transformer(config.model, make_family(config).transition_schema, config.seed)
    batches = BatchSource(source, config.training, config.seed)
    optimizer = OptimizerGroup(model, config.training)
    gradient = ShardedGradient(model, threads)
    resources.callback(gradient.close)
    numbers = count()

    def train_on() -> None:
        for _ in range(updates):
            number = next(numbers)
            gradient(batches(number))
            optimizer.step(number)

    return train_on
