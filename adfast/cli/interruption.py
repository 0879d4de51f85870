"""Ctrl-C and SIGTERM: the first asks a stage to stop where nothing is lost, the second stops it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Whether somebody asked this process to stop."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        """True once a signal has come: what stages take as `should_stop`."""
        return self.requested

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal; raise `KeyboardInterrupt` at the second."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Turns signals into a request to stop; the earlier handlers are restored at the end."""
    request = Interruption()
    earlier = {number: signal.signal(number, request.handle) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
