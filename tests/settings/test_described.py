"""What is said of settings is taken from their class, and what cannot be is left out."""

import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from adfast import source_algorithms, tasks
from adfast.config import Config, Count
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.probes.catalogue import PROBES
from adfast.runs.recipe.recipe import Recipe
from adfast.settings.described import describe
from adfast.source_algorithms.catalogue import SOURCE_ALGORITHMS
from adfast.tasks.catalogue import FAMILIES

SHIPPED = {
    f"{catalogue.kind} {name}": (catalogue, name)
    for catalogue in (FAMILIES, SOURCE_ALGORITHMS, AGENTS, PROBES)
    for name in catalogue.shipped
}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Config):
    depth: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Metres."""


class Outer(Config):
    """Settings of every kind."""

    must: Count
    """What has no default,
    over two lines."""
    mode: bool | Literal["auto"] = "auto"
    """On or off."""

    pair: tuple[int, float] = (1, 0.5)
    windows: Count | list[Count | None] | None = Field(8, description="Described.")
    """This one is not used."""
    colour: Colour = Colour.RED
    parts: dict[str, Any] = Field(default_factory=dict)
    inner: Inner = Field(default_factory=Inner)


class Child(Outer):
    mode: bool | Literal["auto"] = True


def by_path(*arguments):
    return {setting.path: setting for setting in describe(*arguments)}


def test_settings_are_those_of_all_sections_by_path():
    assert list(by_path(Outer)) == [
        *("must", "mode", "pair", "windows", "colour", "parts", "inner.depth")
    ]
    assert next(iter(by_path(Inner, {}, "section."))) == "section.depth"


def test_meaning_is_the_docstring_under_the_field_or_its_description():
    settings = by_path(Outer)
    assert settings["must"].meaning == "What has no default, over two lines."
    assert settings["windows"].meaning == "Described."
    assert settings["inner.depth"].meaning == "Metres."
    assert settings["pair"].meaning == ""


def test_subclass_has_the_meanings_of_what_it_derives_from():
    assert by_path(Child)["mode"].meaning == "On or off."
    assert by_path(Child)["mode"].default is True


def test_class_within_a_function_has_meanings():
    class Local(Config):
        field: int = 1
        """Of a local class."""

    assert by_path(Local)["field"].meaning == "Of a local class."


def test_class_without_source_has_no_meanings():
    scope: dict[str, Any] = {"BaseModel": BaseModel, "__name__": "nowhere"}
    exec('class Typed(BaseModel):\n    field: int = 1\n    """Lost."""\n', scope)
    assert by_path(scope["Typed"])["field"].meaning == ""


@pytest.mark.parametrize(
    ("path", "accepts"),
    [
        ("must", "whole number 1 to 2**31-1"),
        ("mode", "true, false or auto"),
        ("pair", "list of 2 (whole number; number)"),
        ("windows", "whole number 1 to 2**31-1, list (whole number 1 to 2**31-1 or none) or none"),
        ("colour", "red or blue"),
        ("parts", "table"),
        ("inner.depth", "number above 0, below 1"),
    ],
)
def test_accepted_values_are_said_in_words(path, accepts):
    assert by_path(Outer)[path].accepts == accepts


def test_bounds_of_whole_numbers_are_the_least_and_greatest_of_them():
    class Bounded(Config):
        open: Annotated[int, Field(gt=0, lt=2**63)] = 1
        least: Annotated[int, Field(ge=3)] = 3
        power: Annotated[int, Field(le=2**24)] = 1

    accepts = [setting.accepts for setting in describe(Bounded)]
    assert accepts == [
        "whole number 1 to 2**63-1",
        "whole number at least 3",
        "whole number at most 2**24",
    ]


def test_values_and_defaults_are_as_toml_has_them():
    settings = by_path(Outer, {"windows": None, "pair": (2, 0.5), "inner": {"depth": 0.5}})
    assert settings["windows"].value == "none"
    assert settings["windows"].default == 8
    assert settings["pair"].value == [2, 0.5]
    assert settings["colour"].value == "red"


def test_setting_that_differs_from_its_default_is_changed():
    settings = by_path(Outer, {"must": 3, "windows": None, "inner": {"depth": 0.5}})
    assert [path for path, setting in settings.items() if setting.is_changed] == ["windows"]


def test_what_has_no_default_has_neither_value_nor_default_until_it_is_given():
    assert (by_path(Outer)["must"].value, by_path(Outer)["must"].default) == (None, None)
    assert by_path(Outer, {"must": 3})["must"].value == 3


def test_type_that_json_has_no_word_for_may_be_anything():
    class Odd(Config):
        field: type = int

    assert by_path(Odd)["field"].accepts == ""


def test_sections_that_are_no_tables_count_as_empty():
    assert by_path(Outer, {"inner": 3})["inner.depth"].value == 0.5


def assert_all_is_said(settings):
    for setting in settings:
        assert setting.meaning.endswith("."), f"{setting.path} has no docstring under its field"
        assert setting.accepts, setting.path
        if setting.rule.get("type") in ("integer", "number") and setting.name != "initial_value":
            assert " " in setting.accepts.removeprefix("whole "), f"{setting.path} has no bounds"


def test_every_setting_of_a_run_has_a_meaning_and_says_what_it_accepts():
    assert_all_is_said(describe(Recipe))


@pytest.mark.parametrize("member", SHIPPED)
def test_every_option_of_what_is_shipped_has_a_meaning_and_says_what_it_accepts(member):
    catalogue, name = SHIPPED[member]
    assert_all_is_said(describe(catalogue.find(name)))


def test_defaults_are_those_of_the_classes():
    for made in (tasks.make("dark-house"), source_algorithms.make("annealed-expert")):
        for setting in describe(type(made)):
            assert setting.default == getattr(made, setting.name)
