"""`compiled`: Numba's compiler, with its results kept for later processes wherever that can be.

Each result is a file of its own, replaced as a whole and preceded by a digest of itself, of Numba's
version and of the source that it was compiled from. A file that is missing, cut, damaged, stale or
may not be read is no entry: the code is compiled again, and what is no entry is never unpickled. A
result that cannot be written stays in this process. Numba's own files, an index and its data, fail
in each of these cases.
"""

from __future__ import annotations

import glob
import hashlib
import itertools
import os
import secrets
import time
import uuid
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.core import config, extending
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps, loads

from adfast.machine.code_folder import FOLDERS
from adfast.machine.garbage_pause import pause_while_compiling

FORMAT = 2
SUFFIX = ".compiled"
MAX_ENTRIES = 256  # of one function: one for each family and its options
LONGEST_WRITE_SECONDS = 3600  # a temporary file that is older was left by a killed process


def number_from_anywhere() -> None:
    """Let Numba number the functions that it compiles from a number that no other process has.

    The number tells apart the inner functions of two closures, by name, in machine code. Counted
    from 1 in every process, the name of one that was compiled here may be that of another one that
    was compiled elsewhere; a process that loads both would call the wrong one.
    """
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(60))


number_from_anywhere()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=number_from_anywhere)


def spare_entries_from_c() -> None:
    """Let functions that loops are composed of be callable from compiled code alone.

    Numba makes an entry from C for each function that `@register_jitable` marks. Nobody calls them,
    and they are a third of the time to compile a loop.
    """
    getattr(extending, "_overload_default_jit_options", {})["no_cfunc_wrapper"] = True


spare_entries_from_c()
pause_while_compiling()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, compiled when first called, or taken from where an earlier process kept it."""
    # Nobody calls it from C, an entry for which is a tenth of the time to compile.
    options: Any = {"nogil": True, "no_cfunc_wrapper": True}
    dispatcher: Any = numba.njit(**options)(function)
    if isinstance(dispatcher, Dispatcher):  # unless NUMBA_DISABLE_JIT is set
        keep_results(dispatcher, function)
    result: Callable[..., Any] = dispatcher
    return result


def keep_results(dispatcher: Any, function: Callable[..., Any]) -> None:
    """Give `dispatcher` a place for what it compiles."""
    try:
        dispatcher._cache = KeptCode(function)
    except RuntimeError:  # no folder can be written
        dispatcher._cache = UnkeptCode()


def folder_of(function: Any) -> str | None:
    """The folder in which code of the compiled `function` is kept, or None."""
    path = getattr(function, "_cache", NullCache()).cache_path
    return None if path is None else str(path)


def asked_folder() -> str:
    """The folder that `NUMBA_CACHE_DIR` names, or nothing."""
    return str(getattr(config, "CACHE_DIR", ""))


class UnkeptCode(NullCache):
    """Where nothing can be written."""

    def save_overload(self, signature: Any, result: Any) -> None:
        """Say that it is not kept."""
        warn_unkept("no folder can be written")


class Folder(CompileResultCacheImpl):
    """Numba's ways of taking compiled code to pieces, and where the pieces go."""

    _locator_classes = FOLDERS


class KeptCode(FunctionCache):
    """The compiled forms of one function, on disk; `RuntimeError` where there is no folder."""

    _impl_class = Folder
    _cache_file: Any

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = Entries(Path(self.cache_path), self._impl.filename_base, stamp)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The code kept for `signature`, or None."""
        try:
            return super().load_overload(signature, target_context)
        except (AttributeError, ImportError):  # a name in it has moved since
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep `result` if that can be."""
        try:
            super().save_overload(signature, result)
        except OSError as error:
            warn_unkept(f"{self.cache_path}: {error.strerror}")


class Entries:
    """The files of one function in a folder, by the key of what was compiled."""

    def __init__(self, folder: Path, name: str, source_stamp: Any) -> None:
        self.folder = folder
        self.name = name
        self._made_by = repr((FORMAT, numba.__version__, source_stamp)).encode()

    def load(self, key: Any) -> Any:
        """What was saved under `key`, or None unless it is whole."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)  # so that it is not among the oldest
        digest_size = hashlib.sha256().digest_size
        digest, body = content[:digest_size], content[digest_size:]
        return loads(body) if digest == self._digest(body) else None

    def save(self, key: Any, value: Any) -> None:
        """Keep `value` under `key`; raises `OSError`."""
        body = dumps(value)
        path = self._path(key)
        temporary = self.folder / f".{uuid.uuid4().hex}.tmp"
        try:
            temporary.write_bytes(self._digest(body) + body)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        with suppress(OSError):  # another process tidies too
            self._tidy()

    def _tidy(self) -> None:
        """Remove what edits and killed processes left behind: the entries not used for longest."""
        by_use = sorted(self._all(), key=lambda path: path.stat().st_mtime)
        for path in by_use[:-MAX_ENTRIES]:
            path.unlink()
        for path in self.folder.glob(".*.tmp"):
            if path.stat().st_mtime < time.time() - LONGEST_WRITE_SECONDS:
                path.unlink()

    def _all(self) -> list[Path]:
        return list(self.folder.glob(f"{glob.escape(self.name)}-*{SUFFIX}"))

    def flush(self) -> None:
        """Forget all entries."""
        for path in self._all():
            path.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        digest = hashlib.sha256(repr(key).encode()).hexdigest()
        return self.folder / f"{self.name}-{digest[:24]}{SUFFIX}"

    def _digest(self, body: bytes) -> bytes:
        return hashlib.sha256(self._made_by + body).digest()


def warn_unkept(reason: str) -> None:
    """Warn, once for each reason, that every process will compile again."""
    warnings.warn(
        f"compiled code is not kept ({reason}), so each process compiles it again; set "
        "NUMBA_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=1,
    )
