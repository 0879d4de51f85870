"""Compiled actor-critic writes its twin's histories, whatever shares its call."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.source_algorithms.loops.softmax_choice import exponential
from reference.actor_critic import actor_critic_histories
from reference.actor_critic import exponential as exponential_twin
from reference.dark_room import VARIANTS, DarkRoomReference
from tasks.twins import CASES

EPISODES = 25
ROLLOUTS = {
    "actors": 7,
    "n_steps": 6,
    "policy_rate": 0.2,
    "trace": 0.8,
    "entropy_bonus": 0.05,
    "discount": 0.97,
}


def learned(family, options, task_ids, streams, **how):
    """The histories of a call as a list of dicts of arrays, and all returns."""
    algorithm = source_algorithms.make("actor-critic", **options)
    count = len(task_ids) // algorithm.actors * (how.get("streams_per_learner") or algorithm.actors)
    kept = -(-EPISODES // how.get("keep_every", 1))
    out = family.transition_schema.allocate(count, kept * family.episode_length)
    for array in out.values():
        array.fill(123)
    lengths = algorithm.learn(family, task_ids, streams, EPISODES, 5, out, **how)
    beyond = np.arange(out["action"].shape[1]) >= lengths[:, None]
    assert all((array[beyond] == 123).all() for array in out.values())
    histories = [{n: a[h, :length] for n, a in out.items()} for h, length in enumerate(lengths)]
    return histories, algorithm.returns(family, task_ids, streams, EPISODES, 5)


def require_same(history, other):
    for name, array in history.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
        assert len(array) == len(other[name])


@pytest.mark.parametrize(
    ("variant", "options", "keep_every"),
    [
        pytest.param("dark-room", {}, 1, marks=pytest.mark.thorough),
        ("terminating", ROLLOUTS, 1),
        ("terminating", ROLLOUTS | {"actors": 1, "n_steps": 100}, 4),
        ("hard", ROLLOUTS | {"reads": "state", "actors": 3}, 3),
    ],
    ids=["default", "episodes end early", "rollouts of an episode", "reads states"],
)
def test_histories_match_reference(variant, options, keep_every):
    family, actors = tasks.make("dark-room", **VARIANTS[variant]), options.get("actors", 1)
    goals = [3, 24, 24]
    task_ids, streams = np.repeat(goals, actors), 2**40 + 3 * np.arange(len(goals) * actors)
    histories, returns = learned(family, options, task_ids, streams, keep_every=keep_every)
    options = {name: value for name, value in options.items() if name != "actors"}
    for learner, goal in enumerate(goals):
        of = range(learner * actors, (learner + 1) * actors)
        rooms = [
            DarkRoomReference(goal, **VARIANTS[variant], seed=5, random_stream=int(streams[h]))
            for h in of
        ]
        expected = actor_critic_histories(
            rooms,
            episodes=EPISODES,
            seed=5,
            random_streams=streams[of].tolist(),
            keep_every=keep_every,
            **options,
        )
        for h, (fields, earned) in zip(of, expected, strict=True):
            require_same(fields, histories[h])
            np.testing.assert_array_equal(returns[h], earned)


@pytest.mark.parametrize("n_steps", [1, 6, 100])
def test_histories_of_episodes_that_tasks_cut_off_or_end_match_reference(n_steps):
    """A mixture of rooms and lakes, each with a time limit of its own below the mixture's."""
    case, options = CASES["mixture", "three"], ROLLOUTS | {"actors": 3, "n_steps": n_steps}
    family = tasks.make("mixture", **case.options)
    of_kind = family.task_parameters(np.arange(family.num_tasks))[:, 0]
    tasks_of_learners = [int(np.flatnonzero(of_kind == kind)[2]) for kind in range(3)]
    task_ids, streams = np.repeat(tasks_of_learners, 3), 7 * np.arange(9)
    histories, returns = learned(family, options, task_ids, streams, keep_every=2)
    del options["actors"]
    for learner, task_id in enumerate(tasks_of_learners):
        of = slice(learner * 3, (learner + 1) * 3)
        expected = actor_critic_histories(
            [case.twin_of(task_id, seed=5, random_stream=int(s)) for s in streams[of]],
            episodes=EPISODES,
            seed=5,
            random_streams=streams[of].tolist(),
            keep_every=2,
            **options,
        )
        for h, (fields, earned) in zip(range(9)[of], expected, strict=True):
            require_same(fields, histories[h])
            np.testing.assert_array_equal(returns[h], earned)
    ends = [set(history["boundary"].tolist()) for history in histories]
    assert set.union(*ends[:3]) == {0, 2}
    assert set.union(*ends[6:]) == {0, 1, 2}
    longest = [np.diff(np.flatnonzero(h["boundary"]), prepend=-1).max() for h in histories]
    assert family.episode_length == 30
    assert (longest[0], longest[-1]) == (12, 17)


def test_learners_do_not_depend_on_what_shares_their_call():
    family = tasks.make("dark-room", **VARIANTS["terminating"])
    task_ids, streams = np.repeat([4, 9, 4], 7), np.arange(21)
    whole, returns = learned(family, ROLLOUTS, task_ids, streams)
    for learner in (2, 0, 1):
        of = slice(learner * 7, (learner + 1) * 7)
        alone, earned = learned(family, ROLLOUTS, task_ids[of], streams[of])
        np.testing.assert_array_equal(earned, returns[of])
        for history, other in zip(alone, whole[of], strict=True):
            require_same(history, other)


@pytest.mark.parametrize("streams_per_learner", [1, 3, 7])
def test_the_first_streams_of_a_learner_are_those_of_the_whole(streams_per_learner):
    family = tasks.make("dark-room", **VARIANTS["terminating"])
    task_ids, streams = np.repeat([4, 9, 4], 7), np.arange(21)
    whole, _ = learned(family, ROLLOUTS, task_ids, streams, keep_every=2)
    how = {"keep_every": 2, "streams_per_learner": streams_per_learner}
    kept, _ = learned(family, ROLLOUTS, task_ids, streams, **how)
    assert len(kept) == 3 * streams_per_learner
    for h, history in enumerate(kept):
        learner, actor = divmod(h, streams_per_learner)
        require_same(history, whole[learner * 7 + actor])


def test_learning_curve_is_the_known_one():
    family, ids = tasks.make("dark-room"), np.arange(3000)
    returns = source_algorithms.make("actor-critic").returns(family, ids % 81, ids, 500, seed=0)
    measured = {episode: returns[:, episode - 1].mean() for episode in (50, 200, 500)}
    assert measured == pytest.approx({50: 9.0, 200: 15.3, 500: 16.5}, abs=0.7)


def test_actors_teach_each_other():
    family, goals = tasks.make("dark-room"), np.arange(81)
    alone = source_algorithms.make("actor-critic")
    many = source_algorithms.make("actor-critic", actors=100)
    of_one = alone.returns(family, goals, goals, 10, 0)[:, -1].mean()
    of_many = many.returns(family, np.repeat(goals, 100), np.arange(8100), 10, 0)[:, -1].mean()
    assert of_one < 4
    assert of_many > 15


def test_exponential_is_near_and_the_same_everywhere():
    x = -np.geomspace(1e-9, 1e4, 2000)
    found = np.array([exponential(value) for value in x.tolist()])
    np.testing.assert_array_equal(found, [exponential_twin(value) for value in x.tolist()])
    near = x > -5
    np.testing.assert_allclose(found[near], np.exp(x[near]), rtol=2e-6)
    np.testing.assert_allclose(found[x > -20], np.exp(x[x > -20]), rtol=5e-4)
    assert (np.diff(found) <= 0).all()
    assert found[-1] < 1e-100


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("actors", 0),
        ("n_steps", 0),
        ("n_steps", 2**20),
        ("policy_rate", 0.0),
        ("value_rate", 1.5),
        ("discount", 1.1),
        ("trace", -0.1),
        ("entropy_bonus", -1.0),
        ("logit_decay", 1.0),
        ("reads", "pixels"),
    ],
)
def test_bad_option_is_refused(option, value):
    with pytest.raises(InvalidArgument, match=f"actor-critic: {option} must be"):
        source_algorithms.make("actor-critic", **{option: value})


def test_tasks_that_make_no_whole_learners_are_refused():
    family = tasks.make("dark-room")
    algorithm = source_algorithms.make("actor-critic", actors=3)
    message = "task_ids must come in groups of 3, the actors of a learner of actor-critic, each of"
    for task_ids in ([0, 0], [0, 0, 1], [0, 0, 0, 1]):
        with pytest.raises(InvalidArgument, match=message):
            algorithm.returns(family, task_ids, np.arange(len(task_ids)), 1, 0)
    out = family.transition_schema.allocate(3, 20)
    with pytest.raises(InvalidArgument, match="streams_per_learner must be at most 3, the actors"):
        algorithm.learn(family, [0] * 3, np.arange(3), 1, 0, out, streams_per_learner=4)


def test_actors_beyond_all_memory_are_refused():
    algorithm = source_algorithms.make("actor-critic", actors=2**20, n_steps=512)
    with pytest.raises(InvalidArgument, match=r"would hold 1,611,662,284 .* or lower actors"):
        algorithm.check(tasks.make("dark-room"))
