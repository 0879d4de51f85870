"""The task families by name. A new family is one file here and one line below."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from adfast.errors import InvalidArgument, UnknownName, legible
from adfast.values import require_kind

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
    """The task family `name` with `options`; one of your own is "module:Class".

    Raises `UnknownName` for an unknown family or option, `InvalidArgument` for a bad value.
    """
    require_kind("task family", name, str, "a name")
    family_class = find_class(name)
    valid = [field.name for field in fields(family_class)]
    for option in options:
        if option not in valid:
            raise UnknownName(f"option of {name}", option, valid)
    return cast("TaskFamily", family_class(**options))


def find_class(name: str) -> Any:
    """The class of a family; raises `InvalidArgument` where there is none."""
    module, colon, class_name = name.partition(":")
    if not colon:
        if name not in FAMILIES:
            own = ', or one of your own as "module:Class", such as "line_walk:LineWalk"'
            raise UnknownName("task family", name, FAMILIES, otherwise=own)
        module, class_name = FAMILIES[name]
        return getattr(import_module(module), class_name)
    from adfast.tasks.family import TaskFamily

    try:
        family_class = getattr(import_module(module), class_name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InvalidArgument(
            f'task family "{legible(name)}" cannot be imported: {legible(str(error))}; its module '
            "must be installed, or its folder be in PYTHONPATH"
        ) from None
    is_family = isinstance(family_class, type) and issubclass(family_class, TaskFamily)
    if not is_family or not is_dataclass(family_class):
        raise InvalidArgument(
            f'task family "{legible(name)}" must be a dataclass derived from '
            "adfast.tasks.family.TaskFamily"
        )
    return family_class
