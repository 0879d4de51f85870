"""Recipe: everything that a run is a function of, composed from the components' settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import (
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from adfast.baselines.rl2.config import RL2Config
from adfast.collection.config import CollectionConfig
from adfast.config import (
    Config,
    Seed,
    apply_overrides,
    deep_merge,
    list_differences,
    nested,
    read_toml,
    refuse_unknown_keys,
    section_at,
    with_none_names,
)
from adfast.errors import InvalidArgument, RunError, UnknownName
from adfast.evaluation.config import EvaluationConfig
from adfast.models.config import ModelConfig
from adfast.runs.methods import AD, RL2, find_method, refuse_thick_histories
from adfast.runs.recorded_histories import EnvironmentConfig, HistoriesConfig
from adfast.tasks.config import FamilyConfig
from adfast.training.config import (
    NO_RETURN_OF_LABELS,
    OPTIMAL_ACTION,
    TrainingConfig,
    checkpoint_name,
)

if TYPE_CHECKING:
    from adfast.collection.live_schedule import LiveSchedule
    from adfast.collection.plan import CollectionPlan
    from adfast.tasks.family import TaskFamily
    from adfast.tasks.task_split import TaskSplit

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
SWEEP_TABLE = "sweep"  # of a recipe: what `adfast sweep` varies, no setting of a run
# Section -> the setting that chooses what its options are of, and the setting of these options.
CHOOSERS = {
    "family": ("name", "options"),
    "collection": ("algorithm", "options"),
    "evaluation": ("agent", "agent_options"),
    "evaluation.family": ("name", "options"),
}
# The sections of which a recipe has the one pair or the other.
COLLECTED, RECORDED = ("family", "collection"), ("histories", "environment")
# What RL2 reads of [collection]: the split, and the source that its page draws beside it.
SPLIT = ("held_out", "validation", "split_seed", "split", "leak")
OF_SOURCE = ("algorithm", "options", "keep_every")

# `{"training.updates": 9}`, also with tables as values, or `["training.updates=9"]` as on the
# command line.
Changes = Mapping[str, Any] | Iterable[str]


class Recipe(Config):
    """The settings of a run.

    It collects histories of a task family (`family`, `collection`), or begins from recorded ones
    and acts in their environment (`histories`, `environment`); or it is of method rl2, which learns
    by acting (`family`, `rl2`). Sections that mean nothing then are not written.
    """

    seed: Seed = 0
    """Keys every draw of every stage."""

    method: str = AD
    """AD, or what it is compared with: settings over the recipe's (`adfast list methods`)."""

    family: FamilyConfig = Field(default_factory=FamilyConfig)
    collection: CollectionConfig = Field(default_factory=CollectionConfig)
    histories: HistoriesConfig | None = None
    environment: EnvironmentConfig | None = None
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    rl2: RL2Config = Field(default_factory=RL2Config)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)

    @model_validator(mode="after")
    def _histories_are_of_one_kind(self) -> Recipe:
        given = [name for name in RECORDED if getattr(self, name) is not None]
        mixed = [name for name in COLLECTED if name in self.model_fields_set]
        if given and mixed:
            raise ValueError(
                f"[{given[0]}] and [{mixed[0]}] exclude each other: histories are collected, as "
                "[family] and [collection] say, or they were recorded, as [histories] and "
                "[environment] say; leave out the sections of one kind"
            )
        if len(given) == 1:
            raise ValueError(
                f"[{given[0]}] needs its other section: [histories] says where the recorded "
                "histories are, [environment] where the model acts; give both"
            )
        return self

    @model_validator(mode="after")
    def _objective_has_labels(self) -> Recipe:
        is_asked = self.training.objective == OPTIMAL_ACTION and self.collects
        if is_asked and not self.collection.labels:
            raise ValueError(
                f'training.objective "{OPTIMAL_ACTION}" needs labelled histories, got '
                "collection.labels = false; set collection.labels=true"
            )
        return self

    @model_validator(mode="after")
    def _what_is_rearranged_is_stored(self) -> Recipe:
        needs_store = self.training.rearranges or self.model.reads_return
        if needs_store and self.collects and self.collection.live:
            raise ValueError(
                "training.episode_order, training.rewards and model.reads_return change what is "
                "read of a store, got collection.live = true; set collection.live=false"
            )
        return self

    @model_validator(mode="after")
    def _returns_are_read(self) -> Recipe:
        if self.model.reads_return and self.training.objective == OPTIMAL_ACTION:
            raise ValueError(NO_RETURN_OF_LABELS)
        asked = self.evaluation.target_return
        if asked is None:
            return self
        if not self.model.reads_return:
            raise ValueError(
                f"evaluation.target_return needs a model that reads returns, got {asked:g} with "
                "model.reads_return = false; train one by --method return-conditioned, or leave it "
                'at "none"'
            )
        if not self.evaluation.is_of_own_model:
            raise ValueError(
                f"evaluation.target_return is asked of the run's own model, got {asked:g} for the "
                f'agent "{self.evaluation.agent}"; leave it at "none"'
            )
        return self

    @model_validator(mode="after")
    def _demonstrations_are_of_a_family(self) -> Recipe:
        if self.evaluation.demonstrations and self.environment is not None:
            raise ValueError(
                "evaluation.demonstrations are of an expert, which only a task family has, got "
                f"{self.evaluation.demonstrations} with [environment]; leave them out"
            )
        return self

    @model_validator(mode="after")
    def _method_is_known(self) -> Recipe:
        find_method(self.method)
        if self.collects:
            refuse_thick_histories(self.method, self.collection.keep_every)
        return self

    @model_validator(mode="after")
    def _sections_are_of_the_method(self) -> Recipe:
        without = meaningless(
            recorded=self.environment is not None, method=self.method, body=self.rl2.body
        )
        given = next((name for name in without if name in self.model_fields_set), None)
        if self.is_rl2 and given in (*RECORDED, "training"):
            raise ValueError(
                f'[{given}] means nothing to method "{RL2}", which learns from no histories but by '
                f"acting in a family's tasks, as [family] and [rl2] say; leave out [{given}]"
            )
        if self.is_rl2 and given == "model":
            raise ValueError(
                f'[model] describes the transformer of rl2.body = "transformer", got rl2.body = '
                f'"{self.rl2.body}", whose size are rl2.width and rl2.num_layers; leave out [model]'
            )
        if given == "rl2":
            raise ValueError(
                f'[rl2] is of method "{RL2}", got method = "{self.method}"; leave out [rl2], or '
                f"take --method {RL2}"
            )
        return self

    @property
    def is_rl2(self) -> bool:
        """Whether a policy is trained by RL2, and no model of histories."""
        return self.method == RL2

    @property
    def collects(self) -> bool:
        """Whether the run makes the histories that it trains on."""
        return self.histories is None and not self.is_rl2

    @property
    def attends(self) -> bool:
        """Whether what is trained is a transformer."""
        return not self.is_rl2 or self.rl2.body == "transformer"

    @property
    def receptive_field(self) -> int | None:
        """How many transitions a prediction depends on at most; None: all before it."""
        return self.model.receptive_field if self.attends else None

    @property
    def has_attention(self) -> bool:
        """Whether what a model attended to in its evaluation is recorded."""
        is_from_empty = self.evaluation.demonstrations == 0
        return self.evaluation.is_of_own_model and not self.is_rl2 and is_from_empty

    @property
    def reason_not_to_collect(self) -> str | None:
        """Why the run collects no histories before it trains; None where it does."""
        if self.histories is not None:
            return f"histories.path names recorded ones, {self.histories.path}"
        if self.is_rl2:
            return f'method "{RL2}" learns by acting, and from no histories'
        live = "collection.live = true, so histories are made while training"
        return live if self.collection.live else None

    @model_serializer(mode="wrap")
    def _what_counts(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        recorded = self.environment is not None
        without = meaningless(recorded=recorded, method=self.method, body=self.rl2.body)
        return {name: value for name, value in values.items() if name not in without}


def meaningless(*, recorded: bool, method: str, body: str) -> tuple[str, ...]:
    """The sections that mean nothing for a recipe of recorded histories, or of collected ones, or
    of RL2, of whose bodies the transformer alone is described by [model].
    """
    if method == RL2:
        return (*RECORDED, "training", *(() if body == "transformer" else ("model",)))
    return (*(COLLECTED if recorded else RECORDED), "rl2")


def load_recipe(path: Path, changes: Changes = ()) -> Recipe:
    """The run that a TOML file describes, with `changes` over it."""
    values = read_toml(path)
    values.pop(SWEEP_TABLE, None)
    histories = values.get("histories")
    if isinstance(histories, dict) and isinstance(histories.get("path"), str):
        histories["path"] = str(path.absolute().parent / histories["path"])
    return configure(values, changes, path.name)


def configure(values: Mapping[str, Any], changes: Changes, source: str) -> Recipe:
    """The run of the tables `values` of the file `source`, with `changes` over them."""
    refuse_unknown_keys(Recipe, values, source=source)
    if isinstance(changes, Mapping):
        given, tables = "the settings given", nested(changes)
    else:
        given, tables = "--set", apply_overrides({}, changes)
    refuse_unknown_keys(Recipe, tables, source=given)
    source += f" with {given}" if tables else ""
    return Recipe.from_mapping(with_method(values, tables, source), source=source)


def of_method(method: str | None, changes: Changes) -> Changes:
    """`changes` that name the method, where one is given; raises `UnknownName`."""
    if method is None:
        return changes
    find_method(method)
    if isinstance(changes, Mapping):
        return {"method": method, **changes}
    return [f"method={method}", *changes]


def with_method(
    values: Mapping[str, Any], changes: Mapping[str, Any], source: str
) -> dict[str, Any]:
    """`values`, over them what the method sets that `changes` name, and `changes` over all.

    Where `values` name the method themselves, its settings are below theirs: a run's are resolved.
    Raises `InvalidArgument` where they name another than `changes` do.
    """
    before = values.get("method", AD)
    asked = changes.get("method", before)
    overlay = nested(find_method(asked).settings)
    recorded = [name for name in RECORDED if name in values or name in changes]
    if recorded and any(name in overlay for name in COLLECTED):
        raise InvalidArgument(
            f'{source}: method "{asked}" collects histories of its own, and [{recorded[0]}] says '
            "that they were recorded; take a method that changes none, or a recipe of a family"
        )
    if asked == RL2:
        refuse_collecting(changes, source)
    if asked == before:
        return lay_over(lay_over(overlay, values), changes)
    if before != AD:
        raise InvalidArgument(
            f'{source}: method is "{before}" already, whose settings "{asked}" would not undo; '
            "begin from a recipe that names none"
        )
    if asked == RL2:  # how the model of the recipe is trained on histories is not asked here
        body = table_at(changes, "rl2").get("body")
        passed_over = ("training",) if body == "transformer" else ("training", "model")
        values = {name: value for name, value in values.items() if name not in passed_over}
    return lay_over(lay_over(values, overlay), changes)


def refuse_collecting(changes: Mapping[str, Any], source: str) -> None:
    """Raise `InvalidArgument` where `changes` say how RL2 should collect, which it does not."""
    known = (*SPLIT, *OF_SOURCE)
    for name in table_at(changes, "collection"):
        if name not in known:
            raise InvalidArgument(
                f'{source}: collection.{name} means nothing to method "{RL2}", which collects no '
                f"histories; of [collection] it reads {', '.join(SPLIT)}, and for the source that "
                f"it is drawn beside {', '.join(OF_SOURCE)}"
            )


def changed(recipe: Recipe, changes: Changes) -> Recipe:
    """`recipe` with `changes` over it."""
    return configure(with_none_names(recipe.model_dump(mode="json")), changes, "the run's settings")


def differences_of(recipe: Recipe, asked: Recipe) -> list[str]:
    """The settings in which two recipes differ, as a message says them."""
    return list_differences(recipe.model_dump(mode="json"), asked.model_dump(mode="json"))


def lay_over(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes` over them; another family, algorithm or agent has its own options.

    Those in `values` are of the one that is replaced, and would mean something else or nothing; a
    temperature and a return that is asked for, too, are the agent's that they were chosen for.
    """
    kept = dict(values)
    for section, (chooser, options) in CHOOSERS.items():
        before, after = table_at(values, section), table_at(changes, section)
        if chooser in after and after[chooser] != before.get(chooser, default_of(section, chooser)):
            kept = without(kept, f"{section}.{options}")
            if section == "evaluation":
                kept = without(kept, "evaluation.temperature")
                kept = without(kept, "evaluation.target_return")
    return deep_merge(kept, changes)


def without(values: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """`values` without the one at a dotted path."""
    key, _, below = setting.partition(".")
    if not below:
        return {name: value for name, value in values.items() if name != key}
    table = values.get(key)
    return {**values, key: without(table, below)} if isinstance(table, Mapping) else dict(values)


def table_at(values: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    """The table of `values` at a dotted path; empty where there is none."""
    for key in section.split("."):
        below = values.get(key)
        values = below if isinstance(below, Mapping) else {}
    return values


def default_of(section: str, field: str) -> Any:
    """The default of a field of the section at a dotted path of a recipe."""
    config: type[BaseModel] | None = Recipe
    for key in section.split("."):
        config = None if config is None else section_at(config, key)
    assert config is not None, "as CHOOSERS has it"
    return config.model_fields[field].get_default(call_default_factory=True)


def recipe_names() -> list[str]:
    """The recipes that adfast ships: `dark-room` is the file `dark_room.toml`."""
    return sorted(path.stem.replace("_", "-") for path in RECIPES.glob("*.toml"))


def find_recipe(recipe: str) -> Path:
    """The file of a shipped recipe's name, or the TOML file `recipe` itself."""
    if recipe in recipe_names():
        return RECIPES / f"{recipe.replace('-', '_')}.toml"
    path = Path(recipe)
    shipped = (
        f"give the path of a recipe, or the name of a shipped one: {', '.join(recipe_names())}"
    )
    if path.is_dir():
        raise InvalidArgument(f"{recipe} is a folder that holds no run and no sweep; {shipped}")
    if path.suffix == ".toml" and not path.exists():
        raise InvalidArgument(f"{recipe}: no such file; {shipped}")
    if path.suffix == ".toml":
        return path
    raise UnknownName("recipe", recipe, recipe_names(), otherwise=", or the path of a .toml file")


def make_family(config: Recipe) -> TaskFamily:
    """The task family of a run; raises `RunError` where it acts in Gymnasium environments."""
    from adfast import tasks

    if config.environment is not None:
        raise RunError(
            f"the run acts in {config.environment.id} and has no task family; give one of a family"
        )

    return tasks.make(config.family.name, **config.family.options)


def split_seed(config: Recipe) -> int:
    """The seed that tasks are drawn by."""
    seed = config.collection.split_seed
    return config.seed if seed is None else seed


def trained_context(config: Recipe, episode_length: int) -> int:
    """The transitions of the longest history that the run's model is trained on."""
    if config.is_rl2:
        return config.rl2.trial_episodes * episode_length
    return config.training.context_length


def last_checkpoint(config: Recipe) -> str:
    """The name of the checkpoint that the training of a run leaves at its end."""
    return checkpoint_name(last_update(config))


def last_update(config: Recipe) -> int:
    """The number of updates that the training of a run comes to."""
    if config.is_rl2:
        return config.rl2.last_update(make_family(config).episode_length)
    return config.training.updates


def make_split(config: Recipe, family: TaskFamily) -> TaskSplit:
    """The training, validation and held-out tasks of a run of `family`."""
    collection = config.collection
    try:
        return family.split(
            collection.held_out,
            split_seed(config),
            collection.validation,
            kind=collection.split,
            leak=collection.leak,
        )
    except InvalidArgument as error:
        raise InvalidArgument(f"collection.{error}") from None


def make_plan(config: Recipe, family: TaskFamily) -> CollectionPlan:
    """Which histories a run is trained on."""
    from adfast.collection.plan import CollectionPlan

    train = make_split(config, family).train
    return CollectionPlan(family, train, config.collection, config.seed)


def make_live_schedule(config: Recipe, plan: CollectionPlan) -> LiveSchedule:
    """Which of them each update sees of a live ring; raises `InvalidArgument`."""
    from adfast.collection.live_schedule import plan_live_schedule

    training = config.training
    return plan_live_schedule(
        plan,
        num_draws=training.updates,
        sampled_transitions=training.batch_size * training.context_length,
    )
