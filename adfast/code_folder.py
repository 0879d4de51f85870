"""Where compiled code is kept between processes: the first folder that can be written, or none.

In turn: what `NUMBA_CACHE_DIR` names, `__pycache__` beside the source, the user's cache folder, and
a folder of the user's own among the temporary ones. Entries are unpickled, so that last one, which
anyone could have made beforehand, is used only if it is the user's and closed to all others.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from numba.core.caching import (
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)


class HomeFolder(UserWideCacheLocator):
    """The user's cache folder, if there is a home: without one it would be below `./~`."""

    def ensure_cache_path(self) -> None:
        """Make the folder; raises `OSError` if it cannot be made."""
        if not Path(self.get_cache_path()).is_absolute():
            raise FileNotFoundError("no home")
        super().ensure_cache_path()


class TemporaryFolder(UserWideCacheLocator):
    """`adfast-UID` among the temporary files, which nobody else may read or write."""

    def ensure_cache_path(self) -> None:
        """Make the folder; raises `OSError` if it cannot be made or is not the user's own."""
        private = Path(tempfile.gettempdir(), f"adfast-{os.getuid()}")
        private.mkdir(mode=0o700, exist_ok=True)
        status = private.lstat()
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if not is_own or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PermissionError(f"{private} is not this user's own")
        self._cache_path = str(private / Path(self._cache_path).name)
        super().ensure_cache_path()


FOLDERS: list[Any] = [UserProvidedCacheLocator, InTreeCacheLocator, HomeFolder, TemporaryFolder]
