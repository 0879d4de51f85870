"""What `evaluate` and its recorder say is what happens when it is played back step by step."""

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Agent
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.in_context import evaluate
from adfast.simulators import BatchSimulator
from evaluation.acting import ROOM, TERMINATING_ROOM, random_model
from reference.dark_room import DarkRoomReference

ROOMS = {
    "fixed": (ROOM, {"size": 5, "episode_length": 10}),
    "terminating": (TERMINATING_ROOM, {"size": 5, "start": "random", "terminate_at_goal": True}),
}
TASK_IDS = np.array([2, 12, 18])
SEEDS, EPISODES = 2, 5


@pytest.fixture(scope="module", params=ROOMS)
def played(request):
    """A family, its twin's options, the model and its evaluation."""
    family, options = ROOMS[request.param]
    model = random_model(family)
    finished = []
    result = evaluate(
        model,
        family,
        TASK_IDS,
        episodes=EPISODES,
        seeds=SEEDS,
        seed=9,
        on_episode=finished.append,
    )
    assert finished == [1, 2, 3, 4, 5]
    return family, options, model, result


def stream(family, task_id, seed):
    return seed * family.num_tasks + int(task_id)


def test_recorded_actions_lead_where_the_plain_python_room_says(played):
    family, options, _, result = played
    ended_early = 0
    for task, seed in np.ndindex(3, SEEDS):
        task_id = int(TASK_IDS[task])
        room = DarkRoomReference(
            task_id, **options, seed=9, random_stream=stream(family, task_id, seed)
        )
        for episode in range(EPISODES):
            where = task, seed, episode
            observation, action, reward = (
                getattr(result.trajectories, name)[where]
                for name in ("observation", "action", "reward")
            )
            assert tuple(observation[0]) == room.reset()
            done, steps = False, 0
            while not done:
                cell, paid, terminated, truncated = room.step(int(action[steps]))
                steps += 1
                assert tuple(observation[steps]) == cell
                assert reward[steps - 1] == paid
                done = terminated or truncated
            ended_early += steps < family.episode_length
            assert result.trajectories.length[where] == steps
            assert result.trajectories.boundary[where] == (1 if terminated else 2)
            assert (observation[steps:] == observation[steps]).all()
            assert not action[steps:].any()
            assert not reward[steps:].any()
            assert result.returns[where] == reward.sum()
    assert (ended_early > 0) == ("terminate_at_goal" in options)


def test_history_is_what_was_played_one_episode_after_the_other(played):
    family, _, _, result = played
    played_back = result.trajectories
    for task, seed in np.ndindex(3, SEEDS):
        history = played_back.history(task, seed)
        schema = family.transition_schema
        assert {name: (array.dtype, array.shape[1:]) for name, array in history.items()} == {
            name: (field.dtype, field.shape) for name, field in schema.fields.items()
        }
        first = 0
        for episode, length in enumerate(played_back.length[task, seed]):
            part = {name: array[first : first + length] for name, array in history.items()}
            seen = played_back.observation[task, seed, episode]
            np.testing.assert_array_equal(part["observation"], seen[:length])
            np.testing.assert_array_equal(part["next_observation"], seen[1 : length + 1])
            for name in ("action", "reward"):
                recorded = getattr(played_back, name)[task, seed, episode, :length]
                np.testing.assert_array_equal(part[name], recorded)
            np.testing.assert_array_equal(part["episode_step"], np.arange(length))
            ending = [0] * (length - 1) + [played_back.boundary[task, seed, episode]]
            np.testing.assert_array_equal(part["boundary"], ending)
            first += length
        assert first == len(history["action"])


def test_every_environment_does_what_it_would_do_alone(played):
    family, _, model, result = played
    for task, seed in np.ndindex(3, SEEDS):
        streams = np.array([stream(family, TASK_IDS[task], seed)])
        simulator = BatchSimulator(family, TASK_IDS[[task]], 9, random_streams=streams)
        agent = Agent(model, 1, seed=9, random_streams=streams)
        actions = agent.act(simulator.reset())
        for episode in range(EPISODES):
            taken, done = [], False
            while not done:
                taken.append(int(actions[0]))
                step = simulator.step(actions)
                done = bool(step.terminated[0] | step.truncated[0])
                actions = agent.act(*step)
            recorded = result.trajectories.action[task, seed, episode]
            np.testing.assert_array_equal(recorded[: len(taken)], taken)


def test_result_is_a_function_of_task_and_seed_alone(played):
    family, _, model, result = played
    alone = evaluate(model, family, TASK_IDS[1:2], episodes=EPISODES, seeds=1, seed=9)
    np.testing.assert_array_equal(alone.returns, result.returns[1:2, :1])
    other = evaluate(model, family, TASK_IDS, episodes=EPISODES, seeds=SEEDS, seed=10)
    assert not np.array_equal(other.trajectories.action, result.trajectories.action)


def test_shapes_and_dtypes(played):
    family, _, _, result = played
    steps = family.episode_length
    assert result.returns.shape == (3, SEEDS, EPISODES)
    assert result.returns.dtype == np.float64
    assert result.trajectories.observation.shape == (3, SEEDS, EPISODES, steps + 1, 2)
    assert result.trajectories.observation.dtype == np.uint8
    assert result.trajectories.action.shape == (3, SEEDS, EPISODES, steps)
    np.testing.assert_array_equal(result.task_ids, TASK_IDS)


def test_part_of_the_tasks_can_be_selected(played):
    *_, result = played
    part = result.select(slice(1, None))
    np.testing.assert_array_equal(part.task_ids, TASK_IDS[1:])
    np.testing.assert_array_equal(part.returns, result.returns[1:])
    np.testing.assert_array_equal(part.trajectories.returns, part.returns)


def test_temperature_zero_does_not_depend_on_the_seed():
    model = random_model(ROOM)
    one, two = (
        evaluate(model, ROOM, TASK_IDS, episodes=2, seeds=2, seed=seed, temperature=0)
        for seed in (1, 2)
    )
    np.testing.assert_array_equal(one.trajectories.action, two.trajectories.action)
    np.testing.assert_array_equal(one.returns[:, 0], one.returns[:, 1])


def test_history_as_long_as_the_learned_positions_can_be_evaluated():
    model = random_model(ROOM, position_encoding="learned", num_learned_positions=30)
    assert evaluate(model, ROOM, TASK_IDS, episodes=3, seeds=1).returns.shape == (3, 1, 3)
    with pytest.raises(InvalidArgument, match="num_learned_positions is 30"):
        evaluate(model, ROOM, TASK_IDS, episodes=4, seeds=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": TERMINATING_ROOM}, "evaluate on the family, or the environments, that"),
        ({"task_ids": np.array([25])}, r"task_ids of dark-room must be in 0\.\.24, got 25"),
        ({"task_ids": np.array([], int)}, "task_ids must name at least one task, got none"),
        ({"episodes": 0}, r"episodes must be an integer in 1\.\.2\*\*31-1, got 0"),
        ({"seeds": 0}, r"seeds must be an integer in 1\.\.2\*\*31-1, got 0"),
        ({"temperature": -1.0}, "temperature must be a finite number of at least 0, got -1"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        evaluate(**{"agent": random_model(ROOM), "family": ROOM, "task_ids": TASK_IDS} | arguments)


def test_agent_is_evaluated_as_its_model_with_its_temperature():
    model = random_model(ROOM)
    sizes = {"episodes": 2, "seeds": 2, "seed": 3, "progress": False}
    by_agent = evaluate(Agent(model, temperature=0.3), ROOM, [3, 7], **sizes)
    by_model = evaluate(model, ROOM, np.array([3, 7]), temperature=0.3, **sizes)
    np.testing.assert_array_equal(by_agent.trajectories.action, by_model.trajectories.action)
    warmer = evaluate(Agent(model, temperature=0.3), ROOM, [3, 7], temperature=1.0, **sizes)
    plain = evaluate(model, ROOM, [3, 7], **sizes)
    np.testing.assert_array_equal(warmer.trajectories.action, plain.trajectories.action)


def test_what_is_no_model_is_answered_with_what_is():
    with pytest.raises(InvalidArgument, match="agent must be a Transformer, an AgentMaker or"):
        evaluate("runs/demo", ROOM, [3])


def test_rewards_that_are_not_told_are_counted_all_the_same():
    def last(tell_rewards, agent="heuristic"):
        found = evaluate(
            AGENTS.make(agent),
            ROOM,
            TASK_IDS,
            episodes=30,
            seeds=8,
            tell_rewards=tell_rewards,
            progress=False,
        )
        return found.returns[:, :, -5:].mean(axis=(0, 1)).mean()

    assert last(tell_rewards=True) > 4.0
    assert last(tell_rewards=False) == pytest.approx(
        last(tell_rewards=True, agent="random"), abs=0.5
    )
    with pytest.raises(InvalidArgument, match="tell_rewards must be true or false, got 0"):
        last(tell_rewards=0)


def test_repr_says_what_it_holds(played):
    result = next(part for part in played if hasattr(part, "returns"))
    first, last = result.returns[:, :, 0].mean(), result.returns[:, :, -1].mean()
    assert repr(result) == (
        f"<InContextEvaluation: 3 tasks x {SEEDS} seeds x {EPISODES} episodes; mean return "
        f"{first:.2f} in the first episode, {last:.2f} in the last>"
    )
    assert repr(result.select(slice(0, 0))).endswith(f": 0 tasks x {SEEDS} seeds x 5 episodes>")
