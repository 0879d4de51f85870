"""What the plan says of this machine, beside what it does: `python -m benchmarks.scale_plan`.

Rates are measured first, as `adfast bench` does; then a recipe's histories are collected and a part
of its training is carried out, in one thread each. Both count the processor's time, so that other
programs do not matter.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from adfast.collection.collect import collect
from adfast.collection.plan import CollectionPlan
from adfast.runs.recipe.from_recipe import make_family, make_plan
from adfast.runs.recipe.recipe import Recipe
from adfast.training.loop import TrainingHooks
from adfast.training.train import train
from benchmarks.clocks import processor_time
from benchmarks.measure import measure
from benchmarks.pair_timer import Effort
from benchmarks.record import Record
from benchmarks.scale_plan.measured_rates import ROWS, CoreRates
from benchmarks.scale_plan.trial import Compared
from benchmarks.workloads import select

EFFORT = Effort(seconds=2.0, min_rounds=5)
WARM_UP, SLICE, SLICES = 5, 5, 6  # updates before the first is timed, of a slice, and slices


def measured_record(provenance: dict[str, Any], load: Callable[[], float]) -> Record:
    """A record of the rows that the plan needs, by the processor's time."""
    before = load()
    rows = [measure(row, EFFORT, clock=processor_time, alone=True) for row in select(ROWS)]
    return Record(
        is_quick=False, provenance=provenance, load_average=(before, load()), measurements=rows
    )


def compare(recipe: Recipe, record: Record) -> list[Compared]:
    """The collection and an update of the training of `recipe`, predicted and measured."""
    core = CoreRates.of(record)
    settings = {"threads": 1}
    collection = recipe.collection.model_copy(update=settings)
    training = recipe.training.model_copy(
        update=settings
        | {
            "updates": WARM_UP + SLICE * SLICES,
            "warmup_updates": WARM_UP,
            "evaluate_every": None,
            "device": "cpu",
        }
    )
    recipe = recipe.model_copy(update={"collection": collection, "training": training})
    plan = make_plan(recipe, make_family(recipe))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        small = collection.model_copy(update={"histories_per_task": plan.streams_per_learner})
        warm = CollectionPlan(plan.family, plan.task_ids[:2], small, plan.seed)
        collect(warm, path / "warm", progress=False)  # compiles
        begun = processor_time()
        store = collect(plan, path / "histories", progress=False)
        collected = processor_time() - begun
        times: list[float] = []
        hooks = TrainingHooks(on_update=lambda *_: times.append(processor_time()))
        train(
            store,
            path / "run",
            model=recipe.model,
            training=training,
            seed=recipe.seed,
            hooks=hooks,
            progress=False,
        )
    slices = times[WARM_UP - 1 :: SLICE]
    update = median(after - before for before, after in pairwise(slices)) / SLICE
    per_transition = core.training_seconds(recipe.model, training.context_length)
    in_batch = training.batch_size * training.context_length
    return [
        Compared("collection", collection_seconds(plan, core), collected),
        Compared("update", in_batch * per_transition, update),
    ]


def collection_seconds(plan: CollectionPlan, core: CoreRates) -> float:
    """Of a core: to generate all that learners do, and to write what is kept of it."""
    generated = plan.num_histories * plan.config.episodes * plan.family.episode_length
    kept = plan.num_histories * plan.longest_history * plan.schema.bytes_per_transition
    return generated / core.generated + kept / core.written_bytes
