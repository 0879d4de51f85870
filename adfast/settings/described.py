"""The settings of a `Config` with all that there is to say of each.

A meaning is the docstring under its field, or the field's `description`; what is accepted is taken
from the rules that values are checked by. Docstrings are read from the source when asked for, so
that a start of adfast pays nothing for them.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import to_jsonable_python

from adfast.config import NONE, allows_none, section_at, with_none_names
from adfast.settings.accepted import accepted, resolved


@dataclass(frozen=True)
class Setting:
    """A setting; `value` and `default` are as TOML has them, None where there is none.

    `rule` is the JSON schema of its values.
    """

    path: str
    value: Any
    default: Any
    meaning: str
    rule: Mapping[str, Any]

    @property
    def table(self) -> str:
        """The path of the section that it is in; empty at the top."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from a default."""
        return self.default is not None and self.value != self.default

    @property
    def accepts(self) -> str:
        """What values it takes, in words: `whole number 1 to 4096 or none`."""
        return accepted(self.rule)

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self) | {"is_changed": self.is_changed, "accepts": self.accepts}


def describe(
    config: type[BaseModel], values: Mapping[str, Any] | None = None, path: str = ""
) -> list[Setting]:
    """The settings of `config` and its sections, at `path`; those not in `values` by default."""
    given = values or {}
    schema = config.model_json_schema(by_alias=False, schema_generator=Lenient)
    rules, shared = schema.get("properties", {}), schema.get("$defs", {})
    meanings = meanings_of(config)
    settings: list[Setting] = []
    for name, field in config.model_fields.items():
        section = section_at(config, name)
        is_left_out = name in given and given[name] in (None, NONE) and allows_none(config, name)
        if section is not None and not is_left_out:
            below = given.get(name)
            below = below if isinstance(below, Mapping) else {}
            settings += describe(section, below, f"{path}{name}.")
            continue
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        spelt_default = None if field.is_required() else as_toml(default)
        settings.append(
            Setting(
                path=f"{path}{name}",
                value=as_toml(given[name]) if name in given else spelt_default,
                default=spelt_default,
                meaning=meanings.get(name, ""),
                rule=resolved(rules.get(name, {}), shared),
            )
        )
    return settings


class Lenient(GenerateJsonSchema):
    """A schema in which whatever JSON has no word for may be anything."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        """Anything."""
        return {}

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Nothing: defaults are taken from the fields."""


def as_toml(value: Any) -> Any:
    """`value` as a TOML file has it."""
    return with_none_names(to_jsonable_python(value, serialize_unknown=True))


def meanings_of(config: type[BaseModel]) -> dict[str, str]:
    """Field -> what it means, where that is said."""
    found: dict[str, str] = {}
    for base in reversed(config.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= docstrings_under_fields(base)
    described = {name: field.description for name, field in config.model_fields.items()}
    return found | {name: meaning for name, meaning in described.items() if meaning}


@cache
def docstrings_under_fields(config: type) -> dict[str, str]:
    """Field -> its docstring, each on one line; none where the source is not to be had."""
    try:
        source = inspect.getsource(config)
        tree = ast.parse(f"if True:\n{source}" if source[:1].isspace() else source)
    except (OSError, TypeError, SyntaxError):
        return {}
    found = {}
    body = next(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            words = below.value if isinstance(below, ast.Expr) else None
            if isinstance(words, ast.Constant) and isinstance(words.value, str):
                found[field.target.id] = " ".join(words.value.split())
    return found
