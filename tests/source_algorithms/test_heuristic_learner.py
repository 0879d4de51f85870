"""The heuristic as a learner writes the twin's histories, and acts as the agent of its name."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.baselines.agents.rules_agent import RulesAgent
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from reference.dark_room import DarkRoomReference
from reference.heuristic_learner import heuristic_history
from reference.key_to_door import KeyToDoorReference

ROOMS = {
    "every step": {"size": 4},
    "once": {"size": 3, "reward": "once", "start": "random"},
    "terminating": {"size": 4, "start": "random", "terminate_at_goal": True},
    "dpt": {"size": 4, "start": "corner", "action_order": "dpt"},
}
IN_THE_SUITE = ("once", "terminating")
KEYS = {"size": 3, "episode_length": 20, "key_observed": True}
TASKS, STREAMS = np.array([3, 13, 13, 0]), np.array([9, 2**40, 1, 0])
EPISODES, SEED = 20, 5


def histories(family, task_ids, **options):
    algorithm = source_algorithms.make("heuristic", **options)
    out = family.transition_schema.allocate(len(task_ids), EPISODES * family.episode_length)
    lengths = algorithm.learn(family, task_ids, STREAMS, EPISODES, SEED, out)
    return out, lengths


def require_equal(out, lengths, twins):
    for h, fields in enumerate(twins):
        assert lengths[h] == len(fields["action"])
        for name, values in fields.items():
            np.testing.assert_array_equal(out[name][h, : lengths[h]], values, err_msg=name)


@pytest.mark.parametrize(
    "room",
    [
        pytest.param(room, id=name, marks=() if name in IN_THE_SUITE else pytest.mark.thorough)
        for name, room in ROOMS.items()
    ],
)
@pytest.mark.parametrize("patience", [1, 3])
def test_histories_match_reference(room, patience):
    family = tasks.make("dark-room", episode_length=9, **room)
    task_ids = TASKS % family.num_tasks
    out, lengths = histories(family, task_ids, patience=patience)
    keyed = [{"seed": SEED, "random_stream": int(stream)} for stream in STREAMS]
    rooms = [
        DarkRoomReference(int(task), episode_length=9, **room, **each)
        for task, each in zip(task_ids, keyed, strict=True)
    ]
    twins = [
        heuristic_history(own, episodes=EPISODES, patience=patience, **each)[0]
        for own, each in zip(rooms, keyed, strict=True)
    ]
    require_equal(out, lengths, twins)


def test_each_view_has_a_goal_of_its_own():
    family = tasks.make("key-to-door", **KEYS)
    out, lengths = histories(family, TASKS)
    twins = []
    for task, stream in zip(TASKS, STREAMS, strict=True):
        keyed = {"seed": SEED, "random_stream": int(stream)}
        own = KeyToDoorReference(int(task), **KEYS, **keyed)
        twins.append(heuristic_history(own, episodes=EPISODES, **keyed)[0])
    require_equal(out, lengths, twins)


@pytest.mark.parametrize("patience", [1, 2])
def test_it_is_the_agent_of_its_name(patience):
    """Whatever was read, both hold the same actions as probable."""
    family = tasks.make("dark-room", size=4, reward="once", episode_length=12)
    learner = source_algorithms.make("heuristic", patience=patience)
    schema = family.transition_schema
    ours = RulesAgent(learner, family, schema, len(TASKS))
    agent = AGENTS.make("heuristic", patience=patience).make_agent(
        schema, len(TASKS), family=family
    )
    out, _ = histories(family, TASKS, patience=3)
    for t in range(out["action"].shape[1]):
        for each in (ours, agent):
            each.act(out["observation"][:, t])
        np.testing.assert_allclose(ours.action_probabilities(), agent.action_probabilities())
        for each in (ours, agent):
            each.read({name: values[:, t : t + 1] for name, values in out.items()})


def test_other_families_are_refused():
    with pytest.raises(InvalidArgument, match="square room"):
        histories(tasks.make("bandit"), TASKS)
    with pytest.raises(InvalidArgument, match="permute_actions"):
        histories(tasks.make("dark-room", size=4, permute_actions=True), TASKS)
