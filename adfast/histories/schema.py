"""What ring and store need to know of a schema: its fields.

`adfast.tasks.TransitionSchema` is the usual one; `FieldSchema` describes rows of any other kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from adfast.errors import InvalidArgument, legible, shown
from adfast.tasks.fields import NUMBER_DTYPES, Field, counts, entry, integers
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import require_kind

EPISODE_STEP = "episode_step"  # the field that is 0 on the first row of every episode

# Arrays that batches and shards hold beside the fields.
DOCUMENT_START = "document_start"
HISTORY_INDEX = "history_index"
HISTORY_OFFSET = "history_offset"
OFFSETS = "offsets"
EPISODE_STARTS = "episode_starts"
MAX_NAME = 100  # characters
MAX_AXES = 16
MAX_ITEM_BYTES = 2**31
COUNTED_DTYPES = ("uint8", "uint16", "uint32")  # of fields that may have sizes

RESERVED_NAMES = (DOCUMENT_START, HISTORY_INDEX, HISTORY_OFFSET, OFFSETS, EPISODE_STARTS)


class Schema(Protocol):
    """Anything with fields."""

    @property
    def fields(self) -> Mapping[str, Field]:
        """Name -> field, in the order in which histories are written."""


@dataclass(frozen=True)
class FieldSchema:
    """A schema that is nothing but its fields."""

    fields: Mapping[str, Field]


def check_schema(schema: Schema) -> dict[str, Field]:
    """The schema's fields; raises `InvalidArgument` for what cannot be kept as plain bytes."""
    fields = getattr(schema, "fields", None)
    require_kind("schema", fields, Mapping, "a TransitionSchema, or a FieldSchema of named fields")
    fields = dict(schema.fields)
    if not fields:
        raise InvalidArgument("schema must have at least one field, got none")
    for name, field in fields.items():
        is_name = isinstance(name, str) and name.isidentifier() and len(name) <= MAX_NAME
        if not is_name or name in RESERVED_NAMES:
            raise InvalidArgument(
                f"field names must be identifiers of at most {MAX_NAME} characters other than "
                f"{', '.join(RESERVED_NAMES)}, "
                f"got {shown(name)}"
            )
        if not isinstance(field, Field) or not isinstance(field.dtype, np.dtype):
            raise InvalidArgument(
                f'field "{name}" must be a Field with a numpy.dtype, got {shown(field)}'
            )
        if field.dtype.name not in NUMBER_DTYPES or not field.dtype.isnative:
            raise InvalidArgument(
                f'field "{name}" must be boolean, integer or float of at most 64 bits in native '
                f"byte order, got dtype {field.dtype}"
            )
        counts(f'shape of field "{name}"', field.shape)
        if field.sizes is not None:
            check_sizes(name, field)
        if len(field.shape) > MAX_AXES or field.item_bytes > MAX_ITEM_BYTES:
            raise InvalidArgument(
                f'an item of field "{name}" must have at most {MAX_AXES} axes and '
                f"{MAX_ITEM_BYTES} bytes, got shape {shown(field.shape)} of {field.dtype}"
            )
    return fields


def check_sizes(name: str, field: Field) -> None:
    """Raise `InvalidArgument` unless the sizes of a field are those of counted numbers."""
    sizes = counts(f'sizes of field "{name}"', field.sizes)
    if field.dtype.name not in COUNTED_DTYPES or len(sizes) != math.prod(field.shape):
        raise InvalidArgument(
            f'sizes of field "{name}" must be one for each number of an item, of a dtype of '
            f"{', '.join(COUNTED_DTYPES)}, got {len(sizes)} for {field.dtype} {shown(field.shape)}"
        )


def has_episodes(fields: Mapping[str, Field]) -> bool:
    """True if the rows say where episodes start."""
    field = fields.get(EPISODE_STEP)
    return field is not None and field.shape == () and field.dtype.kind == "u"


def check_array(name: str, array: Any, field: Field, leading: tuple[int, ...]) -> np.ndarray:
    """`array` as C-contiguous `[*leading, *item]`; raises `InvalidArgument` if it is not that."""
    if not isinstance(array, np.ndarray) or array.dtype != field.dtype:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InvalidArgument(
            f'field "{name}" must be a NumPy array of dtype {field.dtype}, got {kind}; '
            f"convert it with .astype(np.{field.dtype})"
        )
    if array.shape != (*leading, *field.shape):
        raise InvalidArgument(
            f'field "{name}" must have shape {(*leading, *field.shape)}, got {array.shape}'
        )
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def check_names(arrays: Any, fields: Mapping[str, Field]) -> None:
    """Raise `InvalidArgument` unless the names of `arrays` are exactly the schema's fields."""
    require_kind("fields", arrays, Mapping, "a mapping of names to arrays")
    names = arrays.keys()
    if names == fields.keys():
        return
    missing = [name for name in fields if name not in names]
    unknown = [name for name in names if name not in fields]
    raise InvalidArgument(
        f"fields must be exactly {', '.join(fields)}; "
        f"missing: {', '.join(missing) or 'none'}; "
        f"unknown: {', '.join(legible(str(name)) for name in unknown) or 'none'}"
    )


def describe_fields(fields: Mapping[str, Field]) -> str:
    """What a row holds, in words: "observation uint8 [2], action uint8"."""
    return ", ".join(
        f"{name} {field.dtype}" + (f" {list(field.shape)}" if field.shape else "")
        for name, field in fields.items()
    )


def describe_schema(schema: Schema) -> dict[str, Any]:
    """A JSON-ready description, which `read_schema` reads back."""
    description: dict[str, Any] = {
        "fields": {
            name: {"dtype": field.dtype.name, "shape": list(field.shape)}
            for name, field in schema.fields.items()
        }
    }
    if isinstance(schema, TransitionSchema):
        description["transition"] = schema.to_dict()
    return description


def read_schema(description: Mapping[str, Any]) -> Schema:
    """The schema that `describe_schema` described; raises `InvalidArgument` for any other."""
    fields = {name: read_field(name, field) for name, field in description["fields"].items()}
    if "transition" not in description:
        schema: Schema = FieldSchema(fields)
    else:
        schema = TransitionSchema.from_dict(description["transition"])
        if schema.fields != fields:
            raise InvalidArgument("fields must be those of the transition schema")
    check_schema(schema)
    return schema


def read_field(name: str, description: Mapping[str, Any]) -> Field:
    """The field that `describe_schema` described; raises `InvalidArgument` for any other."""
    dtype = entry(description, "dtype")
    if dtype not in NUMBER_DTYPES:
        raise InvalidArgument(
            f"dtype of field {shown(name)} must be one of {', '.join(NUMBER_DTYPES)}, "
            f"got {shown(dtype)}"
        )
    return Field(np.dtype(dtype), integers(description, "shape"))
