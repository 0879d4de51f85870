"""The text files of a run or a sweep: written so that a part is told from the whole, and read so.

Settings end with a line that says so, because TOML may be cut at any of its lines and stay TOML.
JSON ends with a bracket by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adfast.config import read_toml, section_at, write_toml
from adfast.durable import replace_file
from adfast.errors import InvalidArgument, RunError, shown
from adfast.runs.recipe import Recipe, load_recipe

SETTINGS = "run.toml"
LAST_LINE = "# The last line: what ends before it was cut."
EVALUATION_KEYS = ("summary", "references", "held_out", "per_task", "episodes", "seeds", "seconds")


def settings_text(config: Recipe) -> bytes:
    """The content of `run.toml`."""
    return f"{write_toml(config)}\n{LAST_LINE}\n".encode()


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
    for name in Recipe.model_fields:
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


def read_evaluation(path: Path, way_out: str) -> dict[str, Any]:
    """What the stage evaluate wrote to `path`; raises `RunError` where that is not whole."""
    evaluation = read_json(path, way_out)
    for key in EVALUATION_KEYS:
        if key not in evaluation:
            raise RunError(f"{path}: damaged ({key} is missing); {way_out}")
    return evaluation


def read_stage_records(path: Path) -> dict[str, dict[str, Any]]:
    """What a `provenance.json` says of finished stages, by stage; nothing where there is none."""
    if not path.exists():
        return {}
    way_out = "delete it, and finished stages are noted again when they are gone through"
    stages = read_json(path, way_out).get("stages")
    if not isinstance(stages, dict) or not all(map(is_stage_record, stages.values())):
        raise RunError(f"{path}: damaged (stages: {shown(stages)}); {way_out}")
    return stages


def is_stage_record(record: Any) -> bool:
    """Whether `record` is what is noted of a finished stage."""
    return isinstance(record, dict) and isinstance(record.get("seconds"), int | float)


def read_json(path: Path, way_out: str) -> dict[str, Any]:
    """The JSON object in a file; raises `RunError` where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged ({error}); {way_out}") from None
    if not isinstance(value, dict):
        raise RunError(f"{path}: damaged (no JSON object); {way_out}")
    return value


def json_text(value: Any) -> bytes:
    """`value` as the content of a JSON file."""
    return (json.dumps(value, indent=1) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, replacing what was there at once."""
    replace_file(path, [json_text(value)])
