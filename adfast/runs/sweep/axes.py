"""Axis: a setting, or several that change together, and the values that a sweep gives it.

`model.attention_window=20,200,none` is one setting and three levels;
`training.context_length:training.batch_size=100:64,400:16` two settings that change together.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adfast.config import NONE, deep_merge, parse_literal
from adfast.errors import InvalidArgument

EXAMPLE = "for example model.attention_window=20,200,none"
SEPARATOR = ":"  # of settings that change together, and of their values


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


def parse_axis(text: str) -> Axis:
    """The axis that `section.field=value,value,...` spells; raises `InvalidArgument`."""
    names, separator, listed = text.partition("=")
    settings = tuple(name.strip() for name in names.split(SEPARATOR))
    if not separator or not listed.strip() or not all(settings):
        raise InvalidArgument(
            f'what varies must read section.field=value,value,..., got "{text}"; {EXAMPLE}'
        )
    if "seed" in settings:
        raise InvalidArgument("seed varies by --seeds N, which takes N seeds in a row")
    if len(settings) == 1:
        levels = tuple((value,) for value in parse_values(listed))
    else:
        levels = tuple(
            tuple(parse_literal(value.strip()) for value in level.split(SEPARATOR))
            for level in listed.split(",")
        )
    for level in levels:
        if len(level) != len(settings):
            raise InvalidArgument(
                f'every level of "{text}" must give {len(settings)} values, one for each of '
                f"{', '.join(settings)}, got {list(level)}"
            )
    for number, level in enumerate(levels):
        if level in levels[:number]:
            raise InvalidArgument(f'"{text}" gives {label_of(level)} twice; leave one out')
    return Axis(settings, levels)


def parse_axes(texts: Sequence[str]) -> tuple[Axis, ...]:
    """The axes of a sweep, of which no two have a setting in common."""
    axes = tuple(parse_axis(text) for text in texts)
    settings = [setting for axis in axes for setting in axis.settings]
    for setting in settings:
        if settings.count(setting) > 1:
            raise InvalidArgument(f"{setting} varies twice; give all its values at once")
    return axes


def parse_values(text: str) -> list[Any]:
    """The values of a comma-separated list of TOML literals; what is no literal is a string."""
    try:
        values: list[Any] = tomllib.loads(f"values = [{text}]")["values"]
    except tomllib.TOMLDecodeError:
        return [parse_literal(value.strip()) for value in text.split(",")]
    return values


def spell_axis(axis: Axis) -> str:
    """The text that `parse_axis` reads as `axis`."""
    levels = (SEPARATOR.join(json.dumps(value) for value in level) for level in axis.levels)
    return f"{SEPARATOR.join(axis.settings)}={','.join(levels)}"


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


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The tables that dotted settings are in."""
    tables: dict[str, Any] = {}
    for setting, value in settings.items():
        table = value
        for key in reversed(setting.split(".")):
            table = {key: table}
        tables = deep_merge(tables, table)
    return tables


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
