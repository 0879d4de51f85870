"""No search for garbage while Numba compiles.

Compiling makes some hundred thousand objects, and each search walks through all that the process
holds; what little of it is garbage waits until the function is compiled.
"""

from __future__ import annotations

import gc
import os

from numba.core import event


class GarbagePause(event.Listener):
    """Stops the collector when a function begins to compile, and starts it when that is done.

    Functions compile others, under one lock: the outermost counts.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._was_on = False

    def on_start(self, event: object) -> None:
        """Stop it, and remember whether it ran."""
        if self._depth == 0:
            self._was_on = gc.isenabled()
            gc.disable()
        self._depth += 1

    def on_end(self, event: object) -> None:
        """Let it run again, if it did."""
        self._depth -= 1
        if self._depth == 0 and self._was_on:
            gc.enable()

    def end_in_child(self) -> None:
        """Let it run in a process forked meanwhile, in which nothing is compiling."""
        if self._depth > 0:
            self._depth = 1
            self.on_end(None)


def pause_while_compiling() -> None:
    """Pause it from now on, in this process and those forked from it."""
    pause = GarbagePause()
    event.register("numba:compile", pause)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=pause.end_in_child)
