"""What a run trains on: its history store, or a live ring that fills while it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adfast.cli.run_config import make_family, make_live_schedule, make_plan
from adfast.cli.run_directory import RunDirectory

if TYPE_CHECKING:
    from adfast.collection.live_ring import LiveRing
    from adfast.histories import HistoryStore


@contextmanager
def training_histories(
    run: RunDirectory, should_stop: Callable[[], bool]
) -> Iterator[HistoryStore | LiveRing]:
    """The run's store, or its live ring, whose threads end with the context."""
    if not run.config.collection.live:
        from adfast import histories

        run.require("collect")
        yield histories.open(run.histories)
        return
    from adfast.collection.live_ring import LiveRing

    plan = make_plan(run.config, make_family(run.config))
    schedule = make_live_schedule(run.config, plan)
    with LiveRing(plan, schedule, should_stop=should_stop) as ring:
        yield ring


def describe_ring(source: HistoryStore | LiveRing) -> dict[str, object]:
    """What the provenance says of where a training's histories came from; nothing of a store."""
    from adfast.collection.live_ring import LiveRing

    return {"live_ring": source.describe()} if isinstance(source, LiveRing) else {}
