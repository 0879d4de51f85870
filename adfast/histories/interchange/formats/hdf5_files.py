"""HDF5 files that nobody vouches for: what is read lies in the file itself and is what it says.

HDF5 may point out of a file (external and soft links, external storage, virtual data sets), name
filters that are programs, and ask for any amount of memory. None of it is followed.

Source: HDF5 User Guide, chapters 4 and 5; docs.h5py.org, "Groups", "Datasets".
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adfast.errors import ForeignDataError, byte_size, shown
from adfast.histories.interchange.foreign import require_plausible
from adfast.values import NUMBERS

if TYPE_CHECKING:
    import h5py

MAGIC = b"\x89HDF\r\n\x1a\n"
FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}  # that h5py brings
MAX_CHUNK_BYTES = 1 << 28
MAX_TEXT = 1 << 20


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 files do."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def open_file(path: Path) -> h5py.File:
    """The file, for reading alone; raises `OSError` for one that is cut."""
    import h5py

    return h5py.File(path, "r")


def group_in(parent: h5py.Group, name: str) -> h5py.Group:
    """The group `name` of `parent`; raises `ForeignDataError` for anything else."""
    import h5py

    return member(parent, name, h5py.Group, "a group")


def numbers_in(parent: h5py.Group, name: str, num_axes: int | None = None) -> h5py.Dataset:
    """The data set `name` of `parent`, of numbers; raises `ForeignDataError` for anything else."""
    import h5py

    found = member(parent, name, h5py.Dataset, "a data set")
    place = f"{parent.file.filename}: {found.name}"
    if found.dtype.kind not in NUMBERS:
        raise ForeignDataError(f"{place} must be numbers, got {found.dtype}")
    if found.external is not None or found.is_virtual:
        raise ForeignDataError(f"{place} lies in other files; data must be in one file")
    if num_axes is not None and found.ndim != num_axes:
        raise ForeignDataError(f"{place} must have {num_axes} axes, got shape {found.shape}")
    require_readable(found, place)
    return found


def require_readable(found: h5py.Dataset, place: str) -> None:
    """Raise `ForeignDataError` for filters of unknown programs and for absurd sizes."""
    creation = found.id.get_create_plist()
    filters = [creation.get_filter(number)[0] for number in range(creation.get_nfilters())]
    unknown = [number for number in filters if number not in FILTERS]
    if unknown:
        raise ForeignDataError(
            f"{place} is packed by filters {unknown}; save it again with one of "
            f"{', '.join(FILTERS.values())}"
        )
    if found.chunks is not None:
        chunk_bytes = math.prod(found.chunks) * found.dtype.itemsize
        if chunk_bytes > MAX_CHUNK_BYTES:
            raise ForeignDataError(
                f"{place} has chunks of {byte_size(chunk_bytes)}; save it again with chunks of at "
                f"most {byte_size(MAX_CHUNK_BYTES)}"
            )
    num_bytes = math.prod(found.shape) * found.dtype.itemsize
    require_plausible(place, found.id.get_storage_size(), num_bytes)


def member(parent: h5py.Group, name: str, kind: Any, what: str) -> Any:
    """`parent[name]`, of `kind`, by a link that stays in its place; raises `ForeignDataError`."""
    import h5py

    place = f"{parent.file.filename}: {parent.name.rstrip('/')}/{name}"
    link = parent.get(name, getlink=True)
    if link is None:
        raise ForeignDataError(f"{place} is missing; there: {', '.join(list(parent)[:10]) or '-'}")
    if not isinstance(link, h5py.HardLink):
        raise ForeignDataError(
            f"{place} is a link to {shown(getattr(link, 'filename', link.path))}, which is not "
            "followed; data must be in one file"
        )
    found = parent[name]
    if not isinstance(found, kind):
        raise ForeignDataError(f"{place} must be {what}, got {type(found).__name__}")
    return found


def plain_attributes(found: h5py.Group, names: tuple[str, ...]) -> dict[str, Any]:
    """Those attributes of `names` that are there and are numbers or short text."""
    said: dict[str, Any] = {}
    for name in names:
        if name not in found.attrs:
            continue
        value = found.attrs[name]
        value = value.item() if hasattr(value, "item") and value.ndim == 0 else value
        if isinstance(value, bool | int | float) or (
            isinstance(value, str) and len(value) < MAX_TEXT
        ):
            said[name] = value
    return said
