"""The commands of `adfast`. Each is thin: it opens the run, calls stages, prints the result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from adfast import __version__
from adfast.cli.arguments import (
    ClusterOption,
    FreshOption,
    JsonOption,
    MethodOption,
    PlainHelp,
    PullOption,
    RecipeArgument,
    RunArgument,
    RunOption,
    SeedsOption,
    SetOption,
)
from adfast.cli.comparison import compare
from adfast.cli.export import export
from adfast.cli.histories import histories_app, histories_info
from adfast.cli.inspection import bench, doctor
from adfast.cli.listing import list_names, show
from adfast.cli.probing import probe
from adfast.cli.reproduction import reproduce
from adfast.cli.scaling import scale
from adfast.cli.sweeping import sweep
from adfast.errors import InvalidArgument
from adfast.machine.launch import launched_together
from adfast.packages import DRAWINGS, HISTORIES, MODELS, require
from adfast.printable import printable

if TYPE_CHECKING:
    from adfast.runs.run import Run

app = typer.Typer(
    name="adfast",
    cls=PlainHelp,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(histories_app, name="histories")


def print_version(is_asked: bool) -> None:
    """Print the version and end, if asked to."""
    if is_asked:
        print(f"adfast {__version__}")
        raise typer.Exit


@app.callback()
def adfast(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """The fast engine for in-context reinforcement learning by Algorithm Distillation."""
    if launched_together() and context.invoked_subcommand != "train":
        raise InvalidArgument(
            f'of processes that torchrun starts adfast knows "train" alone, got '
            f'"{context.invoked_subcommand}"; give this command without torchrun'
        )


@app.command()
def run(
    recipe: RecipeArgument,
    run: RunOption = None,
    method: MethodOption = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
    seeds: SeedsOption = None,
) -> None:
    """Collect, train, evaluate and report; goes on where an earlier call stopped."""
    require(*MODELS, *DRAWINGS)
    from adfast.cli.seeds import run_seeds
    from adfast.cli.stages import run_stages, spell
    from adfast.runs.files.run_directory import STAGES
    from adfast.runs.recipe.recipe_changes import of_method
    from adfast.runs.run import Run
    from adfast.runs.study import holds_study

    if seeds is not None or holds_study(recipe):
        changes = of_method(method, settings or [])
        run_seeds(recipe, seeds, run, list(changes), fresh=fresh, as_json=as_json)
        return
    carried_out = Run.create(recipe, run, settings or [], method=method, fresh=fresh)
    with carried_out.locked():
        run_stages(carried_out, STAGES, way_on=spell("run", carried_out.path))
        print_summary(carried_out, as_json=as_json)


@app.command()
def collect(
    recipe: RecipeArgument,
    run: RunOption = None,
    method: MethodOption = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
    cluster: ClusterOption = None,
    pull: PullOption = False,
) -> None:
    """Write the learning histories of the training tasks into a store."""
    require(*HISTORIES)
    from adfast.cli.stages import on_cluster, run_stages, spell
    from adfast.runs.run import Run
    from adfast.runs.run_place import plan_run

    place, resolved = plan_run(recipe, run, settings or [], method)
    reason = resolved.reason_not_to_collect
    if reason is not None:
        Run.create(resolved, place)
        print(f"nothing to collect: {reason}; to continue: {spell('train', place)}")
        return
    # A cluster that does not answer leaves everything as it was, --fresh or not.
    with on_cluster(cluster, pull=pull, threads=resolved.collection.threads) as (joined, options):
        collected = Run.create(resolved, place, fresh=fresh)
        with collected.locked():
            way_on = spell("collect", place, *options)
            run_stages(collected, ["collect"], way_on=way_on, cluster=joined)
            histories_info(collected.directory.histories)


@app.command()
def train(
    run: RunArgument,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint, bit for bit.")
    ] = False,
    fresh: FreshOption = False,
) -> None:
    """Train the model on the run's histories; under torchrun in all of its processes together."""
    require(*MODELS)
    from adfast.cli.stages import begin_training, run_stages, spell
    from adfast.runs.run import Run

    if fresh and resume:
        raise InvalidArgument("--fresh starts over and --resume goes on; give one of them")
    trained = Run.open(run)
    if launched_together():
        from adfast.cli.together import train_together

        train_together(trained, resume=resume, fresh=fresh)
        return
    with trained.locked():
        begin_training(trained, resume=resume, fresh=fresh)
        run_stages(trained, ["train"], way_on=spell("train", run, "--resume"))
        print(printable(trained.directory.checkpoints))


@app.command()
def evaluate(
    run: RunArgument,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Of a further evaluation, kept beside the run's own."),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            help="Who acts instead of the run's model: --set evaluation.agent=... for short.",
        ),
    ] = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the frozen model learn in context on the held-out tasks, next to all references."""
    require(*MODELS)
    from adfast.cli.interruption import stoppable
    from adfast.cli.stages import spell, terminal_hooks
    from adfast.runs.run import Run

    evaluated = Run.open(run)
    changes = [*([] if agent is None else [f"evaluation.agent={agent}"]), *(settings or [])]
    with evaluated.locked():
        if name is None and not (changes or fresh or as_json):
            evaluated.directory.refuse_repeat("evaluate")
        options = [text for change in changes for text in ("--set", change)]
        options += [] if name is None else ["--name", name]
        options += ["--fresh"] if fresh else []  # what is to be replaced is still there
        with stoppable("evaluate", spell("evaluate", run, *options)) as should_stop:
            evaluated.evaluate(name, changes, fresh=fresh, hooks=terminal_hooks(should_stop))
        print_summary(evaluated, name, as_json=as_json)


@app.command()
def report(run: RunArgument) -> None:
    """Write the run's page and figures again."""
    require(*DRAWINGS)
    from adfast.cli.stages import run_stages, spell
    from adfast.runs.run import Run

    reported = Run.open(run)
    with reported.locked():
        reported.directory.repeat_from("report")
        run_stages(reported, ["report"], way_on=spell("report", run))
        print(printable(reported.directory.report))


app.command()(probe)
app.command()(sweep)
app.command()(export)
app.command()(compare)
app.command()(reproduce)
app.command()(scale)
app.command("list")(list_names)
app.command()(show)
app.command()(doctor)
app.command(
    add_help_option=False,  # the benchmarks know their own options
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(bench)


def print_summary(run: Run, name: str | None = None, *, as_json: bool) -> None:
    """Print what an evaluation of a run found."""
    results = run.directory.evaluation(name).read()
    if as_json:
        summary = results.summary.model_dump(mode="json", exclude_none=True)
        print(json.dumps(summary | {"run": str(run.path)}))
        return
    from adfast.cli.tables import print_table
    from adfast.report.terminal import summary_table
    from adfast.runs.files.stage_records import seconds_of

    seconds = seconds_of(run.directory.stages())
    print_table(summary_table(results, seconds, run.path))
