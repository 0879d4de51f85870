"""A run that several processes train together: what the first decides, the others follow.

The first carries out the stage as one process does. The others compute the same updates with it,
and leave to it the lock, every file and every word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from adfast.errors import InvalidArgument
from adfast.runs.hooks import QUIET, StopRequest
from adfast.runs.run import Run
from adfast.runs.stages import collect_and_train


@contextmanager
def joined(run: Run, begin: Callable[[], bool]) -> Iterator[tuple[bool, bool]]:
    """Whether this is the first of the processes that train `run`, and what `begin` said there.

    `begin` says whether there is something to do. Where it fails all end.
    """
    from adfast.training.parallel.processes import together

    if run.recipe.is_rl2:
        raise InvalidArgument(
            'a run of method "rl2" is trained by one process; give the command without torchrun'
        )
    with together() as processes, processes.noticing_ends():
        yield processes.is_first, processes.first(begin)


def follow(run: Run, should_stop: StopRequest) -> None:
    """Train `run` with the first process, which has its lock."""
    collect_and_train.train(run, replace(QUIET, should_stop=should_stop))
