"""The ideal learner as a source: what it intends, wherever noise and others have led."""

from typing import ClassVar

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.gridworlds.square_room import ACTION_ORDERS
from pairwise import every_pair
from reference.dark_room import DarkRoomReference
from reference.ideal_learner import ideal_learner_history
from source_algorithms.labelled import labelled_histories

TASKS, STREAMS = np.array([40, 3, 77, 77, 12]), np.array([9, 2**40, 1, 5, 0])
DISTURBED = {
    "undisturbed": {},
    "noise": {"noise": 0.3},
    "others": {"noise": 0.05, "others": 0.7, "others_episodes": 5},
    "random": {"noise": 1.0},
}


@every_pair(action_order=ACTION_ORDERS, disturbed=DISTURBED, keep_every=[1, 3])
def test_labelled_histories_match_reference(action_order, disturbed, keep_every):
    options = DISTURBED[disturbed]
    family = tasks.make("dark-room", action_order=action_order)
    algorithm = source_algorithms.make("ideal-learner", **options)
    out, lengths = labelled_histories(
        algorithm, family, TASKS, STREAMS, 12, seed=5, keep_every=keep_every
    )
    returns = algorithm.returns(family, TASKS, STREAMS, 12, 5)
    for h, (task_id, stream) in enumerate(zip(TASKS, STREAMS, strict=True)):
        keyed = {"seed": 5, "random_stream": int(stream)}
        room = DarkRoomReference(int(task_id), action_order=action_order, **keyed)
        fields, earned = ideal_learner_history(
            room, episodes=12, keep_every=keep_every, labelled=True, **keyed, **options
        )
        assert lengths[h] == len(fields["label"])
        for name, values in fields.items():
            np.testing.assert_array_equal(out[name][h, : lengths[h]], values, err_msg=name)
        np.testing.assert_array_equal(returns[h], earned)


@pytest.mark.parametrize("action_order", ACTION_ORDERS)
def test_undisturbed_it_earns_what_the_plan_does_on_every_task(action_order):
    family = tasks.make("dark-room", action_order=action_order)
    ids = np.arange(81)
    returns = source_algorithms.make("ideal-learner").returns(family, ids, ids, 10, seed=3)
    np.testing.assert_array_equal(returns, family.ideal_learner().returns(ids, 10))


def test_undisturbed_the_label_is_what_is_done():
    family = tasks.make("dark-room")
    out, _ = labelled_histories(source_algorithms.make("ideal-learner"), family, TASKS, STREAMS, 10)
    np.testing.assert_array_equal(out["label"], out["action"])


def test_whoever_was_led_off_the_paths_finds_the_goal_nevertheless():
    family = tasks.make("dark-room")
    ids = np.arange(810)
    algorithm = source_algorithms.make("ideal-learner", noise=0.1)
    out, _ = labelled_histories(algorithm, family, ids % 81, ids, 10)
    found = out["reward"].reshape(810, 10, 20).any(axis=2)
    assert found[:, :6].any(axis=1).mean() > 0.99
    after = out["reward"].reshape(810, 10, 20)[:, -1].mean()
    assert after > 0.7  # of .83 without noise


def test_others_begin_some_histories_and_differ_in_competence():
    family = tasks.make("dark-room")
    algorithm = source_algorithms.make("ideal-learner", others=0.5, others_episodes=1)
    ids = np.arange(400)
    out, _ = labelled_histories(algorithm, family, ids % 81, ids, 3)
    strayed = (out["action"] != out["label"]).reshape(400, 3, 20).mean(axis=2)
    assert 0.35 < (strayed[:, 0] > 0).mean() < 0.6
    assert (strayed[:, 1:] == 0).all()
    assert np.histogram(strayed[strayed[:, 0] > 0, 0], [0, 0.2, 0.4, 0.6, 1])[0].min() > 20


@pytest.mark.parametrize("family", ["dark-house", "frozen-lake"])
def test_family_whose_ideal_learner_nobody_knows_is_refused(family):
    with pytest.raises(InvalidArgument, match="ideal-learner needs a family whose ideal learner"):
        source_algorithms.make("ideal-learner").returns(tasks.make(family), [0], [0], 1, 0)
    with pytest.raises(InvalidArgument, match=r"got DarkRoom.*size=5"):
        source_algorithms.make("ideal-learner").check(tasks.make("dark-room", size=5))


def test_ideal_learner_of_which_only_the_returns_are_known_is_refused():
    class Known:
        def returns(self, task_ids, episodes):
            return np.zeros((len(task_ids), episodes))

    class Room(DarkRoom):
        name: ClassVar[str] = "room"

        def ideal_learner(self):
            return Known()

    with pytest.raises(InvalidArgument, match="ideal learner is known and can act, got Room"):
        source_algorithms.make("ideal-learner").check(Room())


@pytest.mark.parametrize(
    ("option", "value"), [("noise", 1.1), ("others", -0.1), ("others_episodes", 0)]
)
def test_bad_option_is_refused(option, value):
    with pytest.raises(InvalidArgument, match=f"ideal-learner: {option} must be"):
        source_algorithms.make("ideal-learner", **{option: value})
