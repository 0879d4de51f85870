"""What `adfast histories info` says of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def describe_store(path: Path) -> dict[str, Any]:
    """Name -> value: sizes, fields and where the histories come from."""
    from adfast import histories

    store = histories.open(path, allow_incomplete=True)
    lengths = store.lengths
    fields = store.schema.fields
    description: dict[str, Any] = {
        "store": str(path),
        "complete": store.is_complete,
        "histories": store.num_histories,
        "transitions": store.num_transitions,
        "bytes": store.num_bytes,
        "bytes per transition": sum(field.item_bytes for field in fields.values()),
    }
    if len(lengths):
        description["history length"] = f"{int(lengths.min())} to {int(lengths.max())} transitions"
    for name, values in store.metadata.items():
        if hasattr(values, "tolist"):  # an array, one value for each history
            description[f"distinct {name}"] = len(set(values.tolist()))
    description["fields"] = ", ".join(
        f"{name} {field.dtype}{list(field.shape) if field.shape else ''}"
        for name, field in fields.items()
    )
    return description
