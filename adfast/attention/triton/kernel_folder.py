"""Where Triton keeps compiled kernels: where it would, or among the temporary files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import triton

from adfast.machine.private_folder import private_folder

VARIABLE = "TRITON_CACHE_DIR"


def keep_kernels() -> None:
    """Let Triton use a folder of this user's own where it cannot write into the usual one.

    It has no way to do without. Raises `OSError` where there is none either.
    """
    try:
        usual = Path(triton.knobs.cache.dir)
        if usual.parts[:1] == ("~",):  # there is no home: this would be beside the caller
            raise FileNotFoundError("no home")
        usual.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=usual).close()
    except OSError:
        os.environ[VARIABLE] = str(private_folder() / "triton")
