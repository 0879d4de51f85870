"""What each method learned from: transitions and tasks, its source's interactions counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adfast.runs.comparison.found_runs import FoundRun
from adfast.runs.comparison.record import DataSeen


def data_of(runs: Sequence[FoundRun]) -> DataSeen | None:
    """What one of the runs of a method learned from, the one that saw most; None of no model."""
    seen = [data_of_run(run) for run in runs if run.is_of_model]
    return max(seen, key=lambda data: data.transitions or 0, default=None)


def data_of_run(found: FoundRun) -> DataSeen:
    """What a run learned from, as its settings and the records of its stages say."""
    run, stages = found.run, found.run.directory.stages()
    trained = details(stages, "train")
    tasks = len(run.split.train)
    if found.learns_by_acting:
        metrics = found.metrics
        steps = metrics[-1].environment_transitions if metrics else None
        return DataSeen(tasks=tasks, transitions=steps, source="itself", source_steps=steps)
    if run.recipe.histories is not None:
        return DataSeen(tasks=tasks, transitions=run.histories.num_transitions, source="recorded")
    plan, collection = run.plan, run.recipe.collection
    kept, all_of = plan.num_histories, plan.num_histories
    transitions = details(stages, "collect").get("transitions")
    if (ring := trained.get("live_ring")) is not None:
        kept = all_of = int(ring["histories_committed"])
        transitions = kept * plan.longest_history  # at most
    else:
        kept -= details(stages, "collect").get("not_stored", 0)
    learners = -(-all_of // plan.streams_per_learner)
    length = run.family.episode_length
    return DataSeen(
        tasks=tasks,
        transitions=transitions,
        source=collection.algorithm,
        source_steps=learners * plan.actors * collection.episodes * length,
        is_bound=found.ends_early or transitions != kept * plan.longest_history,
    )


def details(stages: Any, name: str) -> dict[str, Any]:
    """What a stage has noted beside its seconds; nothing where it was not done."""
    record = stages.get(name)
    return {} if record is None else dict(record.model_extra or {})
