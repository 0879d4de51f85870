"""convert: from a store to foreign data or back, by what stands there; describe: what data hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adfast.errors import InvalidArgument
from adfast.histories.interchange.catalogue import format_of_source, holds_store
from adfast.histories.interchange.exporting import export_histories
from adfast.histories.interchange.importing import (
    import_histories,
    opened,
    surveyed,
)
from adfast.histories.interchange.survey import schema_of
from adfast.histories.schema import describe_fields
from adfast.histories.store import open_store
from adfast.values import as_path


def convert(
    source: str | Path,
    target: str | Path,
    *,
    format: str | None = None,
    fresh: bool = False,
    show_progress: bool = False,
    **options: Any,
) -> Path:
    """`target`: the data of a store `source`, or a store of the foreign data `source`.

    `format` is the foreign one, by default what `source` looks like or `target` is called.
    `options` are those of `import_histories`. `fresh` replaces what an earlier call left at
    `target`. Raises as `import_histories` and `export_histories` do.
    """
    source, target = as_path("source", source), as_path("target", target)
    if source.resolve() == target.resolve():
        raise InvalidArgument(f"target must be another place than source, got {target}")
    if holds_store(source):
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise InvalidArgument(
                f"{', '.join(given)} is for the import of foreign data, but {source} is a store; "
                "leave it out"
            )
        store = open_store(source)
        return export_histories(
            store, target, format=format, fresh=fresh, show_progress=show_progress
        )
    options = {name: value for name, value in options.items() if value is not None}
    import_histories(
        source, target, format=format, fresh=fresh, show_progress=show_progress, **options
    )
    return target


def describe(
    path: str | Path, *, format: str | None = None, show_progress: bool = False
) -> dict[str, Any]:
    """Name -> value: what foreign data hold; all of them are read and checked.

    Raises `ForeignDataError` for what `import_histories` would refuse.
    """
    path = as_path("path", path)
    name = format_of_source(path, format)
    with opened(path, name) as reader:
        found = surveyed(reader, show_progress=show_progress)
        schema = schema_of(found, reader.known)
        low, high = found.reward.bounds
        return {
            "data": str(path),
            "format": name,
            "histories": len(found.lengths),
            "transitions": found.starts[-1],
            "episodes": found.num_episodes,
            "history length": f"{min(found.lengths)} to {max(found.lengths)} transitions",
            "longest episode": found.longest_episode,
            "rewards": f"{low:g} to {high:g}",
            "actions": schema.num_actions,
            "said of each history": ", ".join(reader.metadata(0)) or "nothing",
            "fields of a store": describe_fields(schema.fields),
        }
