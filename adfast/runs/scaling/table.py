"""A recipe's table `[scale]` as a study: each of its axes varies one thing from the recipe on.

    [scale]
    seeds = 3

    [[scale.axis]]
    name = "window"
    against = "window"
    vary.model.attention_window = [20, 40, 80]
    settings.training.updates = 400

`vary` is a table as `[[sweep.vary]]` has it: its settings change together. `settings` are those of
all parts of the axis. `against` says what the horizontal axis counts. A sweep is the product of its
axes; here each stands alone, because an exponent is of one thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from adfast.config import Config, Count, read_toml, with_paths
from adfast.errors import InvalidArgument
from adfast.runs.recipe.feasible import check_feasible
from adfast.runs.recipe.from_recipe import make_family, make_plan, make_split
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import SCALE_TABLE, find_recipe, load_recipe
from adfast.runs.reproduction.study_table import Panel, Row, StudyTable
from adfast.runs.scaling.power_law import LEAST_LEVELS
from adfast.runs.sweep.axes import label_of, make_axis
from adfast.runs.sweep.plan import plain

Against = Literal["window", "context", "parameters", "tasks", "histories"]
TITLES: Mapping[Against, str] = {
    "window": "attention window, transitions",
    "context": "trained length, transitions",
    "parameters": "parameters",
    "tasks": "training tasks",
    "histories": "training histories",
}
OF_PARTS = ("seed", "collection.split_seed")  # each part has its own
EXAMPLE = (
    f"[[{SCALE_TABLE}.axis]] with name, against and vary.model.attention_window = [20, 40, 80]"
)


class AxisConfig(Config):
    """A table `[[scale.axis]]`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)
    against: Against
    vary: dict[str, Any]
    settings: dict[str, Any] = Field(default_factory=dict)


class ScaleConfig(Config):
    """The table `[scale]`: the axes, and how many training seeds each part has."""

    axis: list[AxisConfig] = Field(default_factory=list)
    seeds: Count = 3


@dataclass(frozen=True)
class ScalePanel(Panel):
    """An axis: its rows, from the least level on, and what they are counted by."""

    against: Against = "window"


def scale_table(recipe: str) -> StudyTable:
    """The study that a recipe's table `[scale]` describes.

    Raises `InvalidArgument` where it has none, where an axis has too few levels for an exponent,
    and for a part that cannot be carried out.
    """
    path = find_recipe(recipe)
    table = read_toml(path).get(SCALE_TABLE)
    if table is None:
        raise InvalidArgument(f"{path.name} does not say what is to grow; add tables {EXAMPLE}")
    config = ScaleConfig.from_mapping(
        table | {"axis": axes_checked(table.get("axis"), path.name)},
        source=f"{path.name}, [{SCALE_TABLE}]",
    )
    stem = path.stem.replace("_", "-")
    seeds = tuple(range(1, config.seeds + 1))
    names = [axis.name for axis in config.axis]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InvalidArgument(f"{path.name}: two axes are called {min(repeated)}; rename one")
    base = load_recipe(path)
    study = StudyTable(
        f"scale-{stem}",
        f"Scaling: {stem}",
        "One thing grows at a time, all else is as the recipe has it.",
        tuple(panel_of(axis, recipe, stem, seeds) for axis in config.axis),
    )
    rows = [row.name for panel in study.panels for row in panel.rows]
    if repeated := {name for name in rows if rows.count(name) > 1}:
        raise InvalidArgument(
            f"{path.name}: two levels of {SCALE_TABLE}.axis would be called {min(repeated)}; "
            "let each level of an axis be another, and rename an axis where two are in question"
        )
    for part in study.parts.values():
        check_part(part.name, part.trained, base)
    return study


def axes_checked(axes: Any, source: str) -> list[AxisConfig]:
    """The tables `[[scale.axis]]`, each read by itself, so that an error names it."""
    if not isinstance(axes, list) or not axes:
        raise InvalidArgument(f"{source}, [{SCALE_TABLE}] has no axis; add {EXAMPLE}")
    return [
        AxisConfig.from_mapping(axis, source=f"{source}, [[{SCALE_TABLE}.axis]] {number}")
        for number, axis in enumerate(axes, start=1)
    ]


def panel_of(config: AxisConfig, recipe: str, stem: str, seeds: tuple[int, ...]) -> ScalePanel:
    """The rows of an axis, one for each level."""
    axis, settings = make_axis(config.vary), with_paths(config.settings)
    for name in (*axis.settings, *settings):
        if name in OF_PARTS:
            raise InvalidArgument(
                f"{SCALE_TABLE}.axis {config.name} cannot set {name}, which is that of a part's "
                f"training seed; say with [{SCALE_TABLE}] seeds how many there are"
            )
        if name in axis.settings and name in settings:
            raise InvalidArgument(
                f"{SCALE_TABLE}.axis {config.name} both varies {name} and sets it for all of its "
                "parts; leave one out"
            )
    if len(axis.levels) < LEAST_LEVELS:
        raise InvalidArgument(
            f"{SCALE_TABLE}.axis {config.name} must have at least {LEAST_LEVELS} levels for an "
            f"exponent, got {len(axis.levels)}; add some"
        )
    rows: list[Row] = []
    counts: list[int | None] = []
    for number, level in enumerate(axis.levels):
        of_level = {**settings, **axis.at(number)}
        resolved = load_recipe(find_recipe(recipe), of_level)
        counted = level_of(resolved, config.against)
        label = label_of(level[: axis.num_telling] if counted is None else counted)
        count = count_of(resolved, config.against)
        if count is not None and count in counts:
            raise InvalidArgument(
                f"{SCALE_TABLE}.axis {config.name} must have levels of different "
                f"{TITLES[config.against]}, got {count} twice; vary what it is against, or change "
                "against"
            )
        counts.append(count)
        name = f"scale-{stem}-{config.name}-{plain(label)}"
        rows.append(Row(name, label, recipe, settings=of_level, seeds=seeds))
    title = config.name.replace("-", " ")
    return ScalePanel(
        title[0].upper() + title[1:], tuple(rows), axis=TITLES[config.against],
        against=config.against,
    )  # fmt: skip


def level_of(recipe: Recipe, against: Against) -> int | None:
    """What an axis counts of a recipe, where its settings alone say it."""
    if against == "window":
        window = recipe.model.attention_window
        if window is None:
            raise InvalidArgument(
                f'{SCALE_TABLE}.axis against = "window" needs a number of transitions at each '
                "level, got none; a window as long as training.context_length sees as far"
            )
        return window if isinstance(window, int) else None
    if against == "context":
        return recipe.training.context_length
    if against == "tasks":
        return len(make_split(recipe, make_family(recipe)).train)
    return None


def count_of(recipe: Recipe, against: Against) -> int | None:
    """What an axis counts of a recipe, where anything says it before it is carried out."""
    if against == "histories" and recipe.collects:
        return make_plan(recipe, make_family(recipe)).num_histories
    return level_of(recipe, against)


def check_part(name: str, recipe: Recipe, base: Recipe) -> None:
    """Raise `InvalidArgument` for a part that cannot be carried out, or measured."""
    problem = None
    if not recipe.collects or recipe.collection.live:
        problem = "must collect a store, for whose source losses are measured"
    elif recipe.training.context_ranks > 1:
        problem = "must have training.context_ranks = 1, as one process trains it"
    elif not isinstance(recipe.model.attention_window, int | None):
        problem = "must have one attention window for all layers"
    else:
        kept = -(-recipe.collection.episodes // recipe.collection.keep_every)
        length = kept * make_family(recipe).episode_length
        if base.training.context_length > length:
            problem = (
                f"has histories of {length} transitions, and updates of the recipe itself, which "
                f"its own are timed beside, need {base.training.context_length}"
            )
    if problem is not None:
        raise InvalidArgument(f"part {name} {problem}; change [[{SCALE_TABLE}.axis]]")
    try:
        check_feasible(recipe)
    except InvalidArgument as error:
        raise InvalidArgument(f"part {name}: {error}") from None
