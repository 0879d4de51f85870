"""What values a setting takes, in words, from the JSON schema of its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adfast.config import NONE
from adfast.values import spelt

KINDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "object": "table",
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}
NOT_ABOUT_VALUES = ("default", "title", "description")


def resolved(rule: Any, shared: Mapping[str, Any]) -> Any:
    """`rule` without what is not about values, and with what it refers to in its place."""
    if isinstance(rule, list):
        return [resolved(item, shared) for item in rule]
    if not isinstance(rule, Mapping):
        return rule
    if "$ref" in rule:  # one level, as a schema may hold itself
        return resolved(shared.get(rule["$ref"].rpartition("/")[2], {}), {})
    return {
        key: resolved(part, shared) for key, part in rule.items() if key not in NOT_ABOUT_VALUES
    }


def accepted(rule: Mapping[str, Any]) -> str:
    """What a rule accepts: `whole number 1 to 4096 or none`; empty where that is not known."""
    *others, last = dict.fromkeys(choices_of(rule))
    return " or ".join(filter(None, [", ".join(others), last]))


def choices_of(rule: Mapping[str, Any]) -> list[str]:
    """Each choice that a rule leaves."""
    if "anyOf" in rule:
        return [choice for part in rule["anyOf"] for choice in choices_of(part)]
    if "const" in rule or "enum" in rule:
        return [str(value) for value in rule.get("enum", [rule.get("const")])]
    kind = rule.get("type", "")
    if kind == "null":
        return [NONE]
    if kind == "boolean":
        return ["true", "false"]
    if kind == "array":
        return [list_of(rule)]
    return [" ".join(filter(None, [KINDS.get(kind, ""), bounds_of(rule)]))]


def list_of(rule: Mapping[str, Any]) -> str:
    """The lists that a rule accepts."""
    parts = rule.get("prefixItems") or [rule.get("items", {})]
    length = f" of {len(parts)}" if "prefixItems" in rule else ""
    items = "; ".join(dict.fromkeys(accepted(part) for part in parts))
    return f"list{length} ({items})" if items else f"list{length}"


def bounds_of(rule: Mapping[str, Any]) -> str:
    """The least and the greatest number of a rule; empty where there is neither."""
    bounds = {key: rule[key] for key in BOUNDS if key in rule}  # in this order
    if rule.get("type") == "integer":
        if "exclusiveMinimum" in bounds:
            bounds["minimum"] = bounds.pop("exclusiveMinimum") + 1
        if "exclusiveMaximum" in bounds:
            bounds["maximum"] = bounds.pop("exclusiveMaximum") - 1
    if bounds.keys() == {"minimum", "maximum"}:
        return f"{bound(bounds['minimum'])} to {bound(bounds['maximum'])}"
    return ", ".join(
        f"{word} {bound(bounds[key])}" for key, word in BOUNDS.items() if key in bounds
    )


def bound(number: float) -> str:
    """A bound as people read it."""
    if not isinstance(number, int):
        return f"{number:g}"
    exponent = number.bit_length() - 1
    return f"2**{exponent}" if exponent > 16 and number == 2**exponent else spelt(number)
