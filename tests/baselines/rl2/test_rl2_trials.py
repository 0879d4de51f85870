"""A trial is a function of its stream, the seed and the weights."""

import numpy as np
import pytest
import torch

from adfast.baselines.rl2.trials import draw_tasks, joined, play_trials, returns_by_episode
from adfast.tasks.transition_schema import BOUNDARY_INSIDE
from baselines.rl2.tiny_rl2 import ENDING_FAMILY, FAMILY, TASKS, random_policy

IDS = np.array(TASKS)


@pytest.mark.parametrize("family", [FAMILY, ENDING_FAMILY], ids=["fixed", "ending"])
def test_a_trial_depends_on_its_stream_alone(family):
    policy = random_policy(family.transition_schema)
    streams = np.arange(40, 52)
    whole = play_trials(policy, family, IDS, 7, streams, 30)
    parts = joined(
        [play_trials(policy, family, IDS, 7, part, 30) for part in (streams[:5], streams[5:])]
    )
    for name, values in whole.fields.items():
        assert values.equal(parts.fields[name]), name
    other = play_trials(policy, family, IDS, 8, streams, 30)
    assert not other.fields["action"].equal(whole.fields["action"])


def test_trials_are_histories_of_the_family():
    policy = random_policy(ENDING_FAMILY.transition_schema)
    fields = play_trials(policy, ENDING_FAMILY, IDS, 7, np.arange(20), 40).fields
    ends = fields["boundary"] != BOUNDARY_INSIDE
    step = fields["episode_step"].long()
    assert (step[:, 0] == 0).all()
    assert step[:, 1:].equal(torch.where(ends[:, :-1], 0, step[:, :-1] + 1))
    goes_on = ~ends[:, :-1]
    assert fields["next_observation"][:, :-1][goes_on].equal(fields["observation"][:, 1:][goes_on])
    assert (fields["reward"] > 0).any()
    assert (step[ends] < ENDING_FAMILY.episode_length - 1).any()


def test_every_task_is_drawn_as_often_as_any_other():
    tasks = draw_tasks(np.array([3, 5, 8]), 0, np.arange(6000))
    numbers, counts = np.unique(tasks, return_counts=True)
    assert numbers.tolist() == [3, 5, 8]
    assert (abs(counts - 2000) < 150).all()
    assert draw_tasks(np.array([3, 5, 8]), 0, np.array([17])) == tasks[17]


def test_returns_are_those_of_episodes_that_ended():
    policy = random_policy(ENDING_FAMILY.transition_schema)
    fields = play_trials(policy, ENDING_FAMILY, IDS, 7, np.arange(9), 13).fields
    earned = [[] for _ in range(8)]
    for trial in range(9):
        total, episode = 0.0, 0
        for t in range(13):
            total += float(fields["reward"][trial, t])
            if fields["boundary"][trial, t] != BOUNDARY_INSIDE:
                if episode < 8:
                    earned[episode].append(total)
                total, episode = 0.0, episode + 1
    expected = [np.mean(values) if values else None for values in earned]
    assert None in expected
    assert returns_by_episode(fields, 8) == pytest.approx(expected)
