"""The foreign formats by name. A new one is one file or folder in `formats` and one line below."""

from __future__ import annotations

from pathlib import Path

from adfast.catalogue import import_class
from adfast.errors import ForeignDataError, InvalidArgument, UnknownName
from adfast.histories.interchange.foreign import ForeignFormat
from adfast.histories.manifest import FILE_NAME
from adfast.packages import require

PACKAGE = "adfast.histories.interchange.formats"
# Asked in this order whose data a path holds.
FORMATS = {
    "ad-eps": f"{PACKAGE}.ad_eps.format:AdEps",
    "ra-dt": f"{PACKAGE}.ra_dt:RaDt",
    "minari": f"{PACKAGE}.minari.format:Minari",
    "parquet": f"{PACKAGE}.parquet.format:Parquet",
    "xland": f"{PACKAGE}.xland.format:XLand",
}


def find_format(name: str) -> ForeignFormat:
    """The format `name`; raises `UnknownName`, and `MissingPackage` for what it needs."""
    found = load_format(name)
    require(*found.needs)
    return found


def load_format(name: str) -> ForeignFormat:
    """The format `name`, whether its packages are there or not; raises `UnknownName`."""
    if not isinstance(name, str) or name not in FORMATS:
        raise UnknownName("format", str(name), FORMATS)
    found = import_class(FORMATS[name])()
    assert isinstance(found, ForeignFormat), name
    return found


def recognise(path: Path) -> str | None:
    """The name of the format that the data at `path` look like; None where they look like none."""
    return next((name for name in FORMATS if load_format(name).recognises(path)), None)


def format_of_source(path: Path, name: str | None) -> str:
    """`name`, or the format that `path` looks like; raises `ForeignDataError` where it is none."""
    if not path.exists():
        raise ForeignDataError(f"{path}: is not there; give the file or folder of the data")
    found = name or recognise(path)
    if found is None:
        raise ForeignDataError(
            f"{path}: looks like the data of no known tool; name their format, one of "
            f"{', '.join(FORMATS)}"
        )
    return found


def format_of_target(path: Path, name: str | None) -> str:
    """`name`, or the format of files that are called so; raises `InvalidArgument`."""
    if name is not None:
        return name
    for known in FORMATS:
        if path.suffix in load_format(known).suffixes:
            return known
    raise InvalidArgument(
        f"the format of {path} must be named, one of {', '.join(FORMATS)}; a store is written "
        "where the source is none"
    )


def holds_store(path: Path) -> bool:
    """Whether `path` is the folder of a history store, whole or not."""
    return (path / FILE_NAME).exists()
