"""EvaluationFiles: where what one evaluation of a run found lies.

The run's own is in its directory, those of other settings or other agents are in
`evaluations/NAME/`, with the settings that they were made by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from adfast.errors import InvalidArgument, RunError, shown
from adfast.runs.files.results import EvaluationResults
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import Changes, changed, differences_of, load_recipe

EVALUATIONS = "evaluations"
EVALUATE = "evaluate"
NAME = re.compile(r"[A-Za-z0-9_+=][A-Za-z0-9_+=.,-]{0,199}")


@dataclass(frozen=True)
class EvaluationFiles:
    """The files of one evaluation; `name` is None for the run's own."""

    run: Path
    name: str | None
    folder: Path
    has_attention: bool

    @classmethod
    def of_run(cls, run: Path, name: str | None, *, has_attention: bool = False) -> EvaluationFiles:
        """Those of the evaluation `name` of the run in a directory; raises `InvalidArgument`.

        `has_attention` says that what the model attended to must be there.
        """
        if name is None:
            return cls(run, None, run, has_attention)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise InvalidArgument(
                "the name of an evaluation is that of its folder: letters, digits and any of "
                f"_ + = . , - (not at the beginning the last three), at most 200, got {shown(name)}"
            )
        return cls(run, name, run / EVALUATIONS / name, has_attention)

    @property
    def stage(self) -> str:
        """What the evaluation is called among the run's stages."""
        return EVALUATE if self.name is None else f"{EVALUATE} {self.name}"

    @property
    def results(self) -> Path:
        """Returns, references and summary."""
        return self.folder / "evaluation.json"

    @property
    def trajectories(self) -> Path:
        """Every held-out episode, step by step."""
        return self.folder / "trajectories.safetensors"

    @property
    def attention(self) -> Path:
        """What the model attended to in some of them."""
        return self.folder / "attention.safetensors"

    @property
    def settings(self) -> Path:
        """The settings that the evaluation was made by, as those of a run."""
        return self.folder / ("run.toml" if self.name is None else "settings.toml")

    @property
    def required(self) -> list[Path]:
        """What must be there of a finished evaluation."""
        settings = [] if self.name is None else [self.settings]
        attention = [self.attention] if self.has_attention else []
        return [self.results, self.trajectories, *settings, *attention]

    @property
    def paths(self) -> list[Path]:
        """All that the evaluation may leave."""
        return list(dict.fromkeys([*self.required, self.attention]))

    def read(self) -> EvaluationResults:
        """What the evaluation found; raises `RunError` where that is not whole."""
        named = "" if self.name is None else f" --name {self.name}"
        return EvaluationResults.read(
            self.results, f"evaluate again with: adfast evaluate {self.run} --fresh{named}"
        )


def evaluation_of_stage(stage: str) -> str | None:
    """The name of the further evaluation that a stage is, None for any other stage."""
    first, _, name = stage.partition(" ")
    return name if first == EVALUATE and name else None


def settings_of(
    files: EvaluationFiles, recipe_of_run: Recipe, settings: Changes, *, fresh: bool
) -> Recipe:
    """The settings of an evaluation; raises where they are none, or an earlier one's differ."""
    is_there = files.name is not None and files.settings.exists()
    if settings:
        recipe = changed(recipe_of_run, settings)
    else:
        recipe = load_recipe(files.settings) if is_there else recipe_of_run
    differences = differences_of(recipe_of_run, recipe)
    outside = [text for text in differences if not text.startswith("evaluation.")]
    if outside:
        raise InvalidArgument(
            f"evaluations of a run may differ in settings of the section evaluation alone, got "
            f"{'; '.join(outside)}; make another run of it"
        )
    if files.name is None and differences:
        raise InvalidArgument(
            f"an evaluation by other settings than the run's ({'; '.join(differences)}) needs "
            'a name: --name NAME, in Python name="NAME"'
        )
    if is_there and not fresh:
        differences = differences_of(load_recipe(files.settings), recipe)
        if differences:
            raise RunError(
                f"{files.folder} holds an evaluation by other settings "
                f"({'; '.join(differences)}); give another name, or --fresh (in Python "
                "fresh=True) to do it again"
            )
    return recipe
