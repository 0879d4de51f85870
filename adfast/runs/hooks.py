"""RunHooks: how whoever carries out a run hears of it, and stops it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from adfast.progress import ProgressBar, progress_bar, say

Say = Callable[[str, str], None]


class StopRequest(Protocol):
    """Whether somebody asked the work to stop.

    Work that asks it at moments where nothing is lost says so by `postpone`, and by `stop_at_once`
    that it asks no longer, so that a signal may then end it where it is.
    """

    def __call__(self) -> bool:
        """Whether to stop now."""

    def postpone(self) -> None:
        """From now on the work asks."""

    def stop_at_once(self) -> None:
        """From now on the work does not ask."""


class NeverStop:
    """Nobody asks to stop; an exception, as Ctrl-C raises, still ends work where it is."""

    def __call__(self) -> bool:
        """Not now."""
        return False

    def postpone(self) -> None:
        """Nothing to postpone."""

    def stop_at_once(self) -> None:
        """Nothing to stop."""


@dataclass(frozen=True)
class RunHooks:
    """What the caller of a stage may plug in; every hook is optional.

    `progress(title, total, unit)` opens the bar of a stage; `say(subject, sentence)` is told what
    is good to know, such as that a stage was finished before, `warn` what one may want to change.
    """

    should_stop: StopRequest = field(default_factory=NeverStop)
    progress: Callable[[str, int, str], AbstractContextManager[ProgressBar]] = progress_bar
    say: Say = say
    warn: Say = lambda subject, sentence: warnings.warn(f"{subject}: {sentence}", stacklevel=3)


# Neither bars nor sentences; warnings still warn.
QUIET = RunHooks(progress=partial(progress_bar, shown=False), say=lambda subject, sentence: None)
