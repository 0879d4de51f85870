"""The stages of a run one after the other, and what stops them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from adfast.cli.interruption import Interruption, stoppable
from adfast.progress import progress_bar, say
from adfast.runs.hooks import RunHooks
from adfast.runs.run import Run

Work = Mapping[str, Callable[[RunHooks], object]]


def run_stages(work: Work, *, way_on: str) -> None:
    """Carry out stages by their names, one after the other.

    After Ctrl-C or SIGTERM everything that can be kept is kept, and the process exits with the
    signal's status and the command `way_on` that continues.
    """
    for name, carry_out in work.items():
        with stoppable(name, way_on) as should_stop:
            carry_out(terminal_hooks(should_stop))


def terminal_hooks(should_stop: Interruption) -> RunHooks:
    """Bars and sentences on stderr, and an end when a signal asks for it."""
    return RunHooks(should_stop, progress_bar, say, say)


def stages_of(run: Run, names: Sequence[str]) -> Work:
    """The stages `names` of a run, each of which passes over what is finished."""
    work: dict[str, Callable[[RunHooks], object]] = {
        "collect": lambda hooks: run.collect(hooks=hooks),
        "train": lambda hooks: run.train(hooks=hooks),
        "evaluate": lambda hooks: run.evaluate(hooks=hooks),
        "report": lambda hooks: draw(run, hooks),
    }
    return {name: work[name] for name in names}


def draw(run: Run, hooks: RunHooks) -> None:
    """Write the page of a run unless it is there."""
    from adfast.report import write_report

    if run.directory.is_finished("report"):
        hooks.say("report", f"finished before, in {run.path}")
    else:
        write_report(run, hooks=hooks)
