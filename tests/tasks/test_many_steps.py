"""The command that takes millions of steps beside twins: what it covers, and what it finds."""

import numpy as np
import pytest

from adfast import tasks
from adfast.tasks.catalogue import FAMILIES
from adfast.tasks.gridworlds.gridworld import Gridworld
from reference import gridworld
from reference.dark_room import DarkRoomReference
from tasks import many_steps
from tasks.long_run import (
    Environments,
    assert_follows_twin,
    assert_same,
    run_in_parts,
    run_of_simulator,
)
from tasks.twins import CASES


@pytest.mark.parametrize("name", FAMILIES.shipped)
def test_every_option_of_every_family_is_beside_a_twin(name):
    given = {option for (of, _), case in CASES.items() if of == name for option in case.options}
    refused = {"goal_moves_every"} if name == "dark-house" else set()
    assert set(FAMILIES.find(name).model_fields) - refused == given


def test_every_gridworld_has_its_variants_beside_a_twin():
    worlds = {name for name in FAMILIES.shipped if issubclass(FAMILIES.find(name), Gridworld)}
    assert worlds == set(gridworld.VARIANTS)


def test_short_form_agrees(capsys):
    arguments = ["--steps", "3000", "--family", "bandit", "--processes", "1"]
    assert many_steps.main(arguments) == 0
    *rows, total = capsys.readouterr().out.splitlines()
    assert len(rows) == sum(name == "bandit" for name, _ in CASES)
    assert all(row.endswith("equal") for row in rows)
    assert f"0 of {len(rows)} differ" in total


def test_twin_that_differs_in_one_step_is_found():
    class Late(DarkRoomReference):
        def step(self, action):
            after, reward, *ends = super().step(action)
            return after, reward * (self.episodes < 3 or self.goal != (4, 4)), *ends

    family = tasks.make("dark-room")
    assert_follows_twin(family, DarkRoomReference, np.array([31, 40]), 2)
    with pytest.raises(AssertionError, match=r"^step \d+ of task 40, stream \d+, seed 5: \[.* wh"):
        assert_follows_twin(family, Late, np.array([31, 40]), 8)


def test_parts_are_put_back_in_their_places():
    family = tasks.make("dark-room", size=5, start="random", terminate_at_goal=True)
    actions = np.random.default_rng(0).integers(5, size=(60, 40))
    environments = Environments(np.arange(40) % 25, np.arange(40), actions, 7)
    whole = run_of_simulator(family, environments)
    assert len(np.unique(whole.steps, axis=1)[0]) == 40  # no two alike: a swap is a difference
    for seed in range(5):
        part = run_in_parts(family, environments, np.random.default_rng(seed))
        assert_same(part, whole, environments)
