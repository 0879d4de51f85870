"""Catalogue: classes by name, those that adfast ships and those of anybody's own package.

A class of one's own goes by "package.module:Class", or by a name that its package registers as an
entry point of the catalogue's group. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from adfast.errors import InvalidArgument, UnknownName, legible, shown
from adfast.packages import explain
from adfast.values import require_kind

if TYPE_CHECKING:
    from adfast.config import Config

T = TypeVar("T", bound="Config")


class Catalogue(Generic[T]):
    """The classes of one kind by name; every one is a `Config`, whose fields are its options.

    `kind` is what messages call them, `group` the group of entry points, `base` the class that all
    derive from, and `shipped` maps names to classes, each spelt "package.module:Class". A shipped
    name means the shipped class whatever is installed; a name that two packages register for
    different classes is refused where it is asked for.
    """

    def __init__(self, kind: str, group: str, base: str, shipped: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = group
        self.base = base
        self.shipped = dict(shipped)

    def names(self) -> list[str]:
        """All names but full ones, sorted; imports none of the classes."""
        return sorted({*self.shipped, *self._registered()})

    def find(self, name: str) -> type[T]:
        """The class called `name`.

        Raises `UnknownName`, `MissingPackage` for one of adfast's where what it needs is not
        installed, or `InvalidArgument` for a class that cannot be imported, is not derived from the
        catalogue's base or leaves members of it undefined.
        """
        require_kind(self.kind, name, str, "a name")
        if name in self.shipped:
            try:
                return cast("type[T]", import_class(self.shipped[name]))
            except ImportError as error:
                raise explain(error) from error
        if ":" in name:
            way_out = "its module must be installed, or its folder be in PYTHONPATH"
            return self._load(name, name, way_out)
        entries = self._registered().get(name)
        if entries is None:
            own = ', or one of your own as "package.module:Class"'
            raise UnknownName(self.kind, name, self.names(), otherwise=own)
        if len({entry.value for entry in entries}) > 1:
            claims = " and as ".join(f'"{entry.value}" by {package_of(entry)}' for entry in entries)
            raise InvalidArgument(
                f'{self.kind} "{legible(name)}" is registered as {claims}; use one of these full '
                "names, or uninstall a package"
            )
        package = package_of(entries[0])
        way_out = f"the installed package {package} registers it ({self.group}): mend that"
        return self._load(name, entries[0].value, way_out)

    def make(self, name: str, /, **options: Any) -> T:
        """The member `name` with `options`; raises as `find` does, and for a bad option."""
        return self.find(name).from_mapping(options, source=name)

    def require_imported(self, name: str) -> None:
        """Raise `InvalidArgument` for a full name whose module nobody has imported yet.

        For names that stand in data: reading them runs no code that the reader has not chosen.
        """
        require_kind(self.kind, name, str, "a name")
        module, colon, _ = name.partition(":")
        if name not in self.shipped and colon and module not in sys.modules:
            raise InvalidArgument(
                f'{self.kind} "{legible(name)}" is code that data name, and is not imported for '
                f"them; if you trust it, import {legible(module)} first, or install a package that "
                f"registers it ({self.group})"
            )

    def _registered(self) -> dict[str, list[EntryPoint]]:
        """Name -> the entry points of installed packages."""
        by_name: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=self.group):
            by_name.setdefault(entry.name, []).append(entry)
        return by_name

    def _load(self, name: str, spelling: str, way_out: str) -> type[T]:
        """The class that `spelling` names, checked; `name` and `way_out` are for messages."""
        what = f'{self.kind} "{legible(name)}"'
        try:
            found = import_class(spelling)
        except Exception as error:  # a module may raise anything
            is_told = isinstance(error, ImportError | AttributeError | InvalidArgument)
            cause = str(error) if is_told else f"{type(error).__name__}: {error}"
            raise InvalidArgument(
                f"{what} cannot be imported: {legible(cause)}; {way_out}"
            ) from error
        if not isinstance(found, type) or not issubclass(found, import_class(self.base)):
            base = self.base.replace(":", ".")
            raise InvalidArgument(f"{what} must be a class derived from {base}, got {shown(found)}")
        if isabstract(found):
            undefined = ", ".join(sorted(cast("Any", found).__abstractmethods__))
            raise InvalidArgument(f"{what} must define {undefined}")
        return cast("type[T]", found)


def import_class(spelling: str) -> Any:
    """What "package.module:Class" names; raises whatever the import of its module raises."""
    module, _, attribute = spelling.partition(":")
    if not module or not attribute:
        raise InvalidArgument('a full name is spelt "package.module:Class"')
    return reduce(getattr, attribute.split("."), import_module(module))


def package_of(entry: EntryPoint) -> str:
    """The name of the installed package that an entry point is of."""
    return entry.dist.name if entry.dist else "a package without a name"
