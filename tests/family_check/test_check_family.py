"""check_family passes the shipped families and says which rule each broken one breaks."""

from itertools import count
from typing import Any, ClassVar

import numpy as np
import pytest
from numba import int32, njit
from numba.extending import register_jitable

from adfast import check_family, tasks
from adfast.errors import InvalidArgument
from adfast.tasks.observation import DiscreteObservation, RealObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema
from own_family import TASKS, Sound

CALLS = count()


@pytest.mark.parametrize("name", tasks.names())
def test_shipped_families_pass(name):
    family = tasks.make(name)
    checked = check_family(family, tasks=5, episodes=2)
    assert (checked.family, checked.tasks) == (name, 5)
    assert checked.steps == 5 * 2 * family.episode_length
    planned = "what the best policy earns in 5 tasks"
    assert checked.optimum == (planned if family.planner else "not exceeded by random play")


def test_family_of_ones_own_passes():
    assert check_family(Sound()).tasks == 3


def changed(**members):
    """A `Sound` with other members."""
    kinds = dict.fromkeys(members, ClassVar[Any])
    return type(Sound)(
        "Changed", (Sound,), {"name": "changed", "__annotations__": kinds, **members}
    )()


def function(plain):
    """A member that is the pure function `plain`."""
    return property(lambda self: register_jitable(plain))


def schema(*arguments, **options):
    return property(lambda self: TransitionSchema(*arguments, **options))


def plan(*arguments, **options):
    return lambda self, task_id: TaskMap(*arguments, **options)


def forgetful_reset(task, episode, key):
    return (next(CALLS) % 9,)


def slipping_step(task, state, action, key):
    return (int32(key % 9),), int32(0), False


DECLARATIONS = {
    "num_tasks": ({"num_tasks": 0}, "num_tasks of changed must be an integer .* got 0"),
    "too many tasks": ({"num_tasks": 2**64}, "num_tasks of changed must be an integer"),
    "task_size": ({"task_size": 0}, "task_size of changed must be an integer .* got 0"),
    "state_sizes": ({"state_sizes": ()}, r"state_sizes of changed must be a tuple .* got \(\)"),
    "size of a state": ({"state_sizes": (2**31,)}, "state_sizes of changed must be an integer"),
    "random steps": ({"has_random_steps": 1}, "has_random_steps of changed must be true or false"),
    "truncates": ({"truncates": 2}, "truncates of changed must be true or false, got 2"),
    "planner": ({"planner": "maybe"}, "planner of changed must be true or false, got 'maybe'"),
    "starts": (
        {"starts": ()},
        r"starts of changed must be a tuple of \(key, pro.* got \(\)",
    ),
    "start's key": ({"starts": ((-1, 1.0),)}, r"a key of starts of changed must be .* got -1"),
    "outcome": ({"outcomes": (0,)}, r"outcomes of changed must be a tuple of \(key, .* got 0"),
    "outcomes' sum": (
        {"outcomes": ((0, 0.5), (1, 0.4))},
        r"probabilities of outcomes of changed must add up to 1, got 0\.9",
    ),
    "schema": ({"transition_schema": 3}, "transition_schema of changed must be a TransitionSchema"),
    "schema's length": (
        {"transition_schema": schema(DiscreteObservation((9,)), 2, 11)},
        "must have the family's episode_length 12, got 11",
    ),
    "real observation": (
        {"transition_schema": schema(RealObservation("float32", (2,)), 2, 12)},
        r"observations of changed must be counted .*, got real numbers, float32 of shape \(2,\)",
    ),
    "failing member": (
        {"state_sizes": property(lambda self: 1 // 0)},
        "state_sizes of Changed failed with ZeroDivisionError",
    ),
    "no function": ({"reset": 3}, "reset of changed must be a property that returns a function"),
    "compiled function": (
        {"observe": property(lambda self: njit(lambda task, state: state))},
        "observe of changed must be marked @register_jitable, got one that is compiled",
    ),
    "parameters' dtype": (
        {"task_parameters": lambda self, ids: np.zeros((len(ids), 4))},
        r"task_parameters of changed must be int32 of shape \(3, 4\), got float64 of shape",
    ),
    "no check of ids": (
        {"task_parameters": lambda self, ids: np.zeros((len(ids), 4), np.int32)},
        "task_parameters of changed must refuse task id -1, of 3 tasks",
    ),
    "optimum's shape": (
        {"optimal_return": lambda self, ids: 3.0},
        r"optimal_return of changed must be float64 of shape \(3,\), got float",
    ),
    "endless optimum": (
        {"optimal_return": lambda self, ids: np.full(len(self.check_task_ids(ids)), np.inf)},
        "optimal_return of changed must be finite in task 0",
    ),
    "task's label": ({"task_label": lambda self, task_id: task_id}, r"task_label\(0\) of changed"),
    "action's label": (
        {"action_label": lambda self, action: None},
        r"action_label\(0\) of changed",
    ),
    "map": ({"task_map": lambda self, task_id: "map"}, "task_map of changed in task 0 must be a"),
    "map's components": ({"task_map": plan(9, 9, (0,), ())}, "components must name those of row"),
    "map's size": ({"task_map": plan(3, 3, (0, 0), ())}, "must be there and have at most 3 values"),
    "landmark": (
        {"task_map": plan(9, 9, (0, 0), (Landmark("goal", 0, 9, 0),))},
        "landmark 'goal' must lie in 1 rooms of 9 x 9, got row 9",
    ),
}
CALLS_OF_IT = {
    "no pure reset": (
        {"reset": function(forgetful_reset)},
        r"reset of changed in task 0, episode \d+, key \d+ must return the same .* its key alone",
    ),
    "undeclared chance": (
        {"step": function(slipping_step)},
        r"step of changed in task 0, state \(0,\), action \d depends on its key: .* declare "
        "has_random_steps = True",
    ),
    "no three results": (
        {"step": function(lambda task, state, action, key: (state, 0))},
        r"step of changed in task 0, state \(0,\), action \d must return \(state, reward",
    ),
    "no end": (
        {"step": function(lambda task, state, action, key: (state, 0, "never"))},
        "terminated must be true or false, got 'never'",
    ),
    "no reward": (
        {"step": function(lambda task, state, action, key: (state, None, False))},
        "reward must be an integer in 0..255 .* got None",
    ),
    "failing step": (
        {"step": function(lambda task, state, action, key: state[1])},
        r"step of changed in task 0, .* failed with IndexError",
    ),
    "length of an observation": (
        {"observe": function(lambda task, state: (0, 0))},
        r"observe of changed in task 0, state \(0,\): observation must be a tuple of 1 integers",
    ),
    "start that is not counted": (
        {"reset": function(lambda task, episode, key: (int32(key % 2),))},
        r"starts of changed must have a key for every .* none of them gives \(1,\)",
    ),
    "outcome that is not counted": (
        {
            "step": function(slipping_step),
            "has_random_steps": True,
            "outcomes": tuple((key, 1 / 8) for key in range(8)),
        },
        r"outcomes of changed must have a key for all .* none of them gives \(\(8,\), 0, 0",
    ),
    "start": ({"reset": function(lambda task, episode, key: (9,))}, r"component 0 of state \(9,\)"),
}


@pytest.mark.parametrize("fault", DECLARATIONS)
def test_broken_declaration_is_named(fault):
    members, message = DECLARATIONS[fault]
    with pytest.raises(InvalidArgument, match=message):
        check_family(changed(**members))


@pytest.mark.parametrize("fault", CALLS_OF_IT)
def test_broken_function_is_named(fault):
    members, message = CALLS_OF_IT[fault]
    with pytest.raises(InvalidArgument, match=message):
        check_family(changed(**members))


def test_arrays_that_are_not_the_callers_own_are_named():
    table = np.tile(np.array(TASKS["sound"], np.int32), (3, 1))

    def task_parameters(self, ids):
        return table[: len(self.check_task_ids(ids))]

    with pytest.raises(InvalidArgument, match="must return the same values at every call"):
        check_family(changed(task_parameters=task_parameters))


def test_parameters_that_depend_on_their_neighbours_are_named():
    def task_parameters(self, ids):
        return np.full((len(self.check_task_ids(ids)), 4), len(ids), np.int32)

    with pytest.raises(InvalidArgument, match="must not depend on the other tasks asked for"):
        check_family(changed(task_parameters=task_parameters))


def test_what_is_no_family_is_named():
    with pytest.raises(InvalidArgument, match="family must be a TaskFamily"):
        check_family("dark-room")


def test_options_that_cannot_be_hashed_are_named():
    class Listed(Sound):
        of: list[int] = []  # noqa: RUF012

    with pytest.raises(InvalidArgument, match="options of Listed must be hashable"):
        check_family(Listed())


@pytest.mark.parametrize(("optimum", "earned"), [(3.0, "the best policy earns 10"), (11.0, "10")])
def test_wrong_optimum_is_named(optimum, earned):
    def optimal_return(self, ids):
        return np.full(len(self.check_task_ids(ids)), optimum)

    with pytest.raises(
        InvalidArgument, match=f"optimal_return of changed must be .* it is {optimum:g}.*{earned}"
    ):
        check_family(changed(optimal_return=optimal_return))


def test_compiled_function_that_differs_from_the_plain_one_is_named():
    """Numba widens what NumPy wraps round."""
    reset = function(lambda task, episode, key: (int32((key * 8) % 9),))
    starts = tuple((key, 1 / 9) for key in range(9))
    with pytest.raises(InvalidArgument, match=r"reset of changed in task 0: .* when"):
        check_family(changed(reset=reset, starts=starts))
