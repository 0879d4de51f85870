"""RunConfig: everything that a run is a function of, composed from the components' settings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from adfast.collection.config import CollectionConfig
from adfast.config import Config, Seed, apply_overrides, read_toml
from adfast.errors import InvalidArgument, UnknownName
from adfast.evaluation.config import EvaluationConfig
from adfast.models.config import ModelConfig
from adfast.training.config import TrainingConfig

if TYPE_CHECKING:
    from adfast.collection.collect import CollectionPlan
    from adfast.collection.live_schedule import LiveSchedule
    from adfast.tasks.family import TaskFamily, TaskSplit

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
SWEEP_TABLE = "sweep"  # of a recipe: what `adfast sweep` varies, no setting of a run


class FamilyConfig(Config):
    """A task family by name, and its options."""

    name: str = "dark-room"
    options: dict[str, Any] = Field(default_factory=dict)


class RunConfig(Config):
    """The settings of a run. `seed` keys every draw of every stage."""

    seed: Seed = 0
    family: FamilyConfig = Field(default_factory=FamilyConfig)
    collection: CollectionConfig = Field(default_factory=CollectionConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)


def load_run_config(path: Path, overrides: Iterable[str] = ()) -> RunConfig:
    """The run that a TOML file and `section.field=value` overrides describe."""
    values = read_toml(path)
    values.pop(SWEEP_TABLE, None)
    return RunConfig.from_mapping(apply_overrides(values, overrides), source=path.name)


def recipe_names() -> list[str]:
    """The recipes that adfast ships: `dark-room` is the file `dark_room.toml`."""
    return sorted(path.stem.replace("_", "-") for path in RECIPES.glob("*.toml"))


def find_recipe(recipe: str) -> Path:
    """The file of a shipped recipe's name, or the TOML file `recipe` itself."""
    if recipe in recipe_names():
        return RECIPES / f"{recipe.replace('-', '_')}.toml"
    path = Path(recipe)
    if path.suffix == ".toml" and path.is_file():
        return path
    raise UnknownName("recipe", recipe, recipe_names(), otherwise=", or the path of a .toml file")


def make_family(config: RunConfig) -> TaskFamily:
    """The task family of a run."""
    from adfast import tasks

    return tasks.make(config.family.name, **config.family.options)


def make_split(config: RunConfig, family: TaskFamily) -> TaskSplit:
    """The training and held-out tasks of a run."""
    collection = config.collection
    seed = config.seed if collection.split_seed is None else collection.split_seed
    try:
        return family.split(collection.held_out, seed)
    except InvalidArgument as error:
        raise InvalidArgument(f"collection.{error}") from None


def make_plan(config: RunConfig, family: TaskFamily) -> CollectionPlan:
    """Which histories a run is trained on."""
    from adfast.collection.collect import CollectionPlan

    train = make_split(config, family).train
    return CollectionPlan(family, train, config.collection, config.seed)


def make_live_schedule(config: RunConfig, plan: CollectionPlan) -> LiveSchedule:
    """Which of them each update sees of a live ring; raises `InvalidArgument`."""
    from adfast.collection.live_schedule import plan_live_schedule

    training = config.training
    return plan_live_schedule(
        plan,
        num_draws=training.updates,
        sampled_transitions=training.batch_size * training.context_length,
    )


def check_feasible(config: RunConfig) -> None:
    """Raise `InvalidArgument` for settings that are valid each but that no run could carry out."""
    from adfast import source_algorithms

    family = make_family(config)
    collection, training = config.collection, config.training
    source_algorithms.make(collection.algorithm, **collection.options).rules(family)
    plan = make_plan(config, family)
    longest = plan.longest_history
    if training.context_length > longest:
        raise InvalidArgument(
            f"training.context_length must be at most {longest}, the longest history that is "
            f"collected ({longest // family.episode_length} kept episodes of "
            f"{family.episode_length} transitions), "
            f"got {training.context_length}; shorten it, raise collection.episodes or lower "
            "collection.keep_every"
        )
    if collection.live:
        make_live_schedule(config, plan)
    check_devices(config)
    positions = config.model.num_learned_positions
    needed = max(training.context_length, config.evaluation.episodes * family.episode_length)
    if positions is not None and positions < needed:
        raise InvalidArgument(
            f"model.num_learned_positions must be at least {needed}, the transitions of the "
            f"longest history in training and evaluation, got {positions}; raise it, or use "
            "another model.position_encoding"
        )


def check_devices(config: RunConfig) -> None:
    """Raise `InvalidArgument` for a device or precision that this machine lacks.

    Only choices that may be impossible are tried, since trying loads torch.
    """
    training, evaluation = config.training, config.evaluation
    is_always_possible = training.device != "cuda" and training.compile is not True
    if not is_always_possible or training.precision != "auto":
        from adfast.training.execution import resolve_execution

        resolve_execution(training)
    if evaluation.device == "cuda" or evaluation.precision != "auto":
        from adfast.models.device import resolve_device, resolve_precision

        device = resolve_device(evaluation.device, "evaluation.device")
        resolve_precision(evaluation.precision, device, "evaluation.precision")
