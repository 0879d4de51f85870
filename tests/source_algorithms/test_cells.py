"""A table of cells, and an expert that steers."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from numba import int32
from numba.extending import register_jitable

from adfast import source_algorithms
from adfast.errors import InvalidArgument
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema

IDS = np.arange(30)


class Coarse(DarkRoom):
    """A room whose cells are three by three positions; it has no planner, but can be steered."""

    name: ClassVar[str] = "coarse"
    planner: ClassVar[bool] = False
    cell_sizes: ClassVar[tuple[int, ...]] = (3, 3)

    @property
    def cell(self):
        @register_jitable
        def cell(task, state):
            return state[0] // 3, state[1] // 3

        return cell

    @property
    def steer(self):
        @register_jitable
        def steer(task, state):
            if state[0] != task[0]:
                return int32(1) if state[0] > task[0] else int32(3)
            if state[1] == task[1]:
                return int32(0)
            return int32(2) if state[1] < task[1] else int32(4)

        return steer


class CoarselySeen(Coarse):
    """The same room, seen by its cells."""

    name: ClassVar[str] = "coarsely-seen"

    @property
    def transition_schema(self):
        return TransitionSchema(DiscreteObservation((3, 3)), 5, self.episode_length, "uint8")

    @property
    def observe(self):
        return self.cell


class Broken(Coarse):
    """A room whose last row of cells lies outside."""

    name: ClassVar[str] = "broken"

    @property
    def cell(self):
        @register_jitable
        def cell(task, state):
            return state[0] // 3 + int32(1), state[1] // 3

        return cell


def learned(family, name, **options):
    """The actions of whole histories."""
    options |= {"actors": 2} if name == "actor-critic" else {}
    out = family.transition_schema.allocate(len(IDS), 40 * family.episode_length)
    learner = source_algorithms.make(name, **options)
    learner.learn(family, IDS // 2, IDS, 40, 3, out)
    return out["action"]


@pytest.mark.parametrize(
    "name",
    [
        "q-learning",
        *(pytest.param(name, marks=pytest.mark.thorough) for name in ("q-lambda", "sarsa")),
        "actor-critic",
    ],
)
def test_learner_of_cells_does_what_one_does_that_sees_them(name):
    of_cells = learned(Coarse(), name, reads="cell")
    np.testing.assert_array_equal(of_cells, learned(CoarselySeen(), name))


def test_learner_of_cells_does_something_else_than_one_of_observations():
    of_cells = learned(Coarse(), "q-learning", reads="cell")
    assert (of_cells != learned(Coarse(), "q-learning")).any()


def test_cells_of_a_family_that_has_none_are_its_states():
    family = DarkRoom(reward="once")
    for_states, for_cells = (learned(family, "q-learning", reads=r) for r in ("state", "cell"))
    np.testing.assert_array_equal(for_cells, for_states)


def test_memory_is_that_of_the_cells():
    assert source_algorithms.make("q-learning", reads="cell").memory_bytes(Coarse()) == 9 * 5 * 8


@pytest.mark.parametrize(
    "name", ["q-learning", pytest.param("actor-critic", marks=pytest.mark.thorough)]
)
def test_cell_outside_its_sizes_is_refused(name):
    rule = r"cell of broken in task \d+, state \(6, \d\): component 0 of cell \(3, \d\) must be"
    with pytest.raises(InvalidArgument, match=rule):
        learned(Broken(), name, reads="cell")


def test_expert_without_a_plan_steers():
    family, ids = Coarse(), np.arange(81)
    best = family.optimal_return(ids)[:, None]
    returns = source_algorithms.make("optimal").returns(family, ids, ids, 3, seed=0)
    np.testing.assert_array_equal(returns, np.tile(best, 3))
    annealed = source_algorithms.make("annealed-expert").returns(family, ids, ids, 30, seed=0)
    assert annealed[:, :3].mean() < 2
    np.testing.assert_array_equal(annealed[:, -1:], best)


def test_labels_of_who_steers_are_what_steering_does():
    family = Coarse()
    schema = replace(family.transition_schema, labelled=True)
    out = schema.allocate(81, 5 * family.episode_length)
    source_algorithms.make("annealed-expert", noise_end=0.9).learn(
        family, np.arange(81), np.arange(81), 5, 0, out
    )
    places, labels = out["observation"].reshape(-1, 2), out["label"].reshape(-1)
    goals = np.repeat(family.task_parameters(np.arange(81)), 5 * family.episode_length, axis=0)
    steer = family.steer
    expected = [steer(goal, place) for goal, place in zip(goals, places, strict=True)]
    np.testing.assert_array_equal(labels, expected)
