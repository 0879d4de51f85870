"""The command that makes the parts of a recipe's study of scaling, and fits laws to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adfast.cli.arguments import JsonOption, RecipeArgument
from adfast.cli.reproduction import (
    NEEDED,
    DeviceOption,
    DrawOption,
    JobsOption,
    ListOption,
    PartOption,
    ResultsOption,
    ThreadsOption,
    carry_out,
)
from adfast.packages import require


def scale(
    recipe: RecipeArgument,
    part: PartOption = None,
    list_parts: ListOption = False,
    draw: DrawOption = False,
    jobs: JobsOption = 1,
    results: ResultsOption = Path("docs/results"),
    runs: Annotated[
        Path, typer.Option("--runs", help="Where the runs of the parts are made.")
    ] = Path("runs/scale"),
    device: DeviceOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let one thing after the other grow, as a recipe's table [scale] says; fit exponents."""
    require(*NEEDED)
    from adfast.report.scaling import write_scaling
    from adfast.runs.reproduction.machine import machine_of
    from adfast.runs.scaling.study import ScaleStudy

    study = ScaleStudy(recipe, results, runs, machine_of(device, threads, jobs))
    carry_out(
        study,
        recipe,
        lambda: write_scaling(study),
        parts=part,
        lists=list_parts,
        draws=draw,
        jobs=jobs,
        as_json=as_json,
    )
