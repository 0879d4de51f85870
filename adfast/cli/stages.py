"""The stages of a run one after the other, the report at their end, and what stops them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from adfast.cli.interruption import stoppable
from adfast.errors import Interrupted, RunError
from adfast.progress import progress_bar, say
from adfast.runs.evaluation_stage import evaluate
from adfast.runs.hooks import RunHooks
from adfast.runs.run_directory import RunDirectory
from adfast.runs.run_files import write_json
from adfast.runs.stages import collect, require_all_metrics, train


def report(run: RunDirectory, hooks: RunHooks) -> None:
    """Write the page and the figures of the run."""
    from adfast.report import write_report

    run.require("evaluate")
    run.read_evaluation()
    require_all_metrics(run)
    started = time.perf_counter()
    with hooks.progress("report", 1, "page") as bar:
        write_report(run.path)
        bar.advance_to(1)
    seconds = time.perf_counter() - started
    evaluation = run.read_evaluation()
    evaluation["seconds"]["report"] = round(seconds, 3)
    write_json(run.evaluation, evaluation)
    run.record_stage("report", seconds)


STAGES = {"collect": collect, "train": train, "evaluate": evaluate, "report": report}


def run_stages(run: RunDirectory, names: Sequence[str], *, way_on: str) -> None:
    """Carry out the stages `names` in order; says which were finished before.

    After Ctrl-C or SIGTERM everything that can be kept is kept, and the process exits with the
    signal's status and the command `way_on` that continues.
    """
    for name in run.stages_of(names):
        with stoppable(name, way_on) as should_stop:
            if run.is_finished(name):
                say(name, f"finished before, in {run.path}")
                continue
            STAGES[name](run, RunHooks(should_stop, progress_bar, say, say))
            if should_stop():
                raise Interrupted(f"stopped after {name}; all that is finished is kept")


def refuse_silent_repeat(run: RunDirectory, stage: str) -> None:
    """Raise `RunError` where `stage` is finished or begun: say how to go on or start over."""
    if run.is_finished(stage):
        raise RunError(f"{run.path}: {stage} is finished; to repeat it, add --fresh")
    if stage == "train" and run.has_checkpoints:
        raise RunError(
            f"{run.path}: training has begun; add --resume to continue it, or --fresh to start over"
        )
