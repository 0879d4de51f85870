"""What is refused before a run begins, and what only one process alone could not train."""

import pytest

from adfast.errors import InvalidArgument
from adfast.runs.recipe.feasible import check_feasible
from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe

TOGETHER = {"training.context_ranks": 2, "training.precision": "float32"}


def test_a_context_of_several_processes_may_be_prepared_by_one():
    check_feasible(load_recipe(find_recipe("dark-room"), TOGETHER))


def test_a_context_of_several_processes_is_not_compiled():
    settings = {**TOGETHER, "training.compile": True}
    with pytest.raises(InvalidArgument, match=r"training\.compile = true"):
        check_feasible(load_recipe(find_recipe("dark-room"), settings))
