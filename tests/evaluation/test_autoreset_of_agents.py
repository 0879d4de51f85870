"""An agent acts alike in environments of every autoreset mode."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Agent
from adfast.simulators.gymnasium_env import FamilyVectorEnv
from evaluation.acting import ROOM, TERMINATING_ROOM, random_model

OPTIONS = {
    ROOM: {"size": 5, "episode_length": 10},
    TERMINATING_ROOM: {"size": 5, "start": "random", "terminate_at_goal": True},
}
STEPS = 130
NUM_ENVIRONMENTS = 5


def transitions(family, model, mode, forget_at=None):
    """Each environment's (observation, action, reward) rows, without steps that only reset."""
    vector = FamilyVectorEnv(
        NUM_ENVIRONMENTS, task_ids=[3, 8, 12, 13, 24], autoreset_mode=mode, **OPTIONS[family]
    )
    autoreset = "next-step" if mode is AutoresetMode.NEXT_STEP else "same-step"
    agent = Agent(model, NUM_ENVIRONMENTS, seed=2, autoreset=autoreset)
    observation, _ = vector.reset(seed=1)
    actions = agent.act(observation)
    rows = [[] for _ in range(NUM_ENVIRONMENTS)]
    was_done = np.zeros(NUM_ENVIRONMENTS, bool)
    for _ in range(STEPS):
        before = observation
        observation, reward, terminated, truncated, info = vector.step(actions)
        done = terminated | truncated
        for e in range(NUM_ENVIRONMENTS):
            if not (was_done[e] and mode is AutoresetMode.NEXT_STEP):
                rows[e].append((*before[e], actions[e], reward[e]))
        was_done = done
        final = info.get("final_obs")
        if mode is AutoresetMode.DISABLED and done.any():
            final = observation
            observation, _ = vector.reset(options={"reset_mask": done})
        for e in range(NUM_ENVIRONMENTS):  # between two histories, wherever an episode is
            if len(rows[e]) == forget_at:
                agent.reset(np.arange(NUM_ENVIRONMENTS) == e)
        actions = agent.act(observation, reward, terminated, truncated, final)
    return rows


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED])
@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("family", [ROOM, TERMINATING_ROOM], ids=["fixed", "terminating"])
def test_what_it_does_is_the_same_in_every_mode(family, layout, mode):
    model = random_model(family, layout=layout)
    expected = transitions(family, model, AutoresetMode.SAME_STEP)
    found = transitions(family, model, mode)
    for mine, theirs in zip(found, expected, strict=True):
        assert len(mine) > 0.6 * STEPS
        assert mine == theirs[: len(mine)]


def test_environments_that_begin_anew_forget_how_an_episode_ended():
    model = random_model(ROOM)
    expected = transitions(ROOM, model, AutoresetMode.SAME_STEP, forget_at=14)
    found = transitions(ROOM, model, AutoresetMode.NEXT_STEP, forget_at=14)
    assert [rows[:100] for rows in found] == [rows[:100] for rows in expected]
    assert found != transitions(ROOM, model, AutoresetMode.NEXT_STEP)


def test_another_word_is_refused():
    with pytest.raises(InvalidArgument, match='autoreset must be "same-step" or "next-step"'):
        Agent(random_model(ROOM), autoreset="Disabled")
