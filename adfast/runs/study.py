"""Study: recipes carried out as runs in one folder, and probes put to all of them.

study.json       the parts: the recipe of each      NAME/          the run of a part
results/NAME.json  what a finished part came to     histories/     of parts that collect alike
probes/NAME.json   what a probe found over all      .lock          held while worked on

`study.json`, `results/` and `probes/` are small: what a reader of the study wants to keep. A part
that is finished is never repeated, so a study goes on where it was stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from adfast.durable import replace_file, replace_files
from adfast.errors import InvalidArgument, RunError, shown
from adfast.printable import printable
from adfast.provenance import collect_provenance
from adfast.runs.files.evaluation_files import NAME
from adfast.runs.files.result_files import Results
from adfast.runs.files.results import EvaluationResults, Summary
from adfast.runs.files.run_folder import delete_contents, holds_nothing, lock_run
from adfast.runs.files.stage_records import seconds_of
from adfast.runs.hooks import QUIET, RunHooks
from adfast.runs.probing.findings import FOLDER
from adfast.runs.probing.probing import Asked, ask_and_write
from adfast.runs.probing.subjects import subject_of
from adfast.runs.recipe.feasible import check_feasible
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import Changes, differences_of, find_recipe, load_recipe
from adfast.runs.run import Run
from adfast.runs.run_place import plan_run
from adfast.runs.seeds import PART, checked_seeds, recipes_of_seeds
from adfast.runs.sweep.sweep import HISTORIES, link_histories
from adfast.values import as_flag, as_path, require_kind

if TYPE_CHECKING:
    from adfast.probes.finding import Finding

PLAN = "study.json"
RESULTS = "results"
RESERVED = (RESULTS, FOLDER, HISTORIES)
WAY_OUT = "make the study anew in another directory"


class StudyPlan(Results):
    """`study.json`: the recipe of each part, all settings resolved."""

    parts: Mapping[str, dict[str, Any]] = Field(min_length=1)


class PartResults(Results):
    """`results/NAME.json`: what a part came to, by which settings, code and machine."""

    settings: dict[str, Any]
    summary: Summary
    seconds: Mapping[str, float]  # of each stage
    provenance: Mapping[str, Any]


class Study:
    """Recipes by the names of their parts; `carry_out` does what of them is not finished."""

    def __init__(self, path: Path, parts: Mapping[str, Recipe], hooks: RunHooks) -> None:
        self.path = path
        self.parts = dict(parts)
        self.hooks = hooks

    @classmethod
    def create(
        cls,
        parts: Mapping[str, Recipe | str | Path],
        path: str | Path,
        *,
        fresh: bool = False,
        progress: bool = True,
    ) -> Study:
        """The study of `parts` in a directory; one of the same parts that is there is gone on with.

        A part is a `Recipe`, the name of a shipped one or a TOML file. Further parts may be added.
        With `fresh` an earlier study there is deleted. Raises `RunError` where a part of another
        recipe, or something that is no study, is there.
        """
        place, progress = as_path("path", path), as_flag("progress", progress)
        fresh = as_flag("fresh", fresh)
        if not isinstance(parts, Mapping) or not parts:
            raise InvalidArgument(
                f"parts must map the name of each to its recipe, at least one, got {shown(parts)}"
            )
        for name in parts:
            if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
                raise InvalidArgument(
                    f"a part of a study must have the name of a folder, got {shown(name)}"
                )
        recipes = {name: resolved(name, recipe) for name, recipe in parts.items()}
        plan = place / PLAN
        if plan.is_file():
            for name, recipe in () if fresh else read_parts(plan).items():
                if name not in recipes:
                    raise RunError(f"{plan} has a part {name}, which is not asked for; {WAY_OUT}")
                if differences := differences_of(recipe, recipes[name]):
                    raise RunError(
                        f"{place} holds another part {name} ({'; '.join(differences)}); {WAY_OUT}"
                    )
        elif place.exists() and not (place.is_dir() and holds_nothing(place)):
            raise RunError(f"{place} is no empty directory and holds no study; give another one")
        place.mkdir(parents=True, exist_ok=True)
        described = {name: recipe.model_dump(mode="json") for name, recipe in recipes.items()}
        with contextlib.ExitStack() as lock:
            lock_run(place, lock)
            replace_files(
                {plan: [StudyPlan(parts=described).to_json()]},
                before=lambda: delete_contents(place, but=PLAN) if fresh else None,
            )
        return cls(place, recipes, RunHooks() if progress else QUIET)

    @classmethod
    def of_seeds(
        cls,
        recipe: Recipe | str | Path,
        seeds: Iterable[int],
        path: str | Path | None = None,
        settings: Changes = (),
        *,
        method: str | None = None,
        fresh: bool = False,
        progress: bool = True,
    ) -> Study:
        """The runs of a recipe, or of a method, with several training seeds.

        Its parts are `seed-1`, `seed-2` and so on, `path` is by default `runs/RECIPE-seeds`. Each
        seed draws a split, data and a beginning of its own; with `collection.split_seed` among the
        `settings` all have that split. Seeds that are there already stay parts of the study.
        """
        place, base = plan_run(recipe, path, settings, method)
        if path is None:
            place = place.with_name(f"{place.name}-seeds")
        asked = checked_seeds(seeds)
        if (place / PLAN).is_file() and not as_flag("fresh", fresh):
            there = [PART.fullmatch(name) for name in read_parts(place / PLAN)]
            asked = sorted({*asked, *(int(found[1]) for found in there if found is not None)})
        parts = recipes_of_seeds(base, asked, settings)
        check_feasible(next(iter(parts.values())))  # before anything is written: all are alike
        return cls.create(parts, place, fresh=fresh, progress=progress)

    @classmethod
    def open(cls, path: str | Path, *, progress: bool = True) -> Study:
        """The study in a directory; raises `RunError` where there is none."""
        place, progress = as_path("path", path), as_flag("progress", progress)
        if not (place / PLAN).is_file():
            raise RunError(f"{place} holds no study (no {PLAN})")
        return cls(place, read_parts(place / PLAN), RunHooks() if progress else QUIET)

    def __repr__(self) -> str:
        done = sum(self._results_of(name).is_file() for name in self.parts)
        return f"<Study {printable(self.path)}: {done} of {len(self.parts)} parts finished>"

    def run(self, part: str) -> Run:
        """The run of a part."""
        return Run.create(self.parts[part], self.path / part, progress=self.hooks is not QUIET)

    def carry_out(
        self, hooks: RunHooks | None = None, *, only: Collection[str] | None = None
    ) -> dict[str, PartResults]:
        """What each part came to: it is collected, trained and evaluated unless it was before.

        `only` names the parts to carry out, by default all. Parts that collect by equal settings
        share their histories. Raises `InUse` while another process works on the study.
        """
        hooks = hooks or self.hooks
        names = [name for name in self.parts if only is None or name in only]
        with self.locked():
            for number, name in enumerate(names, start=1):
                run = self.run(name)
                is_finished = self._results_of(name).is_file() and run.directory.is_finished(
                    run.directory.evaluation().stage
                )
                state = ": finished before" if is_finished else ""
                hooks.say("study", f"[{number}/{len(names)}] {name}{state}")
                if not is_finished:
                    with run.locked():
                        link_histories(run, self.path / HISTORIES)
                        run.collect(hooks=hooks)
                        run.train(hooks=hooks)
                        self._keep(name, run, run.evaluate(hooks=hooks))
        return self.results()

    def results(self) -> dict[str, PartResults]:
        """What the finished parts came to, by their names."""
        files = {name: self._results_of(name) for name in self.parts}
        way_out = f"remove the file, and carry out the study {self.path} again"
        return {n: PartResults.read(file, way_out) for n, file in files.items() if file.is_file()}

    def probe(self, probes: Asked = None) -> dict[str, Finding]:
        """What probes find over all parts, by their names; written to `probes/NAME.json`.

        The verdict is on how the parts were made, not on one model. Raises `RunError` while a part
        is not finished.
        """
        if missing := [name for name in self.parts if not self._results_of(name).is_file()]:
            raise RunError(
                f"{self.path}: {', '.join(missing)} not finished; carry out the study first"
            )
        with self.locked():
            subjects = [subject_of(self.run(name)) for name in self.parts]
            return ask_and_write(self.path, probes, subjects, progress=self.hooks is not QUIET)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Have the study for oneself until the end; raises `InUse`."""
        with contextlib.ExitStack() as lock:
            lock_run(self.path, lock)
            yield

    def _results_of(self, part: str) -> Path:
        return self.path / RESULTS / f"{part}.json"

    def _keep(self, part: str, run: Run, results: EvaluationResults) -> None:
        kept = PartResults(
            settings=self.parts[part].model_dump(mode="json"),
            summary=results.summary,
            seconds=seconds_of(run.directory.stages()),
            provenance=collect_provenance(),
        )
        path = self._results_of(part)
        path.parent.mkdir(exist_ok=True)
        replace_file(path, [kept.to_json()])


def resolved(part: str, recipe: Recipe | str | Path) -> Recipe:
    """The recipe of a part, by itself, by the name of a shipped one or by its file."""
    require_kind(f"part {part}", recipe, str | Path | Recipe, "a Recipe, its name or its path")
    return recipe if isinstance(recipe, Recipe) else load_recipe(find_recipe(str(recipe)))


def read_parts(plan: Path) -> dict[str, Recipe]:
    """The recipes that a `study.json` holds; raises `RunError`."""
    described = StudyPlan.read(plan, WAY_OUT).parts
    return {
        name: Recipe.from_mapping(settings, source=f"{plan}: {name}")
        for name, settings in described.items()
    }


def holds_study(folder: str | Path) -> bool:
    """Whether there is a study in a folder."""
    return (Path(folder) / PLAN).is_file()
