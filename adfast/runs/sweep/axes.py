"""Axis: a setting, or several that change together, and the values that a sweep gives it.

In TOML and in Python an axis is a table of arrays: `"model.attention_window" = [20, 200, "none"]`
is one setting and three levels; a table of several arrays changes its settings together.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adfast.config import NONE, parse_literal, with_paths
from adfast.errors import InvalidArgument, shown

EXAMPLE = "for example model.attention_window=20,200,none"
SEPARATOR = ":"  # of values that change together, where a person reads them


@dataclass(frozen=True)
class Axis:
    """`levels` `[L][S]`: at level l setting s has the value `levels[l][s]`, as TOML spells it."""

    settings: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]

    @property
    def num_telling(self) -> int:
        """How many of the settings, from the first on, tell all levels apart."""
        for count in range(1, len(self.settings)):
            leading = [level[:count] for level in self.levels]
            if all(leading.count(level) == 1 for level in leading):
                return count
        return len(self.settings)

    def at(self, level: int) -> dict[str, Any]:
        """Setting -> its value at `level`."""
        return dict(zip(self.settings, self.levels[level], strict=True))


def make_axis(table: Mapping[str, Any]) -> Axis:
    """The axis of a table of arrays, `{"model.width": [16, 32]}`; raises `InvalidArgument`."""
    if not isinstance(table, Mapping) or not table:
        raise InvalidArgument(
            "what varies must be a table of settings with their values, "
            f'"model.width" = [16, 32], got {shown(table)}'
        )
    columns = with_paths(table)
    for setting, values in columns.items():
        if setting == "seed":
            raise InvalidArgument("seed varies by --seeds N, which takes N seeds in a row")
        if not isinstance(values, list | tuple) or not values:
            raise InvalidArgument(
                f"{setting} varies over an array of values, [16, 32], got {shown(values)}"
            )
    lengths = {setting: len(values) for setting, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidArgument(
            "settings that vary together must have as many values each, got "
            f"{', '.join(f'{count} of {setting}' for setting, count in lengths.items())}"
        )
    levels = tuple(zip(*columns.values(), strict=True))
    for number, level in enumerate(levels):
        if level in levels[:number]:
            raise InvalidArgument(
                f"{', '.join(columns)} varies over {label_of(level)} twice; leave one out"
            )
    return Axis(tuple(columns), levels)


def make_axes(tables: Sequence[Mapping[str, Any]]) -> tuple[Axis, ...]:
    """The axes of a sweep, of which no two have a setting in common."""
    axes = tuple(make_axis(table) for table in tables)
    settings = [setting for axis in axes for setting in axis.settings]
    for setting in settings:
        if settings.count(setting) > 1:
            raise InvalidArgument(f"{setting} varies twice; give all its values at once")
    return axes


def parse_axis(text: str) -> dict[str, Any]:
    """The table that one `--vary` spells; raises `InvalidArgument`.

    `section.field=value,value,...`, or `section.field=[value,value,...]`, is one setting; an inline
    table of TOML, `{a.b=[1,2], a.c=[3,4]}`, is several that change together.
    """
    if text.lstrip().startswith("{"):
        try:
            table: dict[str, Any] = tomllib.loads(f"vary = {text}")["vary"]
        except ValueError as error:
            raise InvalidArgument(
                f"settings that vary together must read {{a.b=[1,2], a.c=[3,4]}}, got {text} "
                f"({error})"
            ) from None
        return table
    setting, separator, listed = text.partition("=")
    if not separator or not listed.strip() or not setting.strip():
        raise InvalidArgument(
            f'what varies must read section.field=value,value,..., got "{text}"; {EXAMPLE}'
        )
    return {setting.strip(): parse_values(listed)}


def parse_values(text: str) -> list[Any]:
    """The values of a comma-separated list of TOML literals; what is no literal is a string.

    A single array is the list itself.
    """
    try:
        values: list[Any] = tomllib.loads(f"values = [{text}]")["values"]
    except tomllib.TOMLDecodeError:
        return [parse_literal(value.strip()) for value in text.split(",")]
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def spell_axis(axis: Axis) -> dict[str, list[Any]]:
    """The table that `make_axis` reads as `axis`."""
    columns = zip(*axis.levels, strict=True)
    return dict(zip(axis.settings, map(list, columns), strict=True))


def short_names(settings: Sequence[str]) -> dict[str, str]:
    """Setting -> its field alone, or as much of it as tells it from the others."""
    names = {}
    for setting in settings:
        parts = setting.split(".")
        kept = 1
        while any(
            other != setting and other.split(".")[-kept:] == parts[-kept:] for other in settings
        ):
            kept += 1
        names[setting] = ".".join(parts[-kept:])
    return names


def label_of(value: Any) -> str:
    """A value, or the values of a level, as a person writes them."""
    if isinstance(value, tuple):
        return SEPARATOR.join(label_of(part) for part in value)
    if isinstance(value, list):
        return f"[{', '.join(label_of(part) for part in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return NONE if value is None else str(value)


def without_settings(values: Mapping[str, Any], settings: Collection[str]) -> dict[str, Any]:
    """Nested `values` without the dotted `settings`."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if key in settings:
            continue
        prefix = f"{key}."
        below = [name.removeprefix(prefix) for name in settings if name.startswith(prefix)]
        kept[key] = without_settings(value, below) if isinstance(value, Mapping) else value
    return kept
