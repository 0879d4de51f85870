"""BatchSimulator steps as its plain-Python twin does, whatever shares the batch."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.simulators import BatchSimulator
from reference.dark_room import VARIANTS, DarkRoomReference

STEPS = 150


def record(simulator, actions):
    """Every array of every step of `actions [T, E]`, from the first reset on, stacked by field."""
    first = simulator.reset()
    results = [simulator.step(row) for row in actions]
    fields = [np.stack(field) for field in zip(*results, strict=True)]
    return [np.concatenate([first[None], fields[0]]), *fields[1:]]


def random_actions(*shape, seed=0):
    return np.random.default_rng(seed).integers(5, size=shape)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_long_random_run_matches_reference(options):
    family = tasks.make("dark-room", **options)
    num_environments = 19
    task_ids = np.arange(num_environments) * 7 % family.num_tasks
    actions = random_actions(2 * family.episode_length + STEPS, num_environments)
    observation, reward, terminated, truncated, final = record(
        BatchSimulator(family, task_ids, seed=5), actions
    )
    for e, task_id in enumerate(task_ids):
        room = DarkRoomReference(int(task_id), **options, seed=5, random_stream=e)
        seen = room.reset()
        assert tuple(observation[0, e]) == seen
        for t, action in enumerate(actions[:, e]):
            after, paid, ended, out_of_time = room.step(action)
            assert tuple(final[t, e]) == after
            assert (reward[t, e], terminated[t, e], truncated[t, e]) == (paid, ended, out_of_time)
            seen = room.reset() if ended or out_of_time else after
            assert tuple(observation[t + 1, e]) == seen


@pytest.fixture(scope="module")
def family():
    return tasks.make("dark-room", **VARIANTS["terminating"])


@pytest.fixture(scope="module")
def whole_run(family):
    """A run of 25 environments, one per task."""
    return record(BatchSimulator(family, np.arange(25), seed=3), random_actions(STEPS, 25))


def test_batch_width_changes_nothing(family, whole_run):
    actions = random_actions(STEPS, 25)
    for start, stop in [(0, 1), (1, 9), (9, 25)]:
        ids = np.arange(start, stop)
        simulator = BatchSimulator(family, ids, seed=3, random_streams=ids)
        part = record(simulator, actions[:, start:stop])
        for whole, field in zip(whole_run, part, strict=True):
            np.testing.assert_array_equal(field, whole[:, start:stop])


def test_order_in_the_batch_changes_nothing(family, whole_run):
    order = np.random.default_rng(1).permutation(25)
    simulator = BatchSimulator(family, order, seed=3, random_streams=order)
    shuffled = record(simulator, random_actions(STEPS, 25)[:, order])
    for whole, field in zip(whole_run, shuffled, strict=True):
        np.testing.assert_array_equal(field, whole[:, order])


def test_threads_change_nothing(family, whole_run):
    actions = random_actions(STEPS, 25)

    def run(_):
        return record(BatchSimulator(family, np.arange(25), seed=3), actions)

    with ThreadPoolExecutor(4) as pool:
        for fields in pool.map(run, range(8)):
            for whole, field in zip(whole_run, fields, strict=True):
                np.testing.assert_array_equal(field, whole)


def test_seed_and_stream_change_the_starts(family):
    starts = [
        BatchSimulator(family, np.zeros(50, int), seed, random_streams=np.arange(50) + first)
        .reset()
        .tolist()
        for seed, first in [(0, 0), (1, 0), (0, 50)]
    ]
    assert starts[0] != starts[1]
    assert starts[0] != starts[2]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.uint64])
def test_any_integer_dtype_of_actions_steps_alike(family, dtype):
    actions = random_actions(30, 25)
    expected = record(BatchSimulator(family, np.arange(25)), actions)
    narrow = record(BatchSimulator(family, range(25)), actions.astype(dtype))
    for field, same in zip(expected, narrow, strict=True):
        np.testing.assert_array_equal(field, same)


def test_strided_and_listed_actions_step_alike(family):
    actions = random_actions(30, 50)
    expected = record(BatchSimulator(family, np.arange(25)), actions[:, ::2].copy())
    strided = record(BatchSimulator(family, np.arange(25)), actions[:, ::2])
    listed = record(BatchSimulator(family, np.arange(25)), actions[:, ::2].tolist())
    for first, second, third in zip(expected, strided, listed, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, third)


def test_returned_arrays_are_the_callers_own(family):
    simulator = BatchSimulator(family, np.arange(25))
    start = simulator.reset()
    results = [simulator.step(random_actions(25)) for _ in range(2)]
    arrays = [start, *results[0], *results[1]]
    for i, array in enumerate(arrays):
        assert array.flags.owndata
        assert not any(np.shares_memory(array, other) for other in arrays[:i])


def test_without_copy_buffers_are_reused_with_the_same_content(family, whole_run):
    simulator = BatchSimulator(family, np.arange(25), seed=3, copy=False)
    simulator.reset()
    first = None
    for t, row in enumerate(random_actions(STEPS, 25)):
        result = simulator.step(row)
        first = first or result
        assert all(a is b for a, b in zip(first, result, strict=True))
        np.testing.assert_array_equal(result.observation, whole_run[0][t + 1])
        np.testing.assert_array_equal(result.reward, whole_run[1][t])


def test_masked_reset_touches_only_its_environments(family):
    simulator = BatchSimulator(family, np.arange(25))
    simulator.reset()
    seen = simulator.step(np.zeros(25, int)).observation
    mask = np.arange(25) % 2 == 0
    observation = simulator.reset(mask)
    np.testing.assert_array_equal(observation[~mask], seen[~mask])
    assert (observation[mask] != seen[mask]).any()  # starts are random


def test_without_auto_reset_the_caller_resets_ended_environments():
    family = tasks.make("dark-room")
    simulator = BatchSimulator(family, np.arange(81), auto_reset=False)
    simulator.reset()
    half = np.arange(81) < 40
    for _ in range(7):
        simulator.step(np.ones(81, int))
    simulator.reset(half)
    for _ in range(13):
        result = simulator.step(np.ones(81, int))
    np.testing.assert_array_equal(result.truncated, ~half)
    np.testing.assert_array_equal(result.observation, result.final_observation)
    with pytest.raises(InvalidArgument, match=r"41 of 81 wait for it \(first: 40\); call reset"):
        simulator.step(np.ones(81, int))
    observation = simulator.reset(result.truncated)
    np.testing.assert_array_equal(observation[~half], np.full((41, 2), 4))
    np.testing.assert_array_equal(simulator.step(np.zeros(81, int)).observation, observation)


def test_step_before_reset_is_refused(family):
    with pytest.raises(InvalidArgument, match="25 of 25 wait for it"):
        BatchSimulator(family, np.arange(25)).step(np.zeros(25, int))


def test_empty_batch_steps(family):
    simulator = BatchSimulator(family, np.array([], int))
    assert simulator.reset().shape == (0, 2)
    assert simulator.step(np.array([], int)).reward.shape == (0,)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros(3), "actions must be integers, got float64"),
        (np.zeros(3, bool), "actions must be integers, got bool"),
        (np.zeros(2, int), r"shape \(3,\), one for each environment, got \(2,\)"),
        (np.zeros((3, 1), int), r"shape \(3,\), one for each environment, got \(3, 1\)"),
        (np.array([0, 5, 9]), r"in 0\.\.4, got 5 in environment 1"),
        (np.array([0, 1, -1]), r"in 0\.\.4, got -1 in environment 2"),
        (np.array([256, 1, 0]), r"in 0\.\.4, got 256 in environment 0"),
        (np.array([0, -128, 0], np.int8), r"in 0\.\.4, got -128 in environment 1"),
    ],
)
def test_bad_actions_are_refused_and_change_nothing(family, actions, message):
    simulator = BatchSimulator(family, np.arange(3))
    undisturbed = BatchSimulator(family, np.arange(3))
    simulator.reset()
    undisturbed.reset()
    with pytest.raises(InvalidArgument, match=message):
        simulator.step(actions)
    for a, b in zip(simulator.step([1, 2, 3]), undisturbed.step([1, 2, 3]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "mask", [np.ones(2, bool), np.ones(3, int), np.ones((3, 1), bool)], ids=["short", "int", "2d"]
)
def test_bad_reset_mask_is_refused(family, mask):
    with pytest.raises(InvalidArgument, match=r"reset mask must be bool of shape \(3,\)"):
        BatchSimulator(family, np.arange(3)).reset(mask)


def test_random_streams_of_another_number_are_refused(family):
    with pytest.raises(InvalidArgument, match=r"one entry for each of the 3 task_ids, got shape"):
        BatchSimulator(family, np.arange(3), random_streams=[1, 2])


@pytest.mark.parametrize("auto_reset", [False, True])
@pytest.mark.parametrize("copy", [False, True])
def test_environments_outside_the_mask_stand_still(auto_reset, copy):
    family = tasks.make("dark-room", **VARIANTS["terminating"])
    simulator = BatchSimulator(family, np.arange(6), auto_reset=auto_reset, copy=copy)
    alone = [
        BatchSimulator(family, [e], random_streams=[e], auto_reset=auto_reset) for e in range(6)
    ]
    seen = np.concatenate([single.reset() for single in alone])
    np.testing.assert_array_equal(simulator.reset(), seen)
    random = np.random.default_rng(0)
    waiting = np.zeros(6, bool)
    num_ended = 0
    for _ in range(60):
        mask = (random.random(6) < 0.6) & ~waiting
        actions = random.integers(5, size=6)
        result = simulator.step(actions, mask)
        for e in range(6):
            if mask[e]:
                expected = alone[e].step(actions[e : e + 1])
                seen[e] = expected.observation[0]
                np.testing.assert_equal([row[e] for row in result], [row[0] for row in expected])
            else:
                standing = [seen[e], 0, False, False, seen[e]]
                np.testing.assert_equal([row[e] for row in result], standing)
        ended = result.terminated | result.truncated
        num_ended += int(ended.sum())
        if not auto_reset:
            waiting |= ended
            if waiting.sum() > 2:
                np.testing.assert_array_equal(
                    simulator.reset(waiting)[waiting],
                    np.concatenate([alone[e].reset() for e in np.flatnonzero(waiting)]),
                )
                for e in np.flatnonzero(waiting):
                    seen[e] = alone[e].step(np.array([0]), np.array([False])).observation[0]
                waiting[:] = False
    assert num_ended > 6


def test_step_mask_must_leave_out_what_waits():
    simulator = BatchSimulator(tasks.make("dark-room"), [1, 2], auto_reset=False)
    simulator.reset(np.array([True, False]))
    simulator.step([0, 0], np.array([True, False]))
    with pytest.raises(InvalidArgument, match=r"1 of 2 wait for it \(first: 1\)"):
        simulator.step([0, 0], np.array([False, True]))
    with pytest.raises(InvalidArgument, match=r"step mask must be bool of shape \(2,\)"):
        simulator.step([0, 0], [1, 0])
