"""The stages of a run one after the other, and what stops them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adfast.cli.interruption import Interruption, stoppable
from adfast.errors import InvalidArgument
from adfast.progress import progress_bar, say
from adfast.runs.hooks import RunHooks
from adfast.runs.run import Run

if TYPE_CHECKING:
    from adfast.collection.cluster.connection import Cluster


def run_stages(
    run: Run, names: Sequence[str], *, way_on: str, cluster: Cluster | None = None
) -> None:
    """Carry out the stages `names` of a run, each of which passes over what is finished.

    Histories are collected here, or on a `cluster`.
    After Ctrl-C or SIGTERM everything that can be kept is kept, and the process exits with the
    signal's status and the command `way_on` that continues.
    """
    from adfast.report import write_report

    work: dict[str, Callable[..., object]] = {
        "collect": partial(run.collect, cluster=cluster),
        "train": run.train,
        "evaluate": run.evaluate,
        "report": partial(write_report, run, again=False),
    }
    for name in names:
        with stoppable(name, way_on) as should_stop:
            work[name](hooks=terminal_hooks(should_stop))


def begin_training(run: Run, *, resume: bool, fresh: bool) -> None:
    """Begin the stage train, or go on; raises `RunError` where neither was asked for."""
    if fresh:
        run.directory.repeat_from("train")
    elif not resume:
        run.directory.refuse_repeat("train")


def terminal_hooks(should_stop: Interruption) -> RunHooks:
    """Bars and sentences on stderr, and an end when a signal asks for it."""
    return RunHooks(should_stop, progress_bar, say, say)


def spell(command: str, path: Path, *options: str) -> str:
    """A command as one types it."""
    return shlex.join(["adfast", command, str(path), *options])


@contextmanager
def on_cluster(
    address: str | None, *, pull: bool, threads: int | None
) -> Iterator[tuple[Cluster | None, list[str]]]:
    """The cluster that a command was given, joined until the end, and the options that say so.

    One of this machine alone has as many processors as there would be `threads`.
    """
    if address is None:
        if pull:
            raise InvalidArgument("--pull says how a cluster works; give --cluster ADDRESS too")
        yield None, []
        return
    from adfast.collection.cluster.connection import connect

    with connect(address, pull=pull, processors=threads) as cluster:
        say("collect", f'on cluster "{address}", {len(cluster.nodes)} nodes')
        yield cluster, ["--cluster", address, *(["--pull"] if pull else [])]
