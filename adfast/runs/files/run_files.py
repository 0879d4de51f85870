"""`run.toml`: the settings of a run, written so that a part is told from the whole, and read so.

They end with a line that says so, because TOML may be cut at any of its lines and stay TOML.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adfast.config import read_toml, section_at, write_toml
from adfast.errors import InvalidArgument, RunError
from adfast.runs.recipe.methods import AD
from adfast.runs.recipe.recipe import Recipe, meaningless
from adfast.runs.recipe.recipe_changes import load_recipe, table_at

SETTINGS = "run.toml"
LAST_LINE = "# The last line: what ends before it was cut."


def settings_text(config: Recipe) -> bytes:
    """The content of `run.toml`."""
    return f"{write_toml(config)}\n{LAST_LINE}\n".encode()


def require_run(path: Path) -> None:
    """Raise `RunError` unless the folder `path` is that of a run."""
    if not (path / SETTINGS).is_file():
        raise RunError(f"{path} holds no run (no {SETTINGS}); start one with: adfast run RECIPE")


def read_settings(path: Path) -> Recipe:
    """The settings in a `run.toml`; raises `InvalidArgument` where it is not whole."""
    require_whole(path)
    try:
        return load_recipe(path)
    except InvalidArgument as error:
        raise damaged_settings(path, str(error)) from None


def require_whole(path: Path) -> None:
    """Raise `InvalidArgument` for settings that were cut: no last line, and not every setting."""
    try:
        values = read_toml(path)
    except InvalidArgument as error:
        raise damaged_settings(path, str(error)) from None
    if path.read_text(encoding="utf-8").rstrip().endswith(LAST_LINE):
        return
    absent = next(absent_settings(values), None)
    if absent is not None:
        raise damaged_settings(path, f"{path}: cut: {absent} is missing")


def absent_settings(values: Mapping[str, Any]) -> Any:
    """The paths of the settings of a run that `values` does not give."""
    body = str(table_at(values, "rl2").get("body"))
    method = str(values.get("method", AD))
    without = meaningless(recorded="environment" in values, method=method, body=body)
    for name in (field for field in Recipe.model_fields if field not in without):
        section = section_at(Recipe, name)
        if name not in values:
            yield name
        elif section is not None and isinstance(values[name], Mapping):
            yield from (f"{name}.{key}" for key in section.model_fields if key not in values[name])


def damaged_settings(path: Path, problem: str) -> InvalidArgument:
    """The error for settings that cannot be those of a run, with the way out."""
    return InvalidArgument(
        f"{problem}; this file is damaged: restore it from a copy, or start over with --fresh from "
        f"the recipe that {path.parent} was made of"
    )
