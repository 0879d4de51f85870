"""The command that puts runs side by side."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from adfast.cli.arguments import JsonOption
from adfast.cli.completion import complete_run
from adfast.packages import DRAWINGS, MODELS, require
from adfast.printable import printable

ComparedArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="Runs, folders of runs (seeds, a study, a sweep) or RUN/evaluations/NAME, of one "
        "family; LABEL=RUN names one.",
        autocompletion=complete_run,
    ),
]


def compare(
    runs: ComparedArgument,
    axis: Annotated[
        str,
        typer.Option(
            "--axis",
            help="Of the figure: episodes, environment-steps, updates, seconds or transitions.",
        ),
    ] = "episodes",
    out: Annotated[Path, typer.Option("--out", help="Where figure, page and tables go.")] = Path(
        "runs/comparison"
    ),
    as_json: JsonOption = False,
) -> None:
    """Put any runs side by side: one figure, one page, one CSV; those of several seeds pooled."""
    require(*MODELS, *DRAWINGS)
    from adfast.cli.interruption import stoppable
    from adfast.cli.stages import terminal_hooks
    from adfast.report.comparison.series import AXES
    from adfast.runs.comparison.comparison import compare as compare_runs
    from adfast.runs.comparison.found_runs import with_labels
    from adfast.values import as_choice

    as_choice("axis", axis, AXES)
    way_on = shlex.join(["adfast", "compare", *runs, "--axis", axis, "--out", str(out)])
    with stoppable("compare", way_on) as should_stop:
        compare_runs(with_labels(runs), out, hooks=terminal_hooks(should_stop))
        print_comparison(out, axis, as_json=as_json)


def print_comparison(out: Path, axis: str = "episodes", *, as_json: bool) -> None:
    """Write the figure and the page of a comparison, and print its table."""
    from adfast.cli.tables import print_table
    from adfast.report.comparison import write_comparison_report
    from adfast.report.comparison.terminal import comparison_table, verdicts_table
    from adfast.runs.comparison.record import read_comparison

    page = write_comparison_report(out, axis)
    comparison = read_comparison(out)
    if as_json:
        print(json.dumps(comparison.model_dump(mode="json")))
        return
    print_table(comparison_table(comparison))
    if comparison.verdicts:
        print_table(verdicts_table(comparison))
    print(f"{printable(page)}, figure: {printable(page.with_suffix('.png'))}")
