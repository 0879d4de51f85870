"""The command that makes the parts of a study of published results, and draws what there is."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adfast.cli.arguments import JsonOption
from adfast.cli.completion import complete_study
from adfast.packages import EXTENSION, require
from adfast.printable import printable

if TYPE_CHECKING:
    from adfast.runs.reproduction.reproduction import Reproduction

PROGRAM = (sys.executable, "-m", "adfast")  # of the processes that make parts
NEEDED = (EXTENSION, "numba", "torch", "safetensors", "matplotlib")
StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="Its name: baselines, main-figure, ablations, critique, known-agents, transfer, size, "
        "half-room or water-maze.",
        autocompletion=complete_study,
    ),
]
PartOption = Annotated[
    list[str] | None,
    typer.Option("--part", help="Make these parts alone and draw nothing; repeatable."),
]
DrawOption = Annotated[
    bool, typer.Option("--draw", help="Draw figure and tables from the parts that there are.")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Of each part; default: the cores over --jobs."),
]


def reproduce(
    study: StudyArgument,
    part: PartOption = None,
    list_parts: Annotated[
        bool, typer.Option("--list", help="Say how each part stands, and make none.")
    ] = False,
    draw: DrawOption = False,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Parts at a time.")] = 1,
    results: Annotated[
        Path, typer.Option("--results", help="Where results are kept; one small file a part.")
    ] = Path("docs/results"),
    runs: Annotated[
        Path, typer.Option("--runs", help="Where the runs of the parts are made.")
    ] = Path("runs/reproduce"),
    device: Annotated[
        str | None, typer.Option("--device", help="Where parts are computed: auto, cpu or cuda.")
    ] = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the parts of a study that are missing, and draw it beside what was published."""
    from adfast.cli.interruption import stoppable
    from adfast.cli.stages import terminal_hooks
    from adfast.runs.reproduction.jobs import carry_out_jobs
    from adfast.runs.reproduction.machine import Machine, threads_of_jobs
    from adfast.runs.reproduction.reproduction import Reproduction
    from adfast.runs.reproduction.studies.catalogue import find_study

    require(*NEEDED)
    if jobs > 1:
        threads = threads or threads_of_jobs(jobs)
    options = ["--results", str(results), "--runs", str(runs)]
    options += ["--device", device] if device else []
    command = ["reproduce", study, *options]
    reproduction = Reproduction(find_study(study), results, runs, Machine(device, threads))
    if list_parts or draw:
        show(reproduction, draws=draw, as_json=as_json)
        return
    own = ["--threads", str(threads)] if threads else []
    way_on = shlex.join(["adfast", *command, "--jobs", str(jobs), *own, *spelt(part or ())])
    with stoppable("the study", way_on) as should_stop:
        hooks = terminal_hooks(should_stop)
        if jobs == 1:
            reproduction.carry_out(hooks, part or ())
        else:
            commands = [
                (job[0].name, [*PROGRAM, *command, *own, *spelt([made.name for made in job])])
                for job in reproduction.jobs(part or ())
            ]
            carry_out_jobs(commands, jobs, runs / "logs", hooks, threads=threads or 1)
    if part is None:
        show(reproduction, draws=True, as_json=as_json)


def spelt(parts: Sequence[str]) -> list[str]:
    """Parts as options."""
    return [word for name in parts for word in ("--part", name)]


def show(reproduction: Reproduction, *, draws: bool, as_json: bool) -> None:
    """Draw the study if it is asked for, and print how its parts stand."""
    from rich.console import Console

    from adfast.report.reproduction import write_reproduction
    from adfast.report.reproduction.terminal import parts_table, parts_told

    states = reproduction.all_states()
    page = write_reproduction(reproduction) if draws else None
    if as_json:
        told: dict[str, Any] = parts_told(states)
        print(json.dumps(told))
        return
    Console().print(parts_table(reproduction.table, states))
    if page is not None:
        print(printable(page))
