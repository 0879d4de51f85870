"""What a run trains on: its history store, or a live ring that fills while it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from adfast.config import list_differences
from adfast.errors import RunError
from adfast.runs.recipe import (
    Recipe,
    make_family,
    make_live_schedule,
    make_plan,
    make_split,
)
from adfast.runs.run_directory import RunDirectory

if TYPE_CHECKING:
    from adfast.collection.live_ring import LiveRing
    from adfast.histories import HistoryStore


@contextmanager
def training_histories(
    run: RunDirectory, should_stop: Callable[[], bool]
) -> Iterator[HistoryStore | LiveRing]:
    """The run's store, or its live ring, whose threads end with the context.

    Raises `RunError` for a store that other settings than the run's have collected.
    """
    if not run.config.collection.live:
        from adfast import histories

        run.require("collect")
        store = histories.open(run.histories)
        differences = list_differences(store.description, describe_collection(run.config))
        if differences:
            raise RunError(
                f"{run.histories} was collected by other settings ({'; '.join(differences)}); "
                "change run.toml back, or collect anew with --fresh"
            )
        yield store
        return
    from adfast.collection.live_ring import LiveRing

    plan = make_plan(run.config, make_family(run.config))
    schedule = make_live_schedule(run.config, plan)
    with LiveRing(plan, schedule, should_stop=should_stop) as ring:
        yield ring


def describe_collection(config: Recipe) -> dict[str, Any]:
    """What a run's store says of itself: all that decides its histories."""
    from adfast.collection.config import LIVE_SETTINGS

    return {
        "family": config.family.model_dump(),
        "collection": config.collection.model_dump(
            mode="json", exclude={"threads", *LIVE_SETTINGS}
        ),
        "seed": config.seed,
        "held_out_task_ids": make_split(config, make_family(config)).held_out.tolist(),
    }


def describe_ring(source: HistoryStore | LiveRing) -> dict[str, object]:
    """What the provenance says of where a training's histories came from; nothing of a store."""
    from adfast.collection.live_ring import LiveRing

    return {"live_ring": source.describe()} if isinstance(source, LiveRing) else {}
