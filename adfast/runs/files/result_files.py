"""Results: what a stage found, as a JSON file with one schema, its version and one writer.

A file says by `version` which rules it was written by; one from before files had versions has none
and is of version 1. A version that adds a field reads what earlier ones wrote; what was removed is
passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from adfast.errors import RunError, shown
from adfast.problems import describe_problems


class Section(BaseModel):
    """A part of a run's JSON: finite numbers only; keys that nobody reads any more may follow."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Results(Section):
    """The content of a JSON file; the default of `version` is that of what is written today."""

    version: int = 1

    @classmethod
    def current_version(cls) -> int:
        """Of what is written today."""
        return int(cls.model_fields["version"].default)

    def to_json(self) -> bytes:
        """The content of the file; ends with a bracket, so that a part is told from the whole."""
        content = self.model_dump(mode="json") | {"version": self.current_version()}
        return json_text(content)

    @classmethod
    def read(cls, path: Path, way_out: str) -> Self:
        """The results in `path`; raises `RunError` with the file, the problem and `way_out`."""
        value = {"version": 1} | read_json(path, way_out)
        version, current = value["version"], cls.current_version()
        if isinstance(version, int) and version > current:
            raise RunError(
                f"{path}: written by a later adfast (version {version} of the file, this adfast "
                f"reads up to {current}); use that adfast, or {way_out}"
            )
        return validated(cls, value, path, way_out)


def json_text(value: Any) -> bytes:
    """`value` as the content of a JSON file."""
    return (json.dumps(value, indent=1) + "\n").encode()


def read_json(path: Path, way_out: str) -> dict[str, Any]:
    """The JSON object in a file; raises `RunError` where there is none."""
    return parse_json(path.read_bytes(), path, way_out)


def parse_json(text: bytes, place: object, way_out: str) -> dict[str, Any]:
    """The JSON object that `text` is; raises `RunError` with the place where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place}: damaged: not valid JSON ({error}); {way_out}") from None
    if not isinstance(value, dict):
        raise RunError(f"{place}: damaged: must be a JSON object, got {shown(value)}; {way_out}")
    return value


Part = TypeVar("Part", bound=BaseModel)


def validated(section: type[Part], value: Any, place: object, way_out: str) -> Part:
    """`value` as a `section`; raises `RunError` with the place, the problems and `way_out`."""
    try:
        return section.model_validate(value)
    except ValidationError as error:
        raise RunError(f"{place}: damaged: {describe_problems(error)}; {way_out}") from None
