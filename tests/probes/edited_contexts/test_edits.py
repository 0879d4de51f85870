"""Legal edits are histories of a task, bit for bit, and a sham is as large as its edit."""

from __future__ import annotations

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.evaluation.recorder import EpisodeRecorder
from adfast.probes.edited_contexts.edits import EPISODES, ILLEGAL, LEGAL, Contexts, contexts_of
from adfast.probes.edited_contexts.rooms import require_one_goal
from adfast.probes.rollouts import streams_of
from adfast.simulators import BatchSimulator

FAMILY = tasks.make("dark-room")
HELD_OUT = FAMILY.split(6, seed=1).held_out
SHAMS = sorted({*LEGAL.values(), *ILLEGAL.values()})
IN_TWO_PLACES = ("spliced-last", "spliced-first", "planted")


def made(family=FAMILY, held_out=HELD_OUT, seeds=4, seed=0) -> Contexts:
    tasks, streams = streams_of(family, held_out, np.arange(seeds))
    return contexts_of(family, tasks, streams, len(held_out), seed)


CONTEXTS = made()
BASE, _ = CONTEXTS.edited("base")


def simulated(task_ids, fields):
    """What the simulator makes of the actions, step by step."""
    num, length = fields["action"].shape
    simulator = BatchSimulator(FAMILY, task_ids)
    record = EpisodeRecorder(FAMILY.transition_schema, num, length // FAMILY.episode_length)
    record.begin(simulator.reset())
    for step in range(length):
        record.add(fields["action"][:, step], simulator.step(fields["action"][:, step]))
    done = record.trajectories(num, 1)
    histories = [done.history(row, 0) for row in range(num)]
    return {name: np.stack([history[name] for history in histories]) for name in fields}


def rows_changed(fields):
    """How many transitions of each context differ from those of the base, place by place."""
    differs = [
        (fields[name] != BASE[name]).reshape(*BASE["action"].shape, -1).any(axis=-1)
        for name in fields
    ]
    return np.any(differs, axis=0).sum(axis=1)


@pytest.mark.parametrize("name", ["base", *LEGAL, *SHAMS])
def test_legal_edits_and_shams_are_what_the_simulator_says(name):
    if "alone" in name:
        pytest.skip("a single transition is no history from its beginning on")
    fields, acts_in = CONTEXTS.edited(name)
    for field, expected in simulated(acts_in, fields).items():
        assert fields[field].dtype == expected.dtype
        np.testing.assert_array_equal(fields[field], expected, err_msg=field)


def test_reward_moves_between_cells_that_the_same_walk_entered():
    entered = CONTEXTS.walks.entered.reshape(len(CONTEXTS.goal), -1)
    for cell, count in ((CONTEXTS.goal, 1), (CONTEXTS.other, 1), (CONTEXTS.unseen, 0)):
        np.testing.assert_array_equal((entered == cell[:, None]).sum(axis=1), count)
    for name, cell in (("base", CONTEXTS.goal), ("moved", CONTEXTS.other)):
        fields, _ = CONTEXTS.edited(name)
        np.testing.assert_array_equal(fields["reward"], entered == cell[:, None])
    assert not CONTEXTS.edited("erased")[0]["reward"].any()
    moved, _ = CONTEXTS.edited("moved")
    for name in ("observation", "action", "next_observation"):
        np.testing.assert_array_equal(moved[name], BASE[name])


@pytest.mark.parametrize("name", IN_TWO_PLACES)
def test_illegal_edits_are_histories_of_no_task(name):
    fields, _ = CONTEXTS.edited(name)
    where = CONTEXTS.cells(fields["next_observation"])
    for row in range(len(where)):
        paid = where[row][fields["reward"][row] > 0]
        assert len(paid) == 2
        if name == "planted":
            assert paid[1] == CONTEXTS.planted[1][row] != paid[0] == CONTEXTS.goal[row]
        else:
            order = slice(None, None, 1 if name == "spliced-last" else -1)
            theirs = CONTEXTS.other[CONTEXTS.partner[row]]
            assert paid[order].tolist() == [CONTEXTS.goal[row], theirs]


@pytest.mark.parametrize(("name", "sham"), [*LEGAL.items(), *ILLEGAL.items()])
def test_sham_is_as_large_and_leaves_the_reward_where_it_was(name, sham):
    edit, fields = CONTEXTS.edited(name)[0], CONTEXTS.edited(sham)[0]
    assert edit["action"].shape == fields["action"].shape
    if sham == "exchanged":
        assert (rows_changed(fields) == 2).all()
        assert (rows_changed(edit) <= 2).all()
    if sham != "search-alone":
        assert (fields["reward"].sum(axis=1) == 1).all()
    if sham == "search-shifted":
        moved = [episodes_moved(each) for each in (edit, fields)]
        np.testing.assert_array_equal(*moved)
        assert (moved[0] == EPISODES - 1).all()
        np.testing.assert_array_equal(fields["reward"], BASE["reward"])


def episodes_moved(fields):
    shape = (len(CONTEXTS.goal), EPISODES, -1)
    differs = fields["next_observation"].reshape(shape) != BASE["next_observation"].reshape(shape)
    return differs.any(axis=-1).sum(axis=1)


def test_context_depends_on_its_stream_alone():
    few, many = made(seeds=2), made(seeds=5)
    shape = (len(HELD_OUT), -1, EPISODES, FAMILY.episode_length)
    np.testing.assert_array_equal(
        few.walks.actions.reshape(shape), many.walks.actions.reshape(shape)[:, :2]
    )
    assert (made(seed=1).walks.actions != CONTEXTS.walks.actions).any()


def test_partner_is_another_context_of_the_same_task():
    assert (CONTEXTS.partner != np.arange(len(CONTEXTS.goal))).all()
    for same in (CONTEXTS.goal, CONTEXTS.unseen):
        np.testing.assert_array_equal(same[CONTEXTS.partner], same)
    assert (CONTEXTS.goal != CONTEXTS.other).all()
    assert (CONTEXTS.unseen != CONTEXTS.other).all()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("bandit", {}, "cell by cell, in a room in which one cell pays, got bandit"),
        ("key-to-door", {}, "got key-to-door"),
        ("dark-room", {"slip": 0.1}, "slip = 0.1"),
        ("dark-room", {"goal_moves_every": 5}, "goal_moves_every = 5"),
        ("dark-room", {"start": "random"}, "start = random"),
        ("dark-room", {"terminate_at_goal": True}, "terminate_at_goal"),
    ],
)
def test_family_of_which_no_context_can_be_built_is_refused(name, options, said):
    with pytest.raises(InvalidArgument, match=said):
        require_one_goal(tasks.make(name, **options))


def test_recorded_environments_are_refused():
    with pytest.raises(InvalidArgument, match="got environments that were recorded"):
        require_one_goal(None)


def test_too_few_tasks_and_episodes_too_short_are_refused():
    with pytest.raises(InvalidArgument, match="at least 3 held-out tasks"):
        made(held_out=np.array([3, 4]))
    short = tasks.make("dark-room", episode_length=3)
    with pytest.raises(InvalidArgument, match="make the episodes longer or the room larger"):
        made(family=short, held_out=np.array([0, 8, 80]))
