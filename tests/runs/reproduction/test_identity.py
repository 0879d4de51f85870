"""Which settings a part is a function of, and what tells it from one of others."""

import pytest

from adfast.runs.recipe.recipe_changes import changed, find_recipe, load_recipe
from adfast.runs.reproduction.identity import (
    MACHINE,
    counting_settings,
    differences_since,
    settings_hash,
)
from adfast.runs.reproduction.machine import Machine


@pytest.fixture(scope="module")
def recipe():
    return load_recipe(find_recipe("dark-room"))


def hash_of(recipe):
    return settings_hash(counting_settings(recipe))


def test_the_machine_does_not_count(recipe):
    elsewhere = {
        "training.threads": 3,
        "collection.threads": 2,
        "training.device": "cpu",
        "evaluation.device": "cpu",
        "tracking.tensorboard": True,
        "tracking.wandb": True,
        "tracking.wandb_project": "rooms",
    }
    assert {*elsewhere, "rl2.threads", "rl2.continues"} == set(MACHINE)
    assert hash_of(changed(recipe, elsewhere)) == hash_of(recipe)

    rl2 = load_recipe(find_recipe("dark-room"), {"method": "rl2"})
    assert hash_of(changed(rl2, {"rl2.threads": 2})) == hash_of(rl2)


def test_what_is_set_of_the_machine_does_not_count(recipe):
    rl2 = load_recipe(find_recipe("dark-room"), {"method": "rl2"})
    machine = Machine("cpu", 2)
    for plain in (recipe, rl2):
        elsewhere = changed(plain, machine.settings(plain))
        assert elsewhere != plain
        assert hash_of(elsewhere) == hash_of(plain)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("seed", 1),
        ("collection.split_seed", 1),
        ("collection.options.epsilon_start", 0.4),
        ("family.options.size", 8),
        ("training.updates", 2201),
        ("evaluation.temperature", 0.5),
    ],
)
def test_everything_else_counts(recipe, setting, value):
    other = changed(recipe, {setting: value})
    assert hash_of(other) != hash_of(recipe)
    (difference,) = differences_since(counting_settings(recipe), other)
    assert difference.startswith(f"{setting}: ")


def test_a_setting_that_is_new_counts_as_it_was_by_default(recipe):
    earlier = {n: v for n, v in counting_settings(recipe).items() if n != "model.qk_norm"}
    assert differences_since(earlier, recipe) == []
    assert differences_since(earlier, changed(recipe, {"model.qk_norm": True})) == [
        "model.qk_norm: None, asked True"
    ]


def test_an_option_that_is_new_is_a_difference(recipe):
    option = "collection.options.initial_value"
    earlier = {n: v for n, v in counting_settings(recipe).items() if n != option}
    assert differences_since(earlier, recipe) == [f"{option}: None, asked 0.3"]


def test_a_setting_that_is_gone_is_a_difference(recipe):
    earlier = counting_settings(recipe) | {"model.forgotten": 3}
    assert differences_since(earlier, recipe) == ["model.forgotten: 3, asked None"]
