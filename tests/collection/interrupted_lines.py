"""Exceptions out of any line of some modules, as a signal's handler raises them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any


@contextmanager
def interruption(
    modules: list[ModuleType], is_due: Callable[[], bool], error: type[BaseException]
) -> Iterator[None]:
    """Raises `error` once, before the first line of `modules` at which `is_due()` is true."""
    files = {module.__file__ for module in modules}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line" and is_due():
            raise error
        return trace

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(earlier)
