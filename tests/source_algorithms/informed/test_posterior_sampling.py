"""Posterior sampling writes the twin's histories, and rules out what cannot be, no more."""

from typing import ClassVar

import numpy as np
import pytest
from numba import int32
from numba.extending import register_jitable

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.tasks.gridworlds.dark_room import DarkRoom
from pairwise import every_pair
from reference.dark_room import DarkRoomReference
from reference.expert import best_moves
from reference.frozen_lake import FrozenLakeReference
from reference.posterior_sampling import posterior_sampling_history, slide_along
from source_algorithms.labelled import labelled_histories

ROOMS = {
    "every step": {"size": 5, "episode_length": 20},  # as below, so that one loop serves all
    "once": {"size": 4, "episode_length": 9, "reward": "once", "action_order": "dpt"},
    "terminating": {"size": 5, "episode_length": 9, "start": "random", "terminate_at_goal": True},
}
TASKS, STREAMS = np.array([3, 13, 13, 0]), np.array([9, 2**40, 1, 0])


@every_pair(room=ROOMS, redraws=[False, True], keep_every=[1, 4])
def test_histories_match_reference(room, redraws, keep_every):
    family = tasks.make("dark-room", **ROOMS[room])
    task_ids = TASKS % family.num_tasks
    algorithm = source_algorithms.make("posterior-sampling", redraws=redraws)
    out, lengths = labelled_histories(
        algorithm, family, task_ids, STREAMS, 25, seed=5, keep_every=keep_every
    )
    for h, (task_id, stream) in enumerate(zip(task_ids, STREAMS, strict=True)):
        keyed = {"seed": 5, "random_stream": int(stream)}
        own = DarkRoomReference(int(task_id), **ROOMS[room], **keyed)
        fields, _ = posterior_sampling_history(
            own, episodes=25, keep_every=keep_every, redraws=redraws, labelled=True, **keyed
        )
        assert lengths[h] == len(fields["action"])
        for name, values in fields.items():
            np.testing.assert_array_equal(out[name][h, : lengths[h]], values, err_msg=name)


def test_order_and_neighbours_change_no_byte():
    family = tasks.make("dark-room", size=5)
    algorithm = source_algorithms.make("posterior-sampling")
    whole, _ = labelled_histories(algorithm, family, TASKS, STREAMS, 8)
    for h in range(len(TASKS)):
        alone, _ = labelled_histories(algorithm, family, TASKS[h : h + 1], STREAMS[h : h + 1], 8)
        for name, values in alone.items():
            np.testing.assert_array_equal(values[0], whole[name][h], err_msg=name)


def test_redrawing_finds_sooner_and_both_end_at_the_optimum():
    family = tasks.make("dark-room", size=5)
    ids = np.arange(500)
    once, again = (
        source_algorithms.make("posterior-sampling", redraws=redraws)
        .returns(family, ids % 25, ids, 30, seed=0)
        .mean(axis=0)
        for redraws in (False, True)
    )
    optimum = family.optimal_return(np.arange(25)).mean()
    assert again[:10].sum() > 1.5 * once[:10].sum()
    assert again[-1] == pytest.approx(optimum)
    assert once[-1] == pytest.approx(optimum)


def test_what_is_hidden_is_followed_in_every_task_that_may_be():
    """In Key-to-Door whether the key is held is not seen, and differs from one task to another."""
    family = tasks.make("key-to-door", size=3)
    ids = np.arange(162)
    algorithm = source_algorithms.make("posterior-sampling", redraws=True)
    returns = algorithm.returns(family, ids % 81, ids, 12, seed=0)
    np.testing.assert_array_equal(returns[:, -1], 2)
    assert returns[:, 0].mean() < 2


@pytest.mark.parametrize("redraws", [False, True])
def test_histories_on_slippery_ice_match_reference(redraws):
    options = {"size": 3, "episode_length": 9, "lakes": 12}
    family = tasks.make("frozen-lake", **options)
    algorithm = source_algorithms.make("posterior-sampling", redraws=redraws)
    task_ids, streams, episodes = np.array([3, 11, 0]), np.array([9, 1, 2**40]), 30
    out, lengths = labelled_histories(algorithm, family, task_ids, streams, episodes)
    for h, (task_id, stream) in enumerate(zip(task_ids.tolist(), streams.tolist(), strict=True)):
        fields, _ = posterior_sampling_history(
            FrozenLakeReference(task_id, **options, seed=5, random_stream=stream),
            episodes=episodes,
            seed=5,
            random_stream=stream,
            redraws=redraws,
            labelled=True,
            rooms_of=lambda _: [FrozenLakeReference(n, **options) for n in range(12)],
            go_along=slide_along,
            best_actions=best_moves,
        )
        assert lengths[h] == len(fields["action"])
        for name, values in fields.items():
            np.testing.assert_array_equal(out[name][h, : lengths[h]], values, err_msg=name)


def test_states_that_look_alike_are_refused():
    class Trapdoor(DarkRoom):
        """A room whose every step may, unseen, lead into another that is the same."""

        name: ClassVar[str] = "trapdoor"
        has_random_steps: ClassVar[bool] = True
        outcomes: ClassVar[tuple] = ((0, 0.5), (2**31, 0.5))

        @property
        def state_sizes(self):
            return (self.size, self.size, 2)

        @property
        def reset(self):
            plain = super().reset

            @register_jitable
            def reset(task, episode, key):
                row, column = plain(task, episode, key)
                return row, column, int32(0)

            return reset

        @property
        def step(self):
            plain = super().step

            @register_jitable
            def step(task, state, action, key):
                (row, column), reward, terminated = plain(task, state[:2], action, key)
                return (row, column, int32(key >> 31)), reward, terminated

            return step

    with pytest.raises(InvalidArgument, match="task 3 of trapdoor chance led to states that look"):
        source_algorithms.make("posterior-sampling").returns(Trapdoor(size=3), [3], [0], 2, 0)


def test_family_whose_outcomes_nobody_has_counted_is_refused():
    class Windy(DarkRoom):
        name: ClassVar[str] = "windy"
        has_random_steps: ClassVar[bool] = True

    with pytest.raises(InvalidArgument, match="got windy, whose outcomes are None"):
        source_algorithms.make("posterior-sampling").check(Windy())


def test_family_of_too_many_tasks_is_refused():
    with pytest.raises(InvalidArgument, match="at most 16,384, but dark-room has 40,000; make"):
        source_algorithms.make("posterior-sampling").check(tasks.make("dark-room", size=200))


def test_family_without_a_planner_is_refused():
    class Maze(DarkRoom):
        name: ClassVar[str] = "maze"
        planner: ClassVar[bool] = False

    with pytest.raises(InvalidArgument, match="a family that has a planner, got maze"):
        source_algorithms.make("posterior-sampling").check(Maze())


def test_bad_option_is_refused():
    with pytest.raises(InvalidArgument, match="posterior-sampling: redraws must be"):
        source_algorithms.make("posterior-sampling", redraws=2)
