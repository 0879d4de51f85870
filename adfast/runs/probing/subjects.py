"""Subjects that probes are put to: a trained run, or an agent by name on the tasks of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adfast.errors import InvalidArgument, RunError
from adfast.evaluation.config import HELD_OUT
from adfast.runs.files.recorded_arrays import read_trajectories
from adfast.runs.recipe.recipe_changes import Changes, changed, find_recipe, load_recipe

if TYPE_CHECKING:
    from adfast.evaluation.recorder import Trajectories
    from adfast.probes.subject import Subject
    from adfast.runs.run import Run


def subject_of(run: Run) -> Subject:
    """A run as a subject; raises `RunError` before it is trained, and for a policy of RL2."""
    from adfast.models.device import in_precision, resolve_device, resolve_precision
    from adfast.probes.subject import Subject

    settings = run.recipe.evaluation
    if run.recipe.is_rl2:
        raise RunError(
            f"{run.path} trains a policy by RL2, and no model; ask it as an agent: "
            f"adfast probe --agent rl2 --set agent.run={run.path}"
        )
    is_recorded = run.recipe.histories is not None
    device = resolve_device(settings.device, "evaluation.device")
    precision = resolve_precision(settings.precision, device, "evaluation.precision")
    return Subject(
        name=run.path.resolve().name,
        family=None if is_recorded else run.family,
        split=run.split,
        source=None if is_recorded else run.source,
        collection=None if is_recorded else run.recipe.collection,
        seed=run.recipe.seed,
        model=in_precision(run.model, device, precision),
        trajectories=trajectories_of(run),
        settings=run.recipe.model_dump(mode="json"),
    )


def subject_of_agent(
    name: str, options: Mapping[str, Any], recipe: str, changes: Changes = ()
) -> Subject:
    """An agent by name, as "package.module:Class" too, on the tasks of a recipe.

    It is told of the recipe's source and training tasks what an agent beside its run is told. What
    was asked for is in its name, so that findings on others are told apart.
    """
    from adfast.probes.subject import Subject
    from adfast.runs.recipe.feasible import agent_beside
    from adfast.runs.recipe.from_recipe import make_family, make_plan, make_split

    asked = {"evaluation.agent": name, "evaluation.agent_options": dict(options)}
    found = changed(load_recipe(find_recipe(recipe), changes), asked)
    if found.evaluation.is_of_own_model:
        raise InvalidArgument(
            f'--agent must name who acts without a run, got "{name}"; give the run itself'
        )
    family = make_family(found)
    split = make_split(found, family)
    agent = agent_beside(found, split.train)
    agent.check(family)
    settings = found.model_dump(mode="json")
    settings["evaluation"]["temperature"] = 1.0  # the recipe's is that of its model
    told = "".join(f", {option} {value}" for option, value in options.items())
    return Subject(
        name=f"{name} on {recipe}{told}",
        family=family,
        split=split,
        source=make_plan(found, family).source() if found.collects else None,
        collection=found.collection if found.collects else None,
        seed=found.seed,
        agent=agent,
        settings=settings,
    )


def trajectories_of(run: Run) -> Trajectories | None:
    """What the model did on the held-out tasks; None before, of other agents and tasks."""
    files, settings = run.directory.evaluation(), run.recipe.evaluation
    is_held_out = settings.tasks == HELD_OUT and settings.family is None
    if not (is_held_out and settings.is_of_own_model and run.directory.is_finished(files.stage)):
        return None
    results = files.read()
    shape = (len(results.evaluated.task_ids), results.num_seeds, results.episodes)
    return read_trajectories(files.trajectories, shape, results.episode_length)
