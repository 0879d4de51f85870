"""`adfast sweep`: a recipe at every combination of what varies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from adfast.cli.arguments import FreshOption, JsonOption, MethodOption, RecipeArgument, SetOption
from adfast.packages import DRAWINGS, MODELS, require
from adfast.printable import printable


def sweep(
    recipe: RecipeArgument,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="SECTION.FIELD=V,V,...",
            help="A setting and its values; {A=[V,V], B=[W,W]} varies two together; repeatable. "
            "Default: what the recipe's tables [[sweep.vary]] say.",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Runs per point, seeds in a row.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The sweep's folder; default: runs/RECIPE-sweep.")
    ] = None,
    method: MethodOption = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """Carry out a recipe at every combination of what varies; one table, one figure."""
    require(*MODELS, *DRAWINGS)
    from adfast.cli.interruption import stoppable
    from adfast.cli.stages import spell, terminal_hooks
    from adfast.runs.recipe.recipe_changes import of_method
    from adfast.runs.sweep.axes import parse_axis
    from adfast.runs.sweep.sweep import Sweep

    axes = [parse_axis(text) for text in vary or []]
    changes = of_method(method, settings or [])
    prepared = Sweep.prepared(recipe, out, changes, vary=axes, seeds=seeds, fresh=fresh)
    with prepared as swept:
        with stoppable("the sweep", spell("sweep", swept.path)) as should_stop:
            swept.carry_out(terminal_hooks(should_stop))
        print_sweep(swept.path, as_json=as_json)


def print_sweep(path: Path, *, as_json: bool) -> None:
    """Write the figure and the page of a sweep, and print its table."""
    from adfast.cli.tables import print_table
    from adfast.report.sweep import write_sweep_report
    from adfast.report.terminal import sweep_table
    from adfast.runs.sweep.record import read_sweep

    page = write_sweep_report(path)
    record = read_sweep(path)
    if as_json:
        print(json.dumps(record.model_dump()))
        return
    print_table(sweep_table(record))
    print(f"{printable(page)}, figure: {printable(page.with_suffix('.png'))}")
