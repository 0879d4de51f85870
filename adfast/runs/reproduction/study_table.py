"""A study as a table: panels, their rows, and a part for each training seed of a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from adfast.errors import UnknownName
from adfast.runs.recipe.methods import AD, METHODS
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import changed, find_recipe, load_recipe
from adfast.runs.reproduction.identity import counting_settings, has_default, settings_hash

if TYPE_CHECKING:
    from adfast.runs.reproduction.study_claim import StudyClaim

Measure = Literal["last five", "share of the source"]


@dataclass(frozen=True)
class Published:
    """What was published of a row: its return by episode, or one value; `words` say it."""

    words: str
    by_episode: Mapping[int, float] = field(default_factory=dict)
    value: float | None = None


@dataclass(frozen=True)
class Row:
    """A method, an agent or a level of what varies.

    `settings` lie over the method's, which lies over the recipe's. With settings `evaluation` it is
    a further evaluation of the run that they would be one of without: it trains nothing anew.
    `level` is its place on the axis of its panel, of the rows of one `series` there.
    """

    name: str
    label: str
    recipe: str
    method: str = AD
    settings: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    level: float | None = None
    series: str = ""
    published: Published | None = None
    differs: str = ""

    @property
    def has_method(self) -> bool:
        """Whether its method is one that adfast has."""
        return self.method in METHODS

    @property
    def parts(self) -> tuple[Part, ...]:
        """A part for each of its seeds."""
        return tuple(Part(self, seed) for seed in self.seeds)


@dataclass(frozen=True)
class Part:
    """A row with one training seed, which draws the split, too."""

    row: Row
    seed: int

    @property
    def name(self) -> str:
        """That of its file."""
        return f"{self.row.name}-seed-{self.seed}"

    @cached_property
    def trained(self) -> Recipe:
        """The recipe of the run that it is an evaluation of."""
        seeds = {"seed": self.seed, "collection.split_seed": self.seed}
        changes = {"method": self.row.method, **self.row.settings, **seeds}
        return load_recipe(find_recipe(self.row.recipe), changes)

    @cached_property
    def recipe(self) -> Recipe:
        """All its settings."""
        return changed(self.trained, self.row.evaluation) if self.row.evaluation else self.trained

    @cached_property
    def run_name(self) -> str:
        """The folder of its run: runs of other settings have others.

        Settings with their defaults have no say in it, so that a run that was begun is gone on with
        by an adfast that has got more of them.
        """
        settings = counting_settings(self.trained)
        key = settings_hash({n: v for n, v in settings.items() if not has_default(n, v)})
        return f"{Path(self.row.recipe).stem}-{self.row.method}-seed-{self.seed}-{key}"

    @property
    def evaluation_name(self) -> str | None:
        """What its evaluation is called in its run; None for the run's own."""
        return self.row.name if self.row.evaluation else None


@dataclass(frozen=True)
class Panel:
    """What is drawn together: returns by episode, or, where `axis` says of what, by level.

    What is told of a row is its `measure`: the mean of the last five episodes, or what all episodes
    bring above random as a share of what the source brings. `levels` are published values across
    the panel, by their names; `level_names` are those of levels that are no numbers. `dashed` is
    what rows have as published. `while_training` shows what was monitored then, by what was trained
    on, of a policy the steps that it took.
    """

    title: str
    rows: tuple[Row, ...]
    axis: str | None = None
    measure: Measure = "last five"
    level_names: Mapping[float, str] = field(default_factory=dict)
    dashed: str = "published"
    while_training: bool = False
    levels: Mapping[str, float] = field(default_factory=dict)

    @property
    def has_published(self) -> bool:
        """Whether anything of it was published, or stands there in its place."""
        return bool(self.levels) or any(row.published is not None for row in self.rows)


@dataclass(frozen=True)
class Question:
    """A probe, with `options`, and the rows whose models it is put to, with all their seeds.

    Without rows it is put to `agents` by name, on the tasks of a `recipe` by each of `splits`.
    `whom` says who these are and `asks` how the question is put, in words that need no other page;
    `leaves_open` is what a reader should not take the answer for.
    Where it is for comparison its verdict is not one on the claim that its probe speaks to.
    """

    name: str
    probe: str
    rows: tuple[Row, ...]
    whom: str
    asks: str
    leaves_open: str = ""
    is_comparison: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    agents: tuple[str, ...] = ()
    recipe: str = "dark-room"
    splits: tuple[int, ...] = ()

    @property
    def asked_agents(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Name of the subject, agent, and what is changed of the recipe, of each agent asked."""
        for agent in self.agents:
            for split in self.splits:
                changes = {"seed": split, "collection.split_seed": split}
                yield f"{agent}, split {split}", agent, changes

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Whose models are asked."""
        return tuple(part for row in self.rows for part in row.parts)

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """All options of the probe."""
        from adfast.probes.catalogue import PROBES

        return PROBES.make(self.probe, **self.options).model_dump(mode="json")

    @cached_property
    def subjects(self) -> dict[str, dict[str, Any]]:
        """The settings that count of each run that is asked."""
        found = {part.name: counting_settings(part.trained) for part in self.parts}
        path = find_recipe(self.recipe)
        for name, agent, changes in self.asked_agents:
            asked = {**changes, "evaluation.agent": agent}
            found[name] = counting_settings(load_recipe(path, asked))
        return found


@dataclass(frozen=True)
class StudyTable:
    """A study: what it asks, and its panels; a row may be in several.

    `claims` are those of the critique that it answers by what parts earned, `questions` are put to
    the models of parts. On its page stand the claims of the studies that it `gathers`, too.
    """

    name: str
    title: str
    about: str
    panels: tuple[Panel, ...]
    claims: tuple[StudyClaim, ...] = ()
    questions: tuple[Question, ...] = ()
    gathers: tuple[str, ...] = ()

    @cached_property
    def parts(self) -> dict[str, Part]:
        """All parts by their names."""
        rows = {row.name: row for panel in self.panels for row in panel.rows}
        return {part.name: part for row in rows.values() for part in row.parts}

    def require_part(self, name: str) -> None:
        """Raise `UnknownName` unless a part or a question is called `name`."""
        names = [*self.parts, *(question.name for question in self.questions)]
        if name not in names:
            raise UnknownName("part", name, names, source=f"the study {self.name}")
