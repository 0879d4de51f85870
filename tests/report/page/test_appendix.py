"""What of a run's settings is not as it is by default is seen at once."""

from types import SimpleNamespace

from adfast.report.page.appendix import configuration_section
from adfast.runs.recipe.recipe import Recipe


def marked(configuration):
    run = SimpleNamespace(configuration=configuration)
    rows = configuration_section(run).body.split("<div")
    return [row for row in rows if "changed" in row]


def test_settings_as_by_default_are_not_marked():
    assert marked(Recipe().model_dump(mode="json")) == []


def test_setting_that_differs_is_marked_with_its_default():
    recipe = Recipe(seed=3, training={"updates": 700}, model={"attention_window": None})
    updates = Recipe().training.updates
    seed, window, length = marked(recipe.model_dump(mode="json"))
    assert "default: 0" in seed
    assert "attention_window" in window
    assert "default: 256" in window
    assert f"default: {updates}" in length


def test_options_are_compared_with_those_of_their_owner():
    configuration = {
        "family": {"name": "dark-room", "options": {"size": 9, "start": "corner"}},
        "collection": {"algorithm": "q-learning", "options": {"discount": 0.5}},
    }
    start, discount = marked(configuration)
    assert "default: centre" in start
    assert "discount" in discount


def test_what_has_no_default_is_not_marked():
    (algorithm,) = marked({"family": {"own": 3}, "collection": {"algorithm": "mine"}, "x": 1})
    assert "default: q-learning" in algorithm
    assert marked({"collection": 3}) == []
