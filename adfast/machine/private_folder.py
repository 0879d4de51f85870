"""A folder of the user's own among the temporary files, for compiled code that fits nowhere else.

What is in it is loaded and run, and anyone could have made a folder of its name beforehand: it is
used only if it is the user's and closed to all others.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def private_folder() -> Path:
    """`adfast-UID` among the temporary files; `OSError` if it cannot be made or is not private."""
    folder = Path(tempfile.gettempdir(), f"adfast-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not is_own or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{folder} is not this user's own")
    return folder
