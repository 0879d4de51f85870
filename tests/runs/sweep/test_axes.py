"""What varies is read as it is meant, spelt back, and refused with its rule where it cannot be."""

import pytest

from adfast.config import nested
from adfast.errors import InvalidArgument
from adfast.runs.sweep.axes import (
    Axis,
    label_of,
    make_axes,
    make_axis,
    parse_axis,
    short_names,
    spell_axis,
    without_settings,
)

AXES = {
    "model.attention_window=20,200,none": Axis(
        ("model.attention_window",), ((20,), (200,), ("none",))
    ),
    "model.width=[16,32]": Axis(("model.width",), ((16,), (32,))),
    'model.attention_window=[20,"none"],[20,20]': Axis(
        ("model.attention_window",), (([20, "none"],), ([20, 20],))
    ),
    "evaluation.temperature=0.5, 1": Axis(("evaluation.temperature",), ((0.5,), (1,))),
    "evaluation.temperature=.5, 1": Axis(("evaluation.temperature",), ((0.5,), (1,))),
    "family.name=dark-room,dark-house": Axis(("family.name",), (("dark-room",), ("dark-house",))),
    '{a.b=[1,2], a.c=["x","y"]}': Axis(("a.b", "a.c"), ((1, "x"), (2, "y"))),
    '{"a.b" = [1, 2], a = {c = ["x", "y"]}}': Axis(("a.b", "a.c"), ((1, "x"), (2, "y"))),
}


@pytest.mark.parametrize(("text", "axis"), AXES.items(), ids=AXES)
def test_axis_is_read_and_spelt_back(text, axis):
    assert make_axis(parse_axis(text)) == axis
    assert make_axis(spell_axis(axis)) == axis


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.width", "must read section.field=value,value,... got"),
        ("model.width=", "must read section.field=value,value"),
        ("=3", "must read section.field=value,value"),
        ("{a.b=[1,2], a.c=[3]}", "must have as many values each, got 2 of a.b, 1 of a.c"),
        ("{a.b=[1,2], a.c=3}", r"a.c varies over an array of values, \[16, 32\], got 3"),
        ("{a.b=[1,2", "settings that vary together must read"),
        ("{}", "must be a table of settings with their values"),
        ("model.width=16,32,16", "model.width varies over 16 twice; leave one out"),
        ("seed=0,1", "seed varies by --seeds N"),
    ],
)
def test_bad_axis_is_refused_with_its_rule(text, message):
    with pytest.raises(InvalidArgument, match=message.replace("... got", ".*got")):
        make_axis(parse_axis(text))


def test_setting_on_two_axes_is_refused():
    with pytest.raises(InvalidArgument, match=r"a\.b varies twice; give all its values at once"):
        make_axes([{"a.b": [1]}, {"a": {"c": [1], "b": [2]}}])


def test_short_names_are_no_longer_than_needed():
    settings = ["model.width", "training.options.seed", "collection.options.seed", "a.seed"]
    assert short_names(settings) == {
        "model.width": "width",
        "training.options.seed": "training.options.seed",
        "collection.options.seed": "collection.options.seed",
        "a.seed": "a.seed",
    }


def test_levels_are_told_by_as_few_settings_as_do():
    assert make_axis({"a.b": [1, 2], "a.c": [1, 1]}).num_telling == 1
    assert make_axis({"a.b": [1, 1, 2], "a.c": [1, 2, 2], "a.d": [1, 1, 1]}).num_telling == 2
    assert make_axis({"a.b": [1, 1], "a.c": [1, 1], "a.d": [1, 2]}).num_telling == 3


def test_labels_are_as_a_person_writes():
    assert [label_of(v) for v in (20, "none", None, True, [20, None], 0.5)] == [
        "20", "none", "none", "true", "[20, none]", "0.5",
    ]  # fmt: skip


def test_dotted_settings_become_tables():
    assert nested({"a.c.d": 9, "a.f": [1], "e": 3}) == {"a": {"c": {"d": 9}, "f": [1]}, "e": 3}
    assert nested({"a": {"b.c": 1}, "a.b.d": 2}) == {"a": {"b": {"c": 1, "d": 2}}}


def test_settings_are_taken_out_of_nested_values():
    values = {"a": {"b": 1, "c": {"d": 2, "f": 4}}, "e": 3}
    assert without_settings(values, {"a.c.d", "e", "a.g"}) == {"a": {"b": 1, "c": {"f": 4}}}
    assert without_settings(values, {"a.c"}) == {"a": {"b": 1}, "e": 3}
