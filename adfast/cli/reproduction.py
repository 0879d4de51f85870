"""The command that makes the parts of a study of published results, and draws what there is.

What makes parts is shared with `adfast scale`.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adfast.cli.arguments import JsonOption
from adfast.cli.completion import complete_study
from adfast.packages import MODELS, require
from adfast.printable import printable

if TYPE_CHECKING:
    from adfast.runs.reproduction.reproduction import Reproduction

PROGRAM = (sys.executable, "-m", "adfast")  # of the processes that make parts
NEEDED = (*MODELS, "matplotlib", "scipy")
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
ListOption = Annotated[
    bool, typer.Option("--list", help="Say how each part stands, and make none.")
]
DrawOption = Annotated[
    bool, typer.Option("--draw", help="Draw figure and tables from the parts that there are.")
]
JobsOption = Annotated[int, typer.Option("--jobs", min=1, help="Parts at a time.")]
ResultsOption = Annotated[
    Path, typer.Option("--results", help="Where results are kept; one small file a part.")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Where parts are computed: auto, cpu or cuda.")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Of each part; default: the cores over --jobs."),
]


def reproduce(
    study: StudyArgument,
    part: PartOption = None,
    list_parts: ListOption = False,
    draw: DrawOption = False,
    jobs: JobsOption = 1,
    results: ResultsOption = Path("docs/results"),
    runs: Annotated[
        Path, typer.Option("--runs", help="Where the runs of the parts are made.")
    ] = Path("runs/reproduce"),
    device: DeviceOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the parts of a study that are missing, and draw it beside what was published."""
    require(*NEEDED)
    from adfast.report.reproduction import write_reproduction
    from adfast.runs.reproduction.machine import machine_of
    from adfast.runs.reproduction.reproduction import Reproduction
    from adfast.runs.reproduction.studies.catalogue import find_study

    machine = machine_of(device, threads, jobs)
    reproduction = Reproduction(find_study(study), results, runs, machine)
    carry_out(
        reproduction,
        study,
        lambda: write_reproduction(reproduction),
        parts=part,
        lists=list_parts,
        draws=draw,
        jobs=jobs,
        as_json=as_json,
    )


def carry_out(
    study: Reproduction,
    name: str,
    draw: Callable[[], Path],
    *,
    parts: Sequence[str] | None,
    lists: bool,
    draws: bool,
    jobs: int,
    as_json: bool,
) -> None:
    """Make the parts of the study that is called `name`, or show how they stand, as is asked."""
    from adfast.cli.interruption import stoppable
    from adfast.cli.stages import terminal_hooks
    from adfast.runs.reproduction.jobs import carry_out_jobs

    if lists or draws:
        show(study, draw if draws else None, as_json=as_json)
        return
    device, threads = study.machine.device, study.machine.threads
    command = [study.command, name, "--results", str(study.results), "--runs", str(study.runs)]
    command += ["--device", device] if device else []
    own = ["--threads", str(threads)] if threads else []
    way_on = shlex.join(["adfast", *command, "--jobs", str(jobs), *own, *spelt(parts or ())])
    with stoppable("the study", way_on) as should_stop:
        hooks = terminal_hooks(should_stop)
        if jobs == 1:
            study.carry_out(hooks, parts or ())
        else:
            commands = [
                (job[0].name, [*PROGRAM, *command, *own, *spelt([made.name for made in job])])
                for job in study.jobs(parts or ())
            ]
            logs = study.runs / "logs"
            carry_out_jobs(commands, jobs, logs, hooks, threads=threads or 1, about=study.command)
    if parts is None:
        show(study, draw, as_json=as_json)


def spelt(parts: Sequence[str]) -> list[str]:
    """Parts as options."""
    return [word for name in parts for word in ("--part", name)]


def show(study: Reproduction, draw: Callable[[], Path] | None, *, as_json: bool) -> None:
    """Draw the study if it is asked for, and print how its parts stand."""
    from adfast.cli.tables import print_table
    from adfast.report.reproduction.terminal import parts_table, parts_told

    states = study.all_states()
    page = None if draw is None else draw()
    if as_json:
        told: dict[str, Any] = parts_told(states)
        print(json.dumps(told))
        return
    print_table(parts_table(study.table, states))
    if page is not None:
        print(printable(page))
