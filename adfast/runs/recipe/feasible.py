"""What a run is refused for before its first stage: settings that are valid each, but not together,
not on this machine, or not in its memory and on its disk.

Histories on disk are counted at their longest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

from adfast.errors import AdfastError, InvalidArgument, byte_size
from adfast.runs.recipe.deployment import deploy
from adfast.runs.recipe.from_recipe import make_family, make_live_schedule, make_plan, make_split
from adfast.runs.recipe.memory_needs import (
    Need,
    acting_needs,
    check_memory,
    collecting_needs,
    learning_needs,
)
from adfast.runs.recipe.methods import AD
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recorded_histories import (
    environment_split,
    make_environment_tasks,
    open_recorded,
    require_validation,
)
from adfast.runs.stages.policy_training import check_policy, policy_needs

if TYPE_CHECKING:
    import numpy as np

    from adfast.evaluation.agents.in_context_agent import AgentMaker
    from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
    from adfast.histories import HistoryStore
    from adfast.tasks.family import TaskFamily
    from adfast.tasks.task_split import TaskSplit
    from adfast.tasks.transition_schema import TransitionSchema


@dataclass(frozen=True)
class Extent:
    """How large is what a run is about.

    `longest` is the number of transitions of the longest history that it is trained on, `because`
    why, and `lengthen` what else to do than to shorten a context that does not fit.
    """

    schema: TransitionSchema
    tasks: TaskFamily | EnvironmentTasks
    split: TaskSplit
    longest: int
    because: str
    lengthen: str
    collecting: Iterable[Need]  # of memory


def check_feasible(config: Recipe) -> None:
    """Raise `InvalidArgument` for settings that are valid each but that no run could carry out."""
    if config.is_rl2:
        check_rl2(config)
        return
    is_recorded = config.environment is not None
    extent = recorded_extent(config) if is_recorded else collected_extent(config)
    training = config.training
    if training.context_length > extent.longest and not training.packed:
        raise InvalidArgument(
            f"training.context_length must be at most {extent.longest}, the longest history that "
            f"is {extent.because}, got {training.context_length}; shorten it, set training.packed "
            f"= true{extent.lengthen}"
        )
    if not is_recorded and config.collection.live:
        make_live_schedule(config, make_plan(config, make_family(config)))
    if training.evaluate_every is not None:
        require_validation(extent.split, "training.evaluate_every")
    place = deploy(config, config.evaluation, extent.tasks, extent.split)
    check_seeds(config, place.tasks.num_tasks)
    check_devices(config)
    check_context(config, extent.schema)
    positions = config.model.num_learned_positions
    settings = config.evaluation
    acting = (settings.demonstrations + settings.episodes) * extent.schema.episode_length
    if settings.demonstrations:
        from adfast import source_algorithms

        expert = source_algorithms.make("optimal")
        with named("evaluation.demonstrations"):
            expert.check(cast("TaskFamily", place.tasks))  # as the recipe has checked
    needed = max(min(training.context_length, extent.longest), acting)
    if positions is not None and positions < needed:
        raise InvalidArgument(
            f"model.num_learned_positions must be at least {needed}, the transitions of the "
            f"longest history in training and evaluation, got {positions}; raise it, or use "
            "another model.position_encoding"
        )
    check_memory(chain(extent.collecting, learning_needs(config, extent.schema, extent.split)))


def check_rl2(config: Recipe) -> None:
    """Raise `InvalidArgument` for settings of method rl2 that no run could carry out."""
    from adfast import source_algorithms

    with named("family"):
        family = make_family(config)
    with named("collection"):  # the source that it is drawn beside
        source_algorithms.make(config.collection.algorithm, **config.collection.options).check(
            family
        )
    split = make_split(config, family)
    with named("evaluation"):
        check_agent(config, family, split.train)
    check_policy(config, family)
    place = deploy(config, config.evaluation, family, split)
    for num_tasks in (family.num_tasks, place.tasks.num_tasks):
        check_seeds(config, num_tasks)
    schema = family.transition_schema
    check_memory(chain(policy_needs(config, schema), acting_needs(config, schema, split)))


def collected_extent(config: Recipe) -> Extent:
    """The extent of a run that collects histories of its family."""
    from adfast import source_algorithms

    collection = config.collection
    with named("family"):
        family = make_family(config)
    section = "collection" if config.method == AD else f'method "{config.method}": collection'
    with named(section):
        source = source_algorithms.make(collection.algorithm, **collection.options)
        source.check(family)
        if collection.labels:
            source.check_labels(family)
        memory_per_thread = source.memory_bytes(family)
    split = make_split(config, family)
    with named("evaluation"):
        check_agent(config, family, split.train)
    check_seeds(config, family.num_tasks)
    plan = make_plan(config, family)
    if config.training.rewards == "foreign" and len(plan.task_ids) < 2:
        raise InvalidArgument(
            'training.rewards "foreign" needs at least two training tasks, got one; hold out fewer'
        )
    longest, length = plan.longest_history, family.episode_length
    return Extent(
        plan.schema,
        family,
        split,
        longest,
        f"collected ({longest // length} kept episodes of {length} transitions)",
        ", raise collection.episodes or lower collection.keep_every",
        collecting_needs(config, plan, memory_per_thread),
    )


def recorded_extent(config: Recipe) -> Extent:
    """The extent of a run of recorded histories, of which every environment can be made."""
    assert config.histories is not None
    assert config.environment is not None
    store = open_recorded(config.histories)
    with named("evaluation"):
        check_agent(config)
    check_objective(config, store)
    tasks = make_environment_tasks(config.environment, store)
    check_seeds(config, tasks.num_tasks)
    with named("environment"):
        for task_id in range(tasks.num_tasks):
            tasks.make(task_id).close()
    return Extent(
        tasks.transition_schema,
        tasks,
        environment_split(config.environment),
        int(store.lengths.max()),
        f"recorded in {store.path}",
        ", or record longer ones",
        (),
    )


def check_objective(config: Recipe, store: HistoryStore) -> None:
    """Raise `InvalidArgument` where the objective needs labels that recorded histories have not."""
    from adfast.tasks.transition_schema import LABEL
    from adfast.training.config import OPTIMAL_ACTION

    if config.training.objective == OPTIMAL_ACTION and LABEL not in store.schema.fields:
        raise InvalidArgument(
            f'training.objective = "{OPTIMAL_ACTION}" needs labelled histories, and those of '
            f'{store.path} have no field "{LABEL}"; train on next-action, or on histories that '
            "were collected with collection.labels=true"
        )


@contextmanager
def named(section: str) -> Iterator[None]:
    """Puts the section of the settings before what is wrong with what they choose."""
    try:
        yield
    except AdfastError as error:
        error.args = (f"{section}: {error}",)
        raise


def check_agent(
    config: Recipe, family: TaskFamily | None = None, training_tasks: np.ndarray | None = None
) -> None:
    """Raise `InvalidArgument` where the evaluation names no agent, or options that it has not.

    Where the run's `family` is given, the agent must be defined in its tasks, too.
    """
    settings = config.evaluation
    if settings.is_of_own_model:
        return
    maker = agent_beside(config, training_tasks)
    if family is not None and settings.family is None:
        maker.check(family)


def agent_beside(config: Recipe, training_tasks: np.ndarray | None) -> AgentMaker:
    """The maker that the evaluation names, told what the run's model was trained on."""
    from adfast.evaluation.agents.catalogue import AGENTS
    from adfast.evaluation.agents.in_context_agent import TrainedOn

    settings, collection = config.evaluation, config.collection
    maker = AGENTS.make(settings.agent, **settings.agent_options)
    if config.histories is not None:
        return maker.beside(TrainedOn(training_tasks=training_tasks))
    return maker.beside(TrainedOn(collection.algorithm, collection.options, training_tasks))


def check_context(config: Recipe, schema: TransitionSchema) -> None:
    """Raise `InvalidArgument` where whole transitions of real observations would be read."""
    from adfast.tasks.observation import DiscreteObservation

    if config.model.context == "set" and schema.observation.kind != DiscreteObservation.kind:
        raise InvalidArgument(
            f'model.context "set" needs counted observations, got {schema.observation}; use '
            '"sequence"'
        )


def check_seeds(config: Recipe, num_tasks: int) -> None:
    """Raise `InvalidArgument` where a random stream would have no number of 63 bits."""
    for name, repetitions in (
        ("evaluation.seeds", config.evaluation.seeds),
        ("evaluation.monitor_seeds", config.evaluation.monitor_seeds),
    ):
        if repetitions * num_tasks >= 2**63:
            raise InvalidArgument(f"{name} must be below {2**63 // num_tasks}, got {repetitions}")


def check_room(config: Recipe, path: Path) -> None:
    """Raise `InvalidArgument` where the disk of `path`, emptied, has no room for the histories."""
    if config.reason_not_to_collect is not None:
        return
    plan = make_plan(config, make_family(config))
    needed = plan.num_histories * plan.longest_history * plan.schema.bytes_per_transition
    disk = next(folder for folder in (path, *path.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(disk).free
    if needed > free and needed > free + size_of(path / "histories"):
        raise InvalidArgument(
            f"the histories take up to {byte_size(needed)} ({plan.num_histories} of "
            f"{plan.longest_history} transitions), and the disk of {disk} has {byte_size(free)} "
            "free; lower collection.histories_per_task or collection.episodes, or use another disk"
        )


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder, which need not be there."""
    return sum(file.stat().st_size for file in folder.glob("*") if file.is_file())


def check_devices(config: Recipe) -> None:
    """Raise `InvalidArgument` for a device, precision or attention that this machine lacks.

    Only choices that may be impossible are tried, since trying loads torch.
    """
    training, evaluation, model = config.training, config.evaluation, config.model
    names_backend = model.attention_backend != "auto"
    is_always_possible = training.device != "cuda" and training.compile is not True
    if not is_always_possible or training.precision != "auto" or names_backend:
        from adfast.training.execution import resolve_execution
        from adfast.training.parallel.processes import Processes

        # As many as a context needs at least: who begins is one alone, who trains need not be.
        together = Processes(size=training.context_ranks)
        resolve_execution(training, model.attention_backend, model.head_dim, together)
    has_choices = (evaluation.precision, evaluation.cache) != ("auto", "float32") or names_backend
    if evaluation.device == "cuda" or has_choices:
        from adfast.attention import resolve_backend
        from adfast.models.device import resolve_cache, resolve_device, resolve_precision

        device = resolve_device(evaluation.device, "evaluation.device")
        precision = resolve_precision(evaluation.precision, device, "evaluation.precision")
        resolve_cache(evaluation.cache, device, precision, "evaluation.cache")
        resolve_backend(model.attention_backend, device.type, precision, model.head_dim)
