"""A family may end episodes by a time limit of each task's own: what every loop makes of that."""

from typing import ClassVar

import numpy as np
import pytest
from numba import int32
from numba.extending import register_jitable

from adfast import check_family, source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, step_key
from adfast.random_streams import RANDOM_POLICY, stream_keys
from adfast.simulators import BatchSimulator
from adfast.simulators.random_rollout import random_returns
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.checked_calls import checked_step
from adfast.tasks.family import TaskFamily
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from source_algorithms.loops.test_learning_batch import Replay

LONGEST = 7
GOAL = 4  # entering it pays and terminates


class LimitedWalk(TaskFamily):
    """A line of cells; an episode of task t lasts t + 1 steps, and all at most `LONGEST`."""

    name: ClassVar[str] = "limited-walk"
    num_tasks: ClassVar[int] = LONGEST + 1
    task_size: ClassVar[int] = 1
    state_sizes: ClassVar[tuple[int, ...]] = (GOAL + 1, LONGEST + 2)
    truncates: ClassVar[bool] = True
    transition_schema: ClassVar[TransitionSchema] = TransitionSchema(
        DiscreteObservation((GOAL + 1,)), 2, LONGEST
    )

    episode_length: int = LONGEST

    @property
    def reset(self):
        return register_jitable(lambda task, episode, key: (int32(0), int32(0)))

    @property
    def step(self):
        @register_jitable
        def step(task, state, action, key):
            cell, clock = int32(state[0] + int32(action)), int32(state[1] + int32(1))
            cell = min(cell, int32(GOAL))
            on_goal = cell == GOAL
            return (cell, clock), int32(on_goal), 1 if on_goal else (2 if clock > task[0] else 0)

        return step

    @property
    def observe(self):
        return register_jitable(lambda task, state: (state[0],))

    def task_parameters(self, task_ids):
        return self.check_task_ids(task_ids).astype(np.int32)[:, None]

    def optimal_return(self, task_ids):
        return (self.check_task_ids(task_ids) >= GOAL - 1).astype(np.float64)


FAMILY = LimitedWalk()
TASK_IDS = np.arange(100) % FAMILY.num_tasks


def plain_episode(task_id, actions):
    """(cell before, cell, reward, boundary) of each step until the episode ends."""
    cell, rows = 0, []
    for clock, action in enumerate(actions, 1):
        before, cell = cell, min(cell + action, GOAL)
        boundary = 1 if cell == GOAL else 2 if clock in (task_id + 1, LONGEST) else 0
        rows.append((before, cell, int(cell == GOAL), boundary))
        if boundary:
            return rows
    return rows


def test_batches_end_at_each_tasks_own_limit():
    actions = np.random.default_rng(0).integers(2, size=(60, len(TASK_IDS)))
    simulator = BatchSimulator(FAMILY, TASK_IDS)
    simulator.reset()
    results = [simulator.step(row) for row in actions]
    boundaries = set()
    for e, task_id in enumerate(TASK_IDS.tolist()):
        t = 0
        while t < len(results):
            for _, cell, reward, boundary in plain_episode(task_id, actions[t:, e].tolist()):
                result = results[t]
                ends = int(result.terminated[e]) + 2 * int(result.truncated[e])
                assert (result.final_observation[e, 0], result.reward[e]) == (cell, reward)
                assert ends == boundary
                assert result.observation[e, 0] == (0 if boundary else cell)
                boundaries.add(boundary)
                t += 1
    assert boundaries == {0, 1, 2}


def test_flags_hold_nothing_else_where_the_schema_is_broken():
    class Broken(LimitedWalk):
        @property
        def step(self):
            @register_jitable
            def step(task, state, action, key):
                return (state[0], state[1]), int32(999) if task[0] == 3 else int32(0), 2

            return step

    simulator = BatchSimulator(Broken(), [3, 0], copy=False)
    simulator.reset()
    with pytest.raises(InvalidArgument, match=r"reward must be an integer in 0\.\.255"):
        simulator.step([0, 0])
    assert simulator._result.terminated.view(np.uint8).max() <= 1


def test_histories_hold_the_limits_as_truncated():
    family, episodes = FAMILY, 30
    ids = np.arange(family.num_tasks)
    out = family.transition_schema.allocate(len(ids), episodes * LONGEST)
    learner = source_algorithms.make("q-learning", epsilon_start=0.5)
    lengths = learner.learn(family, ids, ids, episodes, 0, out)
    for task_id, length in enumerate(lengths.tolist()):
        row = 0
        while row < length:
            for before, cell, reward, boundary in plain_episode(
                task_id, out["action"][task_id, row:length].tolist()
            ):
                written = [out[name][task_id, row] for name in ("reward", "boundary")]
                assert written == [reward, boundary]
                assert out["observation"][task_id, row] == before
                assert out["next_observation"][task_id, row] == cell
                row += 1
    returns = learner.returns(family, ids, ids, episodes, 0)
    assert returns.sum() == sum(out["reward"][n, :m].sum() for n, m in enumerate(lengths))


def test_a_learning_batch_writes_the_same_bytes(monkeypatch):
    ids, episodes = np.arange(FAMILY.num_tasks), 12
    expected, found = (FAMILY.transition_schema.allocate(len(ids), 200) for _ in range(2))
    for array in (*expected.values(), *found.values()):
        array.fill(77)
    learner = source_algorithms.make("q-learning", epsilon_start=0.5)
    lengths = learner.learn(FAMILY, ids, ids, episodes, 0, expected)
    monkeypatch.setattr(Replay, "written", expected)
    np.testing.assert_array_equal(Replay().learn(FAMILY, ids, ids, episodes, 0, found), lengths)
    for name, array in expected.items():
        assert found[name].tobytes() == array.tobytes(), name


class UntilToldOfAnEnd(CompiledAlgorithm):
    """Goes on until an episode terminated, and stays ever after."""

    name: ClassVar[str] = "until-told-of-an-end"

    def parameters(self):
        return (0.0,)

    def exploration(self, episodes):
        return np.zeros(episodes)

    @staticmethod
    def rules(family, num_seen):
        @register_jitable
        def begin(memory, parameters, task, same_task):
            memory[0] = 0.0

        @register_jitable
        def choose(memory, parameters, task, state, seen, episode_step, exploration, key):
            return np.uint64(memory[0] == 0.0)

        @register_jitable
        def update(memory, parameters, seen, action, reward, seen_next, terminated):
            memory[0] += np.float64(terminated)

        return LearningRules(1, begin, choose, update)


def test_a_learner_is_told_of_ends_beyond_which_there_is_nothing_alone():
    ids = np.arange(FAMILY.num_tasks)
    out = FAMILY.transition_schema.allocate(len(ids), 3 * LONGEST)
    lengths = UntilToldOfAnEnd().learn(FAMILY, ids, ids, 3, 0, out)
    for task_id, length in enumerate(lengths.tolist()):
        moves = out["action"][task_id, :length].tolist()
        is_cut_off = task_id + 1 < GOAL
        assert moves == [1] * length if is_cut_off else [1] * GOAL + [0] * (length - GOAL)


def test_random_policy_stops_at_the_limit():
    returns = random_returns(FAMILY, TASK_IDS, 5, seed=1)
    offset, mask = stream_keys(1, RANDOM_POLICY, np.arange(len(TASK_IDS)))
    with np.errstate(over="ignore"):
        for e, task_id in enumerate(TASK_IDS.tolist()):
            for episode in range(5):
                clocks = range(episode * LONGEST, (episode + 1) * LONGEST)
                keys = [step_key(offset[e], mask[e], clock) for clock in clocks]
                rows = plain_episode(task_id, [int(bounded(key, 2)) for key in keys])
                assert returns[e, episode] == sum(row[2] for row in rows)


def test_the_expert_plans_to_the_limit():
    expert = source_algorithms.make("optimal")
    ids = np.arange(FAMILY.num_tasks)
    returns = expert.returns(FAMILY, ids, ids, 3, 0)
    np.testing.assert_array_equal(returns, FAMILY.optimal_return(ids)[:, None].repeat(3, axis=1))


def test_check_family_knows_such_families():
    checked = check_family(FAMILY)
    assert checked.optimum == "what the best policy earns in 8 tasks"


@pytest.mark.parametrize(
    ("truncates", "third", "message"),
    [
        (False, 2, r"terminated must be true or false, got 2; .* declare truncates = True"),
        (True, 3, r"terminated must be 0, 1 \(terminated\) or 2 \(truncated\), got 3"),
        (True, "no", "terminated must be 0, 1 .* got 'no'"),
    ],
)
def test_another_third_value_is_refused(truncates, third, message):
    class Other(LimitedWalk):
        @property
        def step(self):
            return lambda task, state, action, key: (state, 0, third)

    Other.truncates = truncates
    with pytest.raises(InvalidArgument, match=message):
        checked_step(Other(), 0, (0, 0), 0, 0)


def test_families_do_not_truncate_unless_they_say_so():
    assert not tasks.make("dark-room").truncates
