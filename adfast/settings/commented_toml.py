"""Settings as a recipe to begin from: TOML with what each means above it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adfast.printable import printable
from adfast.settings.described import Setting

WIDTH = 100  # of a line of a comment


def commented_toml(settings: Iterable[Setting]) -> str:
    """`settings` as TOML, with what each means above it and behind those changed the default."""
    tables: dict[str, list[Setting]] = {}
    for setting in settings:
        tables.setdefault(setting.table, []).append(setting)
    sections = list(dict.fromkeys(table.partition(".")[0] for table in tables))
    # A table ends where the next begins, so options of a section stand behind all its settings.
    order = sorted(tables, key=lambda table: (sections.index(table.partition(".")[0]), len(table)))
    return "\n\n".join("\n".join(lines_of_table(table, tables[table])) for table in order)


def lines_of_table(table: str, settings: Iterable[Setting]) -> Iterator[str]:
    """The table's header, if it has a name, and its settings."""
    if table:
        yield f"[{table}]"
    for setting in settings:
        accepts = f"({setting.accepts})" if setting.accepts else ""
        said = printable(" ".join(filter(None, [setting.meaning, accepts])))
        yield from textwrap.wrap(said, WIDTH, initial_indent="# ", subsequent_indent="# ")
        if setting.value is None:
            yield f"# {setting.name} = must be given"
        else:
            default = f"  # default: {literal(setting.default)}" if setting.is_changed else ""
            yield f"{setting.name} = {literal(setting.value)}{default}"


def literal(value: Any) -> str:
    """`value` as TOML, on one line."""
    if isinstance(value, Mapping):
        entries = (f"{quoted(key)} = {literal(part)}" for key, part in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    """`text` as a TOML string; characters that are not seen are spelt by their number."""
    return "".join(
        character if character.isprintable() else f"\\U{ord(character):08x}"
        for character in json.dumps(text, ensure_ascii=False)
    )
