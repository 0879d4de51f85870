"""The task families by name. A new family is one file here and one line below."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from adfast.errors import UnknownName

if TYPE_CHECKING:
    from adfast.tasks.family import TaskFamily

# Name -> module and class, imported when asked for: a family brings Numba, 1.3 s to import.
FAMILIES = {
    "dark-room": ("adfast.tasks.dark_room", "DarkRoom"),
    "dark-house": ("adfast.tasks.dark_house", "DarkHouse"),
}


def names() -> list[str]:
    """The names that `make` knows, sorted."""
    return sorted(FAMILIES)


def make(name: str, /, **options: Any) -> TaskFamily:
    """The task family `name` with `options`.

    Raises `UnknownName` for an unknown family or option, `InvalidArgument` for a bad value.
    """
    if name not in FAMILIES:
        raise UnknownName("task family", name, FAMILIES)
    module, class_name = FAMILIES[name]
    family_class = getattr(import_module(module), class_name)
    valid = [field.name for field in fields(family_class)]
    for option in options:
        if option not in valid:
            raise UnknownName(f"option of {name}", option, valid)
    return cast("TaskFamily", family_class(**options))
