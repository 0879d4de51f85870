"""The settings of a recipe come with those of what it names."""

import pytest

from adfast.config import with_paths
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe, recipe_names
from adfast.runs.recipe.recipe_settings import recipe_settings


def by_path(values):
    return {setting.path: setting for setting in recipe_settings(values)}


@pytest.mark.parametrize("name", recipe_names())
def test_settings_of_a_shipped_recipe_are_all_that_it_has(name):
    recipe = load_recipe(find_recipe(name)).model_dump(mode="json")
    settings = by_path(recipe)
    values = {path: None if s.value == "none" else s.value for path, s in settings.items()}
    values["model.position_encoding"] = recipe["model"]["position_encoding"]
    assert values.items() >= with_paths(recipe).items()


def test_options_are_those_of_the_family_and_the_algorithm():
    recipe = Recipe(family={"name": "dark-house", "options": {"rooms": 3}})
    settings = by_path(recipe.model_dump(mode="json"))
    assert settings["family.options.rooms"].is_changed
    assert settings["family.options.rooms"].default == 8
    assert not settings["family.options.size"].is_changed
    assert settings["collection.options.discount"].meaning
    assert "family.options" not in settings


def test_sections_that_a_recipe_has_not_are_left_out():
    assert {*by_path({"family": {}})} > {"seed", "family.name", "family.options.size"}
    assert not [path for path in by_path({"family": {}}) if path.startswith("collection")]


def test_options_of_what_cannot_be_found_stay_as_they_are():
    settings = by_path({"family": {"name": "mine", "options": {"a": 1}}, "collection": 3})
    assert settings["family.options"].value == {"a": 1}
    assert settings["family.options"].is_changed
    assert settings["collection.algorithm"].value == Recipe().collection.algorithm
