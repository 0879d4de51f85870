"""Casts of a family's functions where they run as plain Python: NumPy's own, found at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numba.core import types

CASTS = {str(kind): getattr(np, str(kind)) for kind in types.integer_domain}


@contextmanager
def plain_casts() -> Iterator[None]:
    """Let `uint32(x)` be what Numba makes of it, in half the time; nothing compiles within."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(types.Integer, "__call__", lambda kind, value: CASTS[kind.name](value))
        yield
