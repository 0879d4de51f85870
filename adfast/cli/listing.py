"""`adfast list` and `adfast show`: what there is by name, and every setting of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from adfast.cli.arguments import JsonOption, MethodOption, SetOption
from adfast.cli.completion import complete_kind, complete_listed
from adfast.printable import printable


def list_names(
    kind: Annotated[str, typer.Argument(metavar="KIND", autocompletion=complete_kind)],
    as_json: JsonOption = False,
) -> None:
    """Say what there is of a KIND: recipes, methods, families, algorithms, agents or probes."""
    from adfast.runs.listed import listed

    found = listed(kind)
    if as_json:
        print(json.dumps([asdict(member) for member in found]))
        return
    print_mapping({member.name: member.problem or member.about for member in found}, as_json=False)


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A recipe, a TOML file, a run directory, or what adfast list names.",
            autocompletion=complete_listed,
        ),
    ],
    settings: SetOption = None,
    method: MethodOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every setting with its meaning, range and default, as a recipe to begin from."""
    from adfast.runs.recipe.recipe_settings import settings_of
    from adfast.settings.commented_toml import commented_toml

    found = settings_of(name, settings or [], method)
    as_text = json.dumps([setting.to_dict() for setting in found]) if as_json else None
    print(as_text or commented_toml(found))


def print_mapping(values: dict[str, Any], *, as_json: bool) -> None:
    """Print names and values, one a line, or as JSON."""
    if as_json:
        print(json.dumps(values))
        return
    width = max(len(printable(name)) for name in values)
    for name, value in values.items():
        print(f"{printable(name):<{width}}  {printable(value)}")
