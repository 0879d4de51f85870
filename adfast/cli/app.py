"""The commands of `adfast`. Each is thin: it opens the run, calls stages, prints the result."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adfast import __version__
from adfast.cli.arguments import (
    FreshOption,
    JsonOption,
    RecipeArgument,
    RunArgument,
    RunOption,
    SetOption,
    StoreArgument,
)
from adfast.cli.completion import complete_recipe
from adfast.cli.listing import list_names, print_mapping, show
from adfast.cli.plain_help import PlainHelp
from adfast.packages import EXTENSION, require
from adfast.printable import printable

if TYPE_CHECKING:
    from adfast.runs.run_directory import RunDirectory

# What commands need beside what adfast cannot do without, asked before they change anything.
HISTORIES = (EXTENSION, "numba")
MODELS = (*HISTORIES, "torch", "safetensors")
DRAWINGS = ("matplotlib", "plotly")

app = typer.Typer(
    name="adfast",
    cls=PlainHelp,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
histories_app = typer.Typer(
    help="Look at a history store.", cls=PlainHelp, no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(histories_app, name="histories")
app.command("list")(list_names)
app.command()(show)


def print_version(is_asked: bool) -> None:
    """Print the version and end, if asked to."""
    if is_asked:
        print(f"adfast {__version__}")
        raise typer.Exit


@app.callback()
def adfast(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """The fast engine for in-context reinforcement learning by Algorithm Distillation."""


@app.command()
def run(
    recipe: RecipeArgument,
    run: RunOption = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """Collect, train, evaluate and report; goes on where an earlier call stopped."""
    from adfast.cli.stages import run_stages
    from adfast.runs.run_directory import STAGES, prepare_run

    require(*MODELS, *DRAWINGS)
    with prepare_run(recipe, run, settings or [], fresh=fresh) as directory:
        run_stages(directory, STAGES, way_on=spell("run", directory.path))
        print_summary(directory, as_json=as_json)


@app.command()
def collect(
    recipe: RecipeArgument,
    run: RunOption = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
) -> None:
    """Write the learning histories of the training tasks into a store."""
    from adfast.cli.stages import run_stages
    from adfast.runs.run_directory import prepare_run

    require(*HISTORIES)
    with prepare_run(recipe, run, settings or [], fresh=fresh, but_live=True) as directory:
        if directory.config.collection.live:
            print(
                "nothing to collect: collection.live = true, so histories are made while training; "
                f"to continue: {spell('train', directory.path)}"
            )
            return
        run_stages(directory, ["collect"], way_on=spell("collect", directory.path))
        histories_info(directory.histories)


@app.command()
def train(
    run: RunArgument,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint, bit for bit.")
    ] = False,
    fresh: FreshOption = False,
) -> None:
    """Train the model on the run's histories."""
    from adfast.cli.stages import refuse_silent_repeat, run_stages
    from adfast.errors import InvalidArgument
    from adfast.runs.run_directory import RunDirectory

    require(*MODELS)
    if fresh and resume:
        raise InvalidArgument("--fresh starts over and --resume goes on; give one of them")
    with RunDirectory.open(run) as directory:
        if fresh:
            directory.repeat_from("train")
        elif not resume:
            refuse_silent_repeat(directory, "train")
        run_stages(directory, ["train"], way_on=spell("train", run, "--resume"))
        print(printable(directory.checkpoints))


@app.command()
def evaluate(run: RunArgument, fresh: FreshOption = False, as_json: JsonOption = False) -> None:
    """Let the frozen model learn in context on the held-out tasks, next to all references."""
    from adfast.cli.stages import refuse_silent_repeat, run_stages
    from adfast.runs.run_directory import RunDirectory

    require(*MODELS)
    with RunDirectory.open(run) as directory:
        if fresh:
            directory.repeat_from("evaluate")
        elif not as_json:
            refuse_silent_repeat(directory, "evaluate")
        run_stages(directory, ["evaluate"], way_on=spell("evaluate", run))
        print_summary(directory, as_json=as_json)


@app.command()
def report(run: RunArgument) -> None:
    """Write the run's page and figures again."""
    from adfast.cli.stages import run_stages
    from adfast.runs.run_directory import RunDirectory

    require(*DRAWINGS)
    with RunDirectory.open(run) as directory:
        directory.repeat_from("report")
        run_stages(directory, ["report"], way_on=spell("report", run))
        print(printable(directory.report))


@app.command()
def sweep(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="A shipped recipe, a TOML file or a sweep's folder.",
            autocompletion=complete_recipe,
        ),
    ],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="SECTION.FIELD=V,V,...",
            help="A setting and its values; A:B=V:W,V:W varies two together; repeatable. "
            "Default: what the recipe's table [sweep] says.",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Runs per point, seeds in a row.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The sweep's folder; default: runs/RECIPE-sweep.")
    ] = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """Carry out a recipe at every combination of what varies; one table, one figure."""
    from adfast.cli.sweep.runs import prepare_sweep, run_sweep

    require(*MODELS, *DRAWINGS)
    with prepare_sweep(recipe, out, settings or [], vary or [], seeds, fresh=fresh) as found:
        path, plan = found
        run_sweep(path, plan)
        print_sweep(path, as_json=as_json)


@histories_app.command("info")
def histories_info(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Say what a history store holds."""
    from adfast.cli.describe_histories import describe_store

    description = describe_store(store)
    print_mapping(description, as_json=as_json)


@histories_app.command("verify")
def histories_verify(store: StoreArgument) -> None:
    """Read every byte of a store and compare it with its checksums."""
    from adfast import histories

    num_bytes = histories.open(store, allow_incomplete=True).verify()
    print(f"{printable(store)}: {num_bytes:,} bytes, all as written")


@app.command()
def doctor(
    family: Annotated[
        str | None,
        typer.Option(
            "--family",
            metavar="NAME",
            help="Check a task family instead; one of your own is MODULE:CLASS.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what this machine has and which backends will be used; or check a task family."""
    from adfast.cli.doctor import examine_family, examine_machine

    if family is not None:
        print_mapping(examine_family(family), as_json=as_json)
        return
    print_mapping(examine_machine(), as_json=as_json)


@app.command(
    add_help_option=False,  # the benchmarks know their own options
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench(context: typer.Context) -> None:
    """Time every hot layer against its rivals (from a checkout of the repository)."""
    from adfast.cli.bench import run_benchmarks

    require(*MODELS, "gymnasium")
    run_benchmarks(context.args)


def spell(command: str, path: Path, *options: str) -> str:
    """A command as one types it."""
    return shlex.join(["adfast", command, str(path), *options])


def print_summary(run: RunDirectory, *, as_json: bool) -> None:
    """Print what the evaluation of a run found."""
    evaluation = run.read_evaluation()
    if as_json:
        print(json.dumps(evaluation["summary"] | {"run": str(run.path)}))
        return
    from rich.console import Console

    from adfast.cli.summary_table import summary_table

    Console().print(summary_table(evaluation, run.path))


def print_sweep(path: Path, *, as_json: bool) -> None:
    """Write the figure and the page of a sweep, and print its table."""
    from rich.console import Console

    from adfast.cli.sweep.table import results_table
    from adfast.report.sweep import write_sweep_report
    from adfast.runs.sweep.record import read_sweep

    page = write_sweep_report(path)
    record = read_sweep(path)
    if as_json:
        print(json.dumps(record.model_dump()))
        return
    Console().print(results_table(record))
    print(f"{printable(page)}, figure: {printable(page.with_suffix('.png'))}")
