"""A family that leaves its schema is refused by every loop, naming function, state and value."""

import numpy as np
import pytest

from adfast import source_algorithms
from adfast.errors import InvalidArgument
from adfast.simulators import BatchSimulator
from adfast.simulators.random_rollout import random_returns
from own_family import GOAL, NUMBERS, Walk

FAMILY = Walk()
EPISODES = 20


def step_along(family, tasks, steps=12):
    """The rewards `[steps, E]` of walking on."""
    simulator = BatchSimulator(family, tasks)
    simulator.reset()
    return np.stack([simulator.step(np.ones(len(tasks), int)).reward for _ in range(steps)])


def learn(family, tasks, name="q-learning"):
    """Histories of a learner, none of whose steps is missing."""
    out = family.transition_schema.allocate(len(tasks), EPISODES * family.episode_length)
    algorithm = source_algorithms.make(name)
    algorithm.learn(family, tasks, np.arange(len(tasks)), EPISODES, 0, out)
    return out


LOOPS = {
    "step": step_along,
    "rollout": lambda family, tasks: random_returns(family, tasks, EPISODES),
    "q-learning": learn,
    "optimal": lambda family, tasks: learn(family, tasks, "optimal"),
}
STEP = r"step of walk in task {task}, state \({cell},\), action 1: "
MESSAGES = {
    "negative reward": STEP.format(task=NUMBERS["negative reward"], cell=GOAL - 1)
    + r"reward must be an integer in 0..255 by the schema's reward_dtype uint8, got -1; "
    'declare reward_dtype="int8"',
    "large reward": STEP.format(task=NUMBERS["large reward"], cell=GOAL - 1)
    + 'reward must .* got 256; declare reward_dtype="uint16"',
    "state": STEP.format(task=NUMBERS["state"], cell=7)
    + r"component 0 of state \(9,\) must be an integer in 0..8 by state_sizes \(9,\)",
    "observation": r"observe of walk in task 4, state \(8,\): component 0 of observation \(5008,\) "
    r"must be an integer in 0..8 by observation_sizes \(9,\)",
    "start": r"reset of walk in task 5, episode \d+, key \d+: component 0 of state \(-1,\) must be",
}
UNSEEN = {  # the random policy's returns need no observation; the expert does not go to cell 8
    ("observation", "rollout"),
    ("observation", "optimal"),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("fault", MESSAGES)
def test_value_outside_the_schema_is_refused(fault, loop):
    if (fault, loop) in UNSEEN:
        LOOPS[loop](FAMILY, np.full(5, NUMBERS[fault]))
        return
    tasks = np.array([0, 0, NUMBERS[fault], 0])
    message = MESSAGES[fault].replace("action 1", "action [01]")
    with pytest.raises(InvalidArgument, match=message):
        LOOPS[loop](FAMILY, tasks)


def test_fractions_are_refused_by_an_integer_dtype():
    with pytest.raises(InvalidArgument, match=r'got 0\.5; declare reward_dtype="float32"'):
        step_along(Walk(unit=0.5), np.zeros(2, int))


def test_reward_that_is_not_finite_is_refused():
    family = Walk(unit=float("inf"), reward_dtype="float32")
    with pytest.raises(InvalidArgument, match=r"a finite number .* float32, got (nan|inf)$"):
        random_returns(family, [0], 2)


def test_int8_rewards_are_kept_by_every_loop():
    family = Walk(reward_dtype="int8", unit=-128)
    tasks = np.zeros(3, int)
    stepped = step_along(family, tasks)
    assert stepped.dtype == np.int8
    assert stepped[:, 0].tolist() == [0, 0, -128, *(0,) * 8, -128]
    out = learn(family, tasks)
    assert set(np.unique(out["reward"])) == {0, -128}
    totals = out["reward"].astype(np.float64).reshape(3, EPISODES, -1).sum(2)
    learner = source_algorithms.make("q-learning")
    returns = learner.returns(family, tasks, np.arange(3), EPISODES, 0)
    np.testing.assert_array_equal(returns, totals)


def test_refused_step_leaves_a_simulator_that_can_be_reset():
    tasks = np.full(4, NUMBERS["state"])
    simulator = BatchSimulator(FAMILY, tasks)
    simulator.reset()
    for _ in range(7):
        simulator.step(np.ones(4, int))
    with pytest.raises(InvalidArgument, match=r"state \(9,\)"):
        simulator.step(np.ones(4, int))
    with pytest.raises(InvalidArgument, match="4 of 4 wait for it"):
        simulator.step(np.ones(4, int))
    np.testing.assert_array_equal(simulator.reset(), np.zeros((4, 1)))
    simulator.step(np.ones(4, int))


def test_environments_that_stand_still_are_not_stepped():
    """What a step would do in an environment outside the mask has no influence."""
    simulator = BatchSimulator(FAMILY, np.full(4, NUMBERS["state"]))
    simulator.reset()
    for _ in range(7):
        simulator.step(np.array([1, 0, 0, 0]))
    result = simulator.step(np.ones(4, int), np.array([False, True, True, True]))
    assert result.observation.tolist() == [[7], [1], [1], [1]]


def test_family_that_does_not_compile_is_refused_in_words():
    class Unfinished(Walk):
        name = "unfinished"

        @property
        def observe(self):
            return lambda task, state: 0

    with pytest.raises(InvalidArgument, match=r"unfinished does not compile: .*check_family"):
        step_along(Unfinished(), np.zeros(2, int))
