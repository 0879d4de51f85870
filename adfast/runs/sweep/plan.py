"""SweepPlan: the runs of a sweep, from a recipe and what varies in it.

A recipe may say in its table `[sweep]` what to vary; `run` passes over that table. The `sweep.toml`
of a sweep is such a recipe with every setting resolved.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import Field

from adfast.config import Config, Count, nested, read_toml, with_none_names, write_toml
from adfast.errors import InvalidArgument
from adfast.runs.recipe.feasible import check_feasible
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import (
    SCALE_TABLE,
    SWEEP_TABLE,
    Changes,
    configure,
    with_method,
)
from adfast.runs.sweep.axes import (
    EXAMPLE,
    Axis,
    label_of,
    make_axes,
    short_names,
    spell_axis,
)

MAX_RUNS = 10_000  # of a sweep, each a folder
MAX_NAME_BYTES = 200  # of its name
EVALUATION = "evaluation."  # settings that need no other training
ALONE = "run"  # the folder of a sweep's run where nothing of its training varies


class SweepConfig(Config):
    """The table `[sweep]`: the axes, and how many seeds each point has."""

    vary: list[dict[str, Any]] = Field(default_factory=list)
    seeds: Count = 1


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: `recipe` in the directory `name`, evaluated by `resolved`.

    Runs that differ in settings of the section evaluation alone share a directory; `evaluation` is
    then the name of each, and `settings` what is varied there.
    """

    name: str
    recipe: Recipe
    resolved: Recipe
    evaluation: str | None
    settings: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What tells it from the other runs."""
        return self.name if self.evaluation is None else f"{self.name}/{self.evaluation}"


@dataclass(frozen=True)
class Point:
    """A combination of levels: the value of every setting that varies, and one run per seed."""

    settings: Mapping[str, Any]
    levels: tuple[int, ...]  # on each axis
    runs: tuple[PlannedRun, ...]


@dataclass(frozen=True)
class SweepPlan:
    """The product of `axes` over the run that `base` describes, with `seeds` seeds in a row."""

    base: Recipe
    axes: tuple[Axis, ...]
    seeds: int

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All combinations, the last axis fastest; raises `InvalidArgument` if one cannot be."""
        return tuple(
            self._point(levels)
            for levels in product(*(range(len(axis.levels)) for axis in self.axes))
        )

    @property
    def runs(self) -> list[PlannedRun]:
        """The runs of all points, in order."""
        return [run for point in self.points for run in point.runs]

    @property
    def names(self) -> dict[str, str]:
        """Setting that varies -> its short name."""
        return short_names([setting for axis in self.axes for setting in axis.settings])

    def check(self) -> None:
        """Raise `InvalidArgument` for a combination that no run could carry out."""
        if self.base.environment is not None:
            raise InvalidArgument(
                "a sweep compares shares of an optimum and losses on held-out histories, which "
                "only a task family gives, got a recipe with [environment]; carry out one run for "
                "each setting: adfast run RECIPE --set SECTION.FIELD=VALUE --run FOLDER"
            )
        count = self.seeds * math.prod(len(axis.levels) for axis in self.axes)
        if count > MAX_RUNS:
            raise InvalidArgument(
                f"a sweep has at most {MAX_RUNS} runs, got {count}; vary less, or lower --seeds"
            )
        if any(run.resolved.is_rl2 for run in self.runs):
            raise InvalidArgument(
                "a sweep measures losses on held-out histories, which a policy of RL2 does not "
                "predict; carry out one run for each setting, and put them side by side: "
                "adfast compare RUN..."
            )
        varied = {setting for axis in self.axes for setting in axis.settings}
        if "evaluation.tasks" in varied or any(r.resolved.evaluation.family for r in self.runs):
            raise InvalidArgument(
                "the points of a sweep are compared on the same tasks of the family that they were "
                "trained on: evaluation.tasks cannot vary, nor evaluation.family be set; evaluate "
                "one run so: adfast evaluate RUN --name NAME --set evaluation.tasks=validation"
            )
        names: set[str] = set()
        for run in self.runs:
            longest = max(len(name.encode()) for name in (run.name, run.evaluation or ""))
            if longest > MAX_NAME_BYTES or run.title in names:
                raise InvalidArgument(
                    "every run of a sweep needs a folder of its own, with a name of at most "
                    f'{MAX_NAME_BYTES} bytes, got "{run.title[:80]}" twice or a longer one; give '
                    "the values that vary in fewer or other letters"
                )
            names.add(run.title)
        for run in self.runs:
            try:
                check_feasible(run.resolved)
            except InvalidArgument as error:
                raise InvalidArgument(f"{run.title}: {error}") from None

    def to_toml(self) -> str:
        """The plan as a recipe with a table `[sweep]`."""
        import tomli_w

        sweep = {"seeds": self.seeds, "vary": [spell_axis(axis) for axis in self.axes]}
        return f"{write_toml(self.base)}\n{tomli_w.dumps({SWEEP_TABLE: with_none_names(sweep)})}"

    def _point(self, levels: tuple[int, ...]) -> Point:
        settings: dict[str, Any] = {}
        for axis, level in zip(self.axes, levels, strict=True):
            settings |= axis.at(level)
        names = self.names
        acting = {key: settings[key] for key in settings if key.startswith(EVALUATION)}
        training = {key: settings[key] for key in settings if key not in acting}
        base = with_none_names(self.base.model_dump(mode="json", exclude_unset=True))
        runs = []
        for seed in range(self.base.seed, self.base.seed + self.seeds):
            seeded = {"seed": seed} if self.seeds > 1 else {}
            name = folder_name(training | seeded, names) or ALONE
            recipe, resolved = (
                self._recipe(base, varied, seed, folder_name(varied | seeded, names))
                for varied in (training, settings)
            )
            evaluation = folder_name(acting, names) or None
            runs.append(PlannedRun(name, recipe, resolved, evaluation, acting))
        return Point(settings, levels, tuple(runs))

    @staticmethod
    def _recipe(
        base: Mapping[str, Any], varied: Mapping[str, Any], seed: int, title: str
    ) -> Recipe:
        """The run of `base` with what is varied, its method's settings included."""
        values = with_method(base, nested(varied), title)
        return Recipe.from_mapping(values | {"seed": seed}, source=title)


def load_sweep(
    path: Path, changes: Changes, vary: Sequence[Mapping[str, Any]], seeds: int | None
) -> SweepPlan:
    """The sweep of a TOML file; `vary` and `seeds`, where given, replace what its table says.

    Raises `InvalidArgument` where nothing varies.
    """
    values = read_toml(path)
    table = values.pop(SWEEP_TABLE, {})
    values.pop(SCALE_TABLE, None)
    refuse_texts(table, path)
    sweep = SweepConfig.from_mapping(table, source=f"{path.name}, [sweep]")
    base = configure(values, changes, path.name)
    axes = make_axes(list(vary) or sweep.vary)
    if not axes:
        raise InvalidArgument(
            f"{path.name} does not say what to vary; add --vary, {EXAMPLE}, or tables "
            f"[[{SWEEP_TABLE}.vary]]"
        )
    return SweepPlan(base, axes, seeds or sweep.seeds)


def refuse_texts(table: Any, path: Path) -> None:
    """Raise `InvalidArgument` for a table [sweep] from before its axes were tables."""
    vary = table.get("vary") if isinstance(table, Mapping) else None
    texts = [text for text in vary if isinstance(text, str)] if isinstance(vary, list) else []
    if texts:
        raise InvalidArgument(
            f"{path}, [{SWEEP_TABLE}]: written for an adfast before axes were tables, got "
            f'"{texts[0]}"; write [[{SWEEP_TABLE}.vary]] in its place, and below it '
            '"section.field" = [value, value, ...] for each of its settings'
        )


def folder_name(settings: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The name of a folder for what has these settings; empty where there are none."""
    return ",".join(
        f"{names.get(key, key)}={plain(label_of(value))}" for key, value in settings.items()
    )


def plain(text: str) -> str:
    """`text` with nothing in it that a file's name should not have."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text).strip("_")
