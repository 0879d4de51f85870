"""Where compiled code is kept between processes: the first folder that can be written, or none.

In turn: what `NUMBA_CACHE_DIR` names, `__pycache__` beside the source, the user's cache folder, and
a folder of the user's own among the temporary ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numba.core.caching import (
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

from adfast.machine.private_folder import private_folder


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
        self._cache_path = str(private_folder() / Path(self._cache_path).name)
        super().ensure_cache_path()


FOLDERS: list[Any] = [UserProvidedCacheLocator, InTreeCacheLocator, HomeFolder, TemporaryFolder]
