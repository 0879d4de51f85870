"""NpzFile: the arrays of an npz file, read row by row and never unpickled.

`numpy.load` reads an array whole and takes the memory that its header asks for; here a header is
believed only where it agrees with the size of its member, and rows are inflated a piece at a time.

Source: numpy.lib.format, "NPY format", versions 1.0 and 2.0.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from adfast.closing import Closing
from adfast.errors import ForeignDataError, byte_size, legible, shown
from adfast.histories.interchange.foreign import require_plausible, rows_at_a_time
from adfast.values import NUMBERS

SUFFIX = ".npy"
MAX_HEADER = 10_000  # characters
MAX_MEMBERS = 10_000


class NpyArray(NamedTuple):
    """One array of a file."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    header_bytes: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.dtype.itemsize * math.prod(self.shape[1:])


class NpzFile(Closing):
    """`arrays` by name, of which `rows` reads some side by side. Raises `ForeignDataError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip = zipfile.ZipFile(path)
        try:
            if len(self._zip.infolist()) > MAX_MEMBERS:
                raise ForeignDataError(f"{path}: holds more than {MAX_MEMBERS} arrays")
            self.arrays = {array.name: array for array in map(self._examine, self._zip.infolist())}
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def require(self, *names: str) -> None:
        """Raise `ForeignDataError` unless arrays of these names are there."""
        missing = [name for name in names if name not in self.arrays]
        if missing:
            raise ForeignDataError(
                f"{self.path}: must hold arrays {', '.join(names)}; missing: "
                f"{', '.join(missing)}; there: {legible(', '.join(self.arrays)) or 'none'}"
            )

    def numbers(self, name: str) -> NpyArray:
        """The array `name`, which holds numbers; raises `ForeignDataError` for another."""
        array = self.arrays[name]
        if array.dtype.hasobject:
            raise ForeignDataError(
                f'{self.path}: array "{name}" is pickled, and opening it could run any program; '
                "save it again as numbers, episodes of unequal lengths back to back"
            )
        if array.dtype.kind not in NUMBERS:
            raise ForeignDataError(
                f'{self.path}: array "{name}" must be numbers, got {array.dtype}'
            )
        return array

    def rows(self, names: Mapping[str, str]) -> Iterator[dict[str, np.ndarray]]:
        """The arrays that `names` (ours -> the file's) name, some rows at a time, side by side."""
        arrays = {name: self.numbers(theirs) for name, theirs in names.items()}
        lengths = {array.name: array.shape[0] for array in arrays.values() if array.shape}
        if len(lengths) < len(arrays) or len(set(lengths.values())) > 1:
            raise ForeignDataError(
                f"{self.path}: arrays must have as many rows as each other, got "
                f"{ {array.name: array.shape for array in arrays.values()} }"
            )
        step = rows_at_a_time(sum(array.row_bytes for array in arrays.values()))
        files = {name: self._begin(array) for name, array in arrays.items()}
        try:
            num_rows = next(iter(lengths.values()))
            for begin in range(0, num_rows, step):
                count = min(step, num_rows - begin)
                yield {name: take(files[name], array, count) for name, array in arrays.items()}
        finally:
            for file in files.values():
                file.close()

    def whole(self, name: str, most_bytes: int) -> np.ndarray:
        """A small array at once."""
        array = self.numbers(name)
        if array.dtype.itemsize * math.prod(array.shape) > most_bytes:
            raise ForeignDataError(
                f'{self.path}: array "{name}" must be of at most {byte_size(most_bytes)}, got '
                f"{array.dtype} of shape {array.shape}"
            )
        with self._begin(array) as file:
            return np.asarray(take(file, array._replace(shape=(1, *array.shape)), 1)[0])

    def _begin(self, array: NpyArray) -> IO[bytes]:
        """The member of an array, behind its header."""
        file = self._zip.open(array.name + SUFFIX)
        file.read(array.header_bytes)
        return file

    def _examine(self, member: zipfile.ZipInfo) -> NpyArray:
        """The array of a member, as its header says; raises `ForeignDataError`."""
        place = f"{self.path}: member {shown(member.filename)}"
        if not member.filename.endswith(SUFFIX):
            raise ForeignDataError(f"{place} is no array; give an npz file that NumPy wrote")
        require_plausible(place, member.compress_size, member.file_size)
        with self._zip.open(member) as file:
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                header = np.lib.format.read_array_header_1_0(file, MAX_HEADER)
            elif version == (2, 0):
                header = np.lib.format.read_array_header_2_0(file, MAX_HEADER)
            else:
                raise ForeignDataError(f"{place} must be of version 1.0 or 2.0, got {version}")
            header_bytes = file.tell()
        shape, in_columns, dtype = header
        name = member.filename.removesuffix(SUFFIX)
        if dtype.hasobject:  # refused where it is used
            return NpyArray(name, dtype, tuple(shape), header_bytes)
        size = dtype.itemsize * math.prod(shape)
        if min(shape, default=0) < 0 or header_bytes + size != member.file_size:
            raise ForeignDataError(
                f"{place} must be of {header_bytes + size} bytes for {dtype} of shape "
                f"{shown(shape)}, got {member.file_size}; the file is damaged"
            )
        if in_columns and len(shape) > 1:
            raise ForeignDataError(
                f"{place} lies column by column; save it again with numpy.ascontiguousarray"
            )
        return NpyArray(name, dtype, tuple(shape), header_bytes)


def take(file: IO[bytes], array: NpyArray, count: int) -> np.ndarray:
    """The next `count` rows of an array; raises `EOFError` where there are fewer."""
    content = file.read(count * array.row_bytes)
    if len(content) != count * array.row_bytes:
        raise EOFError(f'array "{array.name}" ends too soon')
    return np.frombuffer(content, array.dtype).reshape(count, *array.shape[1:])


def members_of(path: Path) -> list[str]:
    """The names of what is in a zip file; none where it is no such file."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return []
    try:
        with zipfile.ZipFile(path) as file:
            return file.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return []
