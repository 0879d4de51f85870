"""ScaleStudy: a recipe's study of scaling, made in parts as a reproduction is."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe
from adfast.runs.reproduction.machine import Machine
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import ANY_MACHINE, RESULTS, Reproduction
from adfast.runs.reproduction.study_table import Part
from adfast.runs.run import Run
from adfast.runs.scaling.measures import measure
from adfast.runs.scaling.table import scale_table

RUNS = Path("runs/scale")


class ScaleStudy(Reproduction):
    """The study of a recipe; each part's record has `scaling`."""

    command: ClassVar[str] = "scale"

    def __init__(
        self,
        recipe: str,
        results: Path = RESULTS,
        runs: Path = RUNS,
        machine: Machine = ANY_MACHINE,
    ) -> None:
        super().__init__(scale_table(recipe), results, runs, machine)
        self.recipe = recipe
        self.base = load_recipe(find_recipe(recipe))

    def record(self, part: Part, run: Run) -> PartRecord:
        """What a finished part came to, its measures included."""
        measures = measure(run, self.base)
        return super().record(part, run).model_copy(update={"scaling": measures})
