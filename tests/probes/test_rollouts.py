"""Roll-outs are those of an evaluation, and an agent goes on from the context that it is given."""

import numpy as np
import pytest

from adfast import evaluate
from adfast.baselines.agents.heuristic import Heuristic
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.random_agent import RandomActions
from adfast.probes.rollouts import agent_for, roll_out, streams_of
from probes.subjects import repeating_model, subject


@pytest.mark.parametrize("whose", [{"model": repeating_model()}, {"agent": RandomActions()}])
def test_empty_context_gives_what_an_evaluation_gives(whose):
    asked = subject(**whose) if "model" in whose else subject(**whose, seed=0)
    if "agent" in whose:
        asked = type(asked)(**{**vars(asked), "model": None})
    tasks, streams = streams_of(asked.family, asked.split.held_out, np.arange(3))
    done = roll_out(asked, tasks, streams, 2)
    who = asked.model if asked.model is not None else asked.agent
    expected = evaluate(
        who, asked.family, asked.split.held_out, episodes=2, seeds=3, progress=False
    )
    shape = (len(asked.split.held_out), 3, 2, asked.family.episode_length)
    np.testing.assert_array_equal(done.action.reshape(shape), expected.trajectories.action)
    np.testing.assert_array_equal(done.reward.reshape(shape), expected.trajectories.reward)


def test_seeds_do_not_depend_on_those_beside_them():
    asked = subject(repeating_model())
    few, many = (streams_of(asked.family, asked.split.held_out, np.arange(n)) for n in (2, 5))
    one = roll_out(asked, *few, 2).action.reshape(6, 2, -1)
    beside = roll_out(asked, *many, 2).action.reshape(6, 5, -1)
    np.testing.assert_array_equal(one, beside[:, :2])


def test_heuristic_goes_to_the_goal_that_its_context_shows():
    asked = type(subject())(**{**vars(subject()), "model": None, "agent": Heuristic()})
    family, tasks = asked.family, np.arange(16)
    streams = np.arange(16)
    context = family.transition_schema.allocate(16, 5)
    for values in context.values():
        values[:] = 0
    context["episode_step"][:] = np.arange(5)
    context["boundary"][:, -1] = 2
    rows, columns = np.divmod(tasks, 4)
    goals = np.stack([rows, columns], axis=1)
    context["next_observation"][:] = context["observation"][:, 1:] = goals[:, None]
    context["reward"][:] = 1.0
    shown = roll_out(asked, tasks, streams, 1, context=context)
    unread = roll_out(asked, tasks, streams, 1, context=context, lengths=np.zeros(16, int))
    assert shown.returns.mean() > 2 * unread.returns.mean()
    np.testing.assert_array_equal(unread.action, roll_out(asked, tasks, streams, 1).action)


def test_subject_without_a_model_or_an_agent_is_refused():
    nobody = type(subject())(**{**vars(subject()), "model": None})
    with pytest.raises(InvalidArgument, match="a model or an agent"):
        agent_for(nobody, np.arange(2))
    placeless = type(subject())(**{**vars(subject()), "family": None})
    with pytest.raises(InvalidArgument, match="recorded environments"):
        roll_out(placeless, np.arange(2), np.arange(2), 1)
