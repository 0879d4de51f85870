"""What families say of themselves, beside what is known of them and beside plain counting."""

import math

import numpy as np
import pytest

from adfast import family_facts, tasks
from adfast.errors import InvalidArgument
from adfast.facts.first_reward import bits_left
from adfast.random_draws import bounded, step_key
from adfast.random_streams import (
    ENVIRONMENT_RESET,
    ENVIRONMENT_STEP,
    RANDOM_POLICY,
    TASK_CONTENT,
    keys_at,
    stream_keys,
)
from adfast.tasks.checked_calls import checked_observe, checked_reset, checked_step


def plain_bits(family, history, seed):
    """The bits that one history leaves, by Bayes' rule over all tasks and all states."""

    def words(purpose):
        return [word[0] for word in stream_keys(seed, purpose, np.array([history]))]

    resets, steps, policy = (
        words(purpose) for purpose in (ENVIRONMENT_RESET, ENVIRONMENT_STEP, RANDOM_POLICY)
    )
    drawn = keys_at(*stream_keys(seed, TASK_CONTENT, [history]), np.zeros(1, np.uint32))[0]
    own = int(drawn) * family.num_tasks >> 32
    probability = dict.fromkeys(range(family.num_tasks), 1.0)
    for episode in range(1000):
        key = step_key(*resets, episode)
        starts = {task: checked_reset(family, task, episode, key) for task in probability}
        state = starts[own]
        seen = checked_observe(family, own, state)
        beliefs = {
            task: {start: probability[task]}
            for task, start in starts.items()
            if checked_observe(family, task, start) == seen
        }
        for t in range(family.episode_length):
            clock = episode * family.episode_length + t
            action = int(bounded(step_key(*policy, clock), family.num_actions))
            state, paid, ended = checked_step(family, own, state, action, step_key(*steps, clock))
            seen = checked_observe(family, own, state)
            beliefs = {
                task: after(family, task, states, action, (paid, ended, seen))
                for task, states in beliefs.items()
            }
            probability = {task: sum(states.values()) for task, states in beliefs.items() if states}
            beliefs = {task: beliefs[task] for task in probability}
            if paid:
                total = sum(probability.values())
                shares = [value / total for value in probability.values()]
                return -sum(share * math.log2(share) for share in shares)
            if ended:
                break
    raise AssertionError("no reward")


def after(family, task, states, action, seen):
    """The states that a task may be in after a step that was seen so, and their weights."""
    then = {}
    for state, weight in states.items():
        for key, chance in family.outcomes:
            state_next, paid, ended = checked_step(family, task, state, action, key)
            if (paid, ended, checked_observe(family, task, state_next)) == seen:
                then[state_next] = then.get(state_next, 0.0) + weight * chance
    return then


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("key-to-door", {"size": 2, "episode_length": 5}),
        ("frozen-lake", {"lakes": 12, "episode_length": 30}),
    ],
)
def test_bits_left_are_those_of_plain_counting(name, options):
    family = tasks.make(name, **options)
    with np.errstate(over="ignore"):
        expected = [plain_bits(family, history, 3) for history in range(4)]
    np.testing.assert_allclose(bits_left(family, 4, 3), expected, atol=1e-9)


def test_dark_room_is_known_after_its_first_reward():
    facts = family_facts(tasks.make("dark-room"), episodes=10, histories=64)
    assert (facts.family, facts.num_tasks, facts.bits) == ("dark-room", 81, math.log2(81))
    assert (facts.bits_left, facts.bits_left_error) == (0.0, 0.0)
    assert facts.optimum == pytest.approx(1340 / 81)
    assert facts.random == pytest.approx(0.247, abs=0.03)
    assert (facts.learner, facts.learner_is) == ("ideal learner", "best known plan")
    assert facts.learned.sum() == pytest.approx(135.09, abs=0.01)


def test_after_the_key_the_door_may_be_anywhere_else():
    family = tasks.make("key-to-door", size=3, episode_length=20)
    facts = family_facts(family, episodes=12, histories=400)
    # One task in nine has both in one cell, which pays 2; of the others eight doors are left.
    expected, error = 8 / 9 * 3, facts.bits_left_error
    assert abs(facts.bits_left - expected) < 5 * error
    assert facts.learner == "posterior-sampling"
    assert facts.learned[0] < facts.learned[-1] <= 2


def test_what_nobody_counts_is_left_out():
    facts = family_facts(tasks.make("bandit", arms=3, bandits=50), episodes=30, histories=8)
    assert (facts.bits_left, facts.bits_left_error) == (None, None)
    assert facts.learner == "thompson-sampling"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "dark-room"}, "family must be a task family; adfast.tasks.make gives one"),
        ({"episodes": 0}, "episodes must be"),
        ({"histories": 0}, "histories must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        family_facts(**({"family": tasks.make("dark-room")} | arguments))
