"""What a run trains on: its own history store, one that was recorded, or a live ring that fills
while it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from adfast.config import list_differences
from adfast.errors import RunError
from adfast.runs.recipe.from_recipe import make_live_schedule

if TYPE_CHECKING:
    from adfast.collection.live_ring import LiveRing
    from adfast.histories import HistoryStore
    from adfast.runs.run import Run

# In the record of the stage that trained: on which recorded ones, and on how many tasks not.
RECORDED, VALIDATION_TASKS = "recorded_histories", "validation_tasks"


@contextmanager
def training_histories(
    run: Run, should_stop: Callable[[], bool]
) -> Iterator[HistoryStore | LiveRing]:
    """The run's store, or its live ring, whose threads end with the context.

    Raises `RunError` for a store that other settings than the run's have collected.
    """
    if run.recipe.histories is not None:
        yield run.histories
        return
    if not run.recipe.collection.live:
        store = run.histories
        differences = list_differences(store.description, describe_collection(run))
        if differences:
            raise RunError(
                f"{run.directory.histories} was collected by other settings "
                f"({'; '.join(differences)}); change run.toml back, or collect anew with --fresh"
            )
        yield store
        return
    from adfast.collection.live_ring import LiveRing

    schedule = make_live_schedule(run.recipe, run.plan)
    with LiveRing(run.plan, schedule, should_stop=should_stop) as ring:
        yield ring


def describe_collection(run: Run) -> dict[str, Any]:
    """What a run's store says of itself: all that decides its histories."""
    from adfast.collection.config import LIVE_SETTINGS

    recipe = run.recipe
    exclude = {"threads", *LIVE_SETTINGS}
    if not recipe.collection.labels:  # so says a store from before there were labels, too
        exclude.add("labels")
    return {
        "family": recipe.family.model_dump(),
        "collection": recipe.collection.model_dump(mode="json", exclude=exclude),
        "seed": recipe.seed,
        "held_out_task_ids": run.split.held_out.tolist(),
        "validation_task_ids": run.split.validation.tolist(),
    }


def describe_source(run: Run, source: HistoryStore | LiveRing) -> dict[str, object]:
    """What the provenance says of where a training's histories came from.

    Nothing of a store that the run collected: that stage says it.
    """
    from adfast.collection.live_ring import LiveRing

    if isinstance(source, LiveRing):
        return {"live_ring": source.describe()}
    return {RECORDED: source.identity} if run.recipe.histories is not None else {}
