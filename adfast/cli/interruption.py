"""Ctrl-C, SIGTERM and a closed terminal: work ends soon, keeps what it has, and says how to go on.

A signal ends work at once, except where a stage has said that it asks: there the first signal waits
until the stage asks at a point where nothing is lost, and the second ends it at once. The exit
status is 128 + the signal's number, as a shell has it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from adfast.errors import Interrupted
from adfast.machine.launch import speaks
from adfast.printable import printable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CutOff(BaseException):
    """A signal ended the work where it was. No `Exception`: nothing handles it as a failure."""


class Interruption:
    """Whether somebody asked this process to stop: what stages take as `should_stop`."""

    def __init__(self) -> None:
        self.number: int | None = None  # of the last signal
        self._is_asked = False
        self._has_cut_off = False

    def __call__(self) -> bool:
        """True once a signal has come."""
        return self.number is not None

    def postpone(self) -> None:
        """From now on the first signal waits until the work asks whether it should stop."""
        self._is_asked = True

    def stop_at_once(self) -> None:
        """From now on a signal ends the work where it is."""
        self._is_asked = False

    @property
    def status(self) -> int:
        """The exit status of a process that a signal ended."""
        return 128 + (self.number or signal.SIGINT)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal where the work asks; raise `CutOff` at any other."""
        waits = self._is_asked and self.number is None
        self.number = number
        if not waits:
            self._has_cut_off = True
            raise CutOff

    def has_ended(self, error: BaseException) -> bool:
        """Whether `error` is a signal's doing.

        Native code that a `CutOff` passes through may drop it and raise an error of its own.
        """
        return isinstance(error, CutOff | KeyboardInterrupt) or (
            self._has_cut_off and isinstance(error, Exception)
        )


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Turns signals into a request to stop; the earlier handlers are restored at the end.

    A terminal that closes is ignored where the process was started so (nohup).
    """
    request = Interruption()
    heard = [s for s in SIGNALS if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]
    earlier = {number: signal.signal(number, request.handle) for number in heard}
    try:
        yield request
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def stoppable(work: str, way_on: str) -> Iterator[Interruption]:
    """A signal ends what is inside: said are the reason and the command `way_on` that continues."""
    with interruption() as request:
        try:
            yield request
        except BaseException as stopped:
            reason = f"{work} was cut off; what it had saved is kept"
            if isinstance(stopped, Interrupted):
                reason = str(stopped)
            elif not request.has_ended(stopped):
                raise
            if speaks():
                print(f"\n{printable(reason)}\nto continue: {printable(way_on)}", file=sys.stderr)
            sys.exit(request.status)
