"""What adfast says of a store in foreign files, beside what their layout has room for.

Whoever reads the layout passes over it; adfast finds its schema and description there again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adfast.errors import ForeignDataError, InvalidArgument, shown
from adfast.histories.interchange.foreign import read_at_most
from adfast.tasks.transition_schema import TransitionSchema

ABOUT_NAME = "adfast.json"
FORMAT, VERSION = "adfast-exchange", 1
MAX_BYTES = 1 << 24


def words_of(schema: TransitionSchema, description: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON-ready words on a store."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "transition": schema.to_dict(),
        "description": dict(description),
    }


def parse_words(content: Any, place: object) -> tuple[TransitionSchema, dict[str, Any]]:
    """Schema and description in JSON text or value `content`; raises `ForeignDataError`."""
    try:
        words = json.loads(content) if isinstance(content, str | bytes) else content
        if not isinstance(words, dict) or words.get("format") != FORMAT:
            raise ForeignDataError(
                f'{place}: "format" must be "{FORMAT}"; these are no words of adfast'
            )
        version = words.get("version")
        if version != VERSION:
            raise ForeignDataError(
                f"{place}: must be of version {VERSION}, got {shown(version)}; upgrade adfast"
            )
        schema = TransitionSchema.from_dict(words["transition"])
        description = words.get("description")
        if not isinstance(description, dict):
            raise ForeignDataError(f'{place}: "description" must be an object')
    except (InvalidArgument, ValueError, KeyError, RecursionError) as error:
        raise ForeignDataError(f"{place}: damaged ({error}); export the store again") from None
    return schema, description


def write_about(path: Path, schema: TransitionSchema, description: Mapping[str, Any]) -> None:
    """Write the words on a store as the file `path`."""
    path.write_text(json.dumps(words_of(schema, description), indent=1))


def read_about(path: Path) -> tuple[TransitionSchema, dict[str, Any]] | None:
    """Schema and description in the file `path`; None where it is not there."""
    if not path.is_file():
        return None
    return parse_words(read_at_most(path, MAX_BYTES), path)
