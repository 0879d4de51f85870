"""Configuration: the frozen base class, TOML files and `section.field=value` overrides.

Each component's settings are a `Config` subclass in its own folder; the class that composes them
for a run is `adfast.runs.recipe.recipe.Recipe`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from adfast.errors import InvalidArgument, UnknownName, nearest_name, shown
from adfast.problems import describe_problems
from adfast.values import require_kind

NONE = "none"  # how a TOML file spells None
MOST = 2**31 - 1  # of anything that settings count

Count = Annotated[int, Field(ge=1, le=MOST)]
CountOrNone = Annotated[int, Field(ge=0, le=MOST)]
Threads = Annotated[int, Field(ge=1, le=4096)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class WithoutOption:
    """The value of an attribute of instances whose class has no option of its name.

    A plain class variable would do, but for pydantic, which takes the option for a mistake then.
    """

    def __init__(self, value: Any) -> None:
        self._value = value

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            raise AttributeError
        return self._value


class RefusesInWords(ModelMetaclass):
    """Calling a class of settings raises `InvalidArgument` or `UnknownName`, as recipes do."""

    if not TYPE_CHECKING:

        def __call__(cls, *unnamed: Any, **values: Any) -> Any:
            """The settings `values`, all others by default."""
            if unnamed:
                raise InvalidArgument(
                    f"{cls.__name__} takes settings by name, got {shown(unnamed)}"
                )
            return cls.from_mapping(values, source=cls.__name__)


class Config(BaseModel, metaclass=RefusesInWords):
    """A frozen group of settings; unknown keys are errors that name the nearest valid one.

    Numbers are finite. TOML has no null: the string "none" is read as None wherever a field allows
    it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_none(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {
            key: without_none_names(value) if allows_none(cls, key) else value
            for key, value in values.items()
        }

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, source: str = "configuration") -> Self:
        """The settings in `values`; raises `UnknownName` or `InvalidArgument` with the field."""
        refuse_unknown_keys(cls, values, source=source)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InvalidArgument(f"{source}: {describe_problems(error)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise InvalidArgument(
            f"{type(self).__name__} is frozen, so {name} cannot be set; make other settings with "
            f".model_copy(update={{{name!r}: ...}})"
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same settings but for those in `update`, which are checked as any others."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).from_mapping(values | dict(update or {}), source=type(self).__name__)


def refuse_unknown_keys(
    config: type[BaseModel],
    values: Mapping[str, Any],
    path: str = "",
    whole: type[BaseModel] | None = None,
    *,
    source: str = "",
) -> None:
    """Raise `UnknownName` for the first key of `values` that `config` has not; it names `source`.

    `config` is the section at `path` of the configuration `whole`, in which a setting that was put
    into the wrong section is looked for.
    """
    whole = whole or config
    for key, value in values.items():
        if not isinstance(key, str):
            raise InvalidArgument(f"names of settings must be text, got {shown(key)} in {source}")
        if key not in config.model_fields:
            valid = [f"{path}{name}" for name in config.model_fields]
            nearest = next(settings_named(whole, key), "")
            if not nearest and (sibling := nearest_name(key, config.model_fields)):
                nearest = f"{path}{sibling}"
            raise UnknownName("setting", f"{path}{key}", valid, nearest=nearest, source=source)
        section = section_at(config, key)
        if section is not None and isinstance(value, Mapping):
            refuse_unknown_keys(section, value, f"{path}{key}.", whole, source=source)


def section_at(config: type[BaseModel], field: str) -> type[BaseModel] | None:
    """The configuration class of `field`, or None where the field is a plain value."""
    annotation = config.model_fields[field].annotation
    # A section that may be left out is one of two; a list of tables is a value.
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
    for kind in (annotation, *choices):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def settings_named(config: type[BaseModel], key: str, path: str = "") -> Iterator[str]:
    """The paths of all settings of `config` and its sections whose last part is `key`."""
    for name in config.model_fields:
        if name == key:
            yield f"{path}{name}"
        section = section_at(config, name)
        if section is not None:
            yield from settings_named(section, key, f"{path}{name}.")


def allows_none(config: type[BaseModel], field: str) -> bool:
    """Whether None is a value of `field`."""
    return field in config.model_fields and type(None) in get_args(
        config.model_fields[field].annotation
    )


def without_none_names(value: Any) -> Any:
    """`value` with the string "none", also as an item of a list, replaced by None."""
    if isinstance(value, list):
        return [without_none_names(item) for item in value]
    return None if value == NONE else value


def with_none_names(value: Any) -> Any:
    """`value` with every None inside it spelt as TOML can."""
    if isinstance(value, Mapping):
        return {key: with_none_names(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_none_names(item) for item in value]
    return NONE if value is None else value


def write_toml(config: BaseModel) -> str:
    """The settings as TOML, which `read_toml` and `from_mapping` turn into an equal `config`."""
    import tomli_w

    return tomli_w.dumps(with_none_names(config.model_dump(mode="json")))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; raises `InvalidArgument` with the line of a syntax error."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, endless digits or brackets
        raise InvalidArgument(f"{path}: not valid TOML: {error}") from None


def apply_overrides(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """`values` with each `section.field=value` of `overrides` set; values are TOML literals.

    A value that is no TOML literal is taken as a string: `family.name=dark-room` needs no quotes.
    """
    merged = deep_merge({}, values)
    require_kind(
        "settings",
        overrides,
        list | tuple,
        'a mapping of their names to values, or a list of "section.field=value"',
    )
    for override in overrides:
        require_kind("override", override, str, '"section.field=value"')
        path, separator, literal = override.partition("=")
        keys = path.strip().split(".")
        if not separator or not all(keys):
            raise InvalidArgument(
                f'override must read section.field=value, got "{override}"; '
                "for example training.batch_size=64"
            )
        nested: Any = parse_literal(literal.strip())
        for key in reversed(keys):
            nested = {key: nested}
        merged = deep_merge(merged, nested)
    return merged


def parse_literal(text: str) -> Any:
    """The TOML value that `text` spells, or `text` itself; `.5` is a number here as elsewhere."""
    if re.fullmatch(r"[+-]?(\.\d+|\d+\.)", text):
        return float(text)
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def deep_merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A new mapping: `base` with the leaves of `change` laid over it."""
    merged = dict(base)
    for key, value in change.items():
        below = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = deep_merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def list_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The settings in which two dumped configurations differ, `section.field: old, asked new`."""
    old, new = with_paths(before), with_paths(after)
    return [
        f"{key}: {shown(old.get(key))}, asked {shown(new.get(key))}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The tables that dotted settings are in."""
    tables: dict[str, Any] = {}
    for setting, value in settings.items():
        require_kind("name of a setting", setting, str, '"section.field"')
        table = nested(value) if isinstance(value, Mapping) else value
        for key in reversed(setting.split(".")):
            table = {key: table}
        tables = deep_merge(tables, table)
    return tables


def with_paths(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested settings as `section.field` -> value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= with_paths(value, f"{path}{key}.")
        else:
            flat[path + key] = value
    return flat
