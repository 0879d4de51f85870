"""What is wrong with values that a schema refuses, in words: field, rule, value.

None of the library that checks them shows through: no name of its types, no address of its pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adfast.errors import legible, shown

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

MAX_PROBLEMS = 8  # named in one message
# What the library says, by its kind, where its own words are about its types.
RULES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table of settings",
    "model_attributes_type": "must be a table of settings",
    "finite_number": "must be a finite number",
    "missing": "must be there",
    "extra_forbidden": "must not be there",
}
WRONG_KIND = {"literal_error", *RULES}  # of a value, which another choice of its field may take


def describe_problems(error: ValidationError) -> str:
    """All that is wrong, one field after the other, of many the first."""
    by_field: dict[str, list[ErrorDetails]] = {}
    for problem in error.errors(include_url=False):
        by_field.setdefault(field_of(problem["loc"]), []).append(problem)
    # A list with a wrong item is as wrong as its item, whatever else its field may be.
    lists = {field.rpartition("[")[0] for field in by_field if "[" in field}
    problems = [describe(field, found) for field, found in by_field.items() if field not in lists]
    listed = "; ".join(problems[:MAX_PROBLEMS])
    more = len(problems) - MAX_PROBLEMS
    return f"{listed}; and {more} more" if more > 0 else listed


def field_of(location: Sequence[int | str]) -> str:
    """The field at `location`, without which of several types a value was tried as."""
    field = ""
    for part in location:
        if isinstance(part, int):
            field += f"[{part}]"
        elif not is_type(part):
            field += f".{part}"
    return legible(field.removeprefix("."))


def is_type(part: str) -> bool:
    """Whether a part of a location says which of several types a value was tried as."""
    return part in ("int", "float", "bool", "str") or "[" in part or part.startswith("constrained-")


def describe(field: str, problems: Sequence[ErrorDetails]) -> str:
    """The field, the rules that it breaks and its value; a rule of our own says all but the field.

    Of the choices that a field has, those of another kind of value are named only where no choice
    is of its kind. The field of a rule about several fields is their section, empty at the top.
    """
    own = [problem for problem in problems if problem["type"] == "value_error"]
    if own:
        rule = "; ".join(str(problem["ctx"]["error"]) for problem in own)
        return f"{field}: {rule}" if field else rule
    closest = [problem for problem in problems if problem["type"] not in WRONG_KIND] or problems
    rules = list(dict.fromkeys(rule_of(problem) for problem in closest))
    rule = " or ".join([rules[0], *(rule.removeprefix("must be ") for rule in rules[1:])])
    got = "" if closest[0]["type"] == "missing" else f", got {shown(closest[0]['input'])}"
    return f"{field} {rule}{got}".strip()


def rule_of(problem: ErrorDetails) -> str:
    """What a value has to be."""
    if problem["type"] in RULES:
        return RULES[problem["type"]]
    words: str = problem["msg"]
    for subject in ("Input should ", "String should ", "Tuple should ", "List should "):
        words = words.replace(subject, "must ")
    return words.replace(" after validation", "")
