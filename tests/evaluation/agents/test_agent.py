"""The agent acts alike in any loop and any company, and refuses what it cannot read."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
import torch

import adfast.simulators.gymnasium_env
from adfast.errors import CheckpointError, InvalidArgument
from adfast.evaluation.agents.agent import Agent, load
from adfast.evaluation.in_context import evaluate
from adfast.models.checkpoint import save_model
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from evaluation.acting import ROOM, TERMINATING_ROOM, act, random_model

assert adfast.simulators.gymnasium_env  # registers the environments


@pytest.fixture(scope="module")
def model():
    return random_model(ROOM)


@pytest.mark.parametrize("cache", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", [ROOM, TERMINATING_ROOM], ids=["fixed", "terminating"])
def test_neighbours_do_not_change_what_an_environment_does(family, cache):
    model = random_model(family)
    task_ids, streams = np.array([3, 8, 12, 13, 24, 3]), np.array([5, 6, 7, 8, 9, 2**40])
    together = act(
        Agent(model, 6, seed=2, random_streams=streams, cache=cache),
        BatchSimulator(family, task_ids, random_streams=streams),
        40,
    )
    for part in ([4], [5, 0], [1, 3, 2]):
        apart = act(
            Agent(model, len(part), seed=2, random_streams=streams[part], cache=cache),
            BatchSimulator(family, task_ids[part], random_streams=streams[part]),
            40,
        )
        np.testing.assert_array_equal(apart, together[:, part])


def test_cache_in_bfloat16_changes_few_actions(model):
    simulator = BatchSimulator(ROOM, np.arange(25))
    exact = act(Agent(model, 25, temperature=0.0), simulator, 12)
    rounded = act(Agent(model, 25, temperature=0.0, cache="bfloat16"), simulator, 12)
    assert np.mean(exact == rounded) > 0.9


def test_seed_and_stream_change_the_actions(model):
    simulator = BatchSimulator(ROOM, [3, 3])
    one = act(Agent(model, 2, seed=0), simulator, 40)
    assert not np.array_equal(one[:, 0], one[:, 1])
    np.testing.assert_array_equal(one, act(Agent(model, 2, seed=0), simulator, 40))
    assert not np.array_equal(one, act(Agent(model, 2, seed=1), simulator, 40))


@pytest.mark.parametrize("window", [15, None])
def test_reset_environments_start_over_and_the_others_go_on(window):
    model = random_model(ROOM, attention_window=window)
    generator = np.random.default_rng(0)
    observation = generator.integers(0, 5, (60, 3, 2))
    reward = generator.integers(0, 2, (60, 3))
    done = np.zeros(3, bool)

    def steps(agent, times, first):
        # `first`: whether the agent begins; nothing is read of the past then
        taken = []
        for t in times:
            past = () if first and t == times[0] else (reward[t], done, done)
            taken.append(agent.act(observation[t], *past))
        return np.stack(taken)

    agent, undisturbed = Agent(model, 3, temperature=0), Agent(model, 3, temperature=0)
    np.testing.assert_array_equal(steps(agent, range(4), True), steps(undisturbed, range(4), True))
    agent.reset(np.array([False, True, False]))
    after, expected = steps(agent, range(4, 10), False), steps(undisturbed, range(4, 10), False)
    np.testing.assert_array_equal(after[:, [0, 2]], expected[:, [0, 2]])
    fresh = steps(Agent(model, 3, temperature=0), range(4, 10), True)
    np.testing.assert_array_equal(after[:, 1], fresh[:, 1])
    agent.reset()
    fresh = steps(Agent(model, 3, temperature=0), range(20, 28), True)
    np.testing.assert_array_equal(steps(agent, range(20, 28), True), fresh)


def test_acting_in_a_gymnasium_loop_earns_what_evaluate_says(model):
    task_ids, seeds, episodes = np.array([2, 11, 23]), 2, 4
    expected = evaluate(model, ROOM, task_ids, episodes=episodes, seeds=seeds, seed=6).returns
    environments = gymnasium.make_vec(
        "adfast/DarkRoom-v0",
        num_envs=6,
        task_ids=np.repeat(task_ids, seeds),
        size=5,
        episode_length=10,
    )
    streams = np.tile(np.arange(seeds), 3) * ROOM.num_tasks + np.repeat(task_ids, seeds)
    agent = Agent(model, 6, seed=6, random_streams=streams)
    returns = np.zeros((6, episodes))
    episode = np.zeros(6, int)
    observation, _ = environments.reset(seed=0)
    actions = agent.act(observation)
    while (episode < episodes).any():
        observation, reward, terminated, truncated, info = environments.step(actions)
        returns[np.arange(6), episode] += reward
        episode += terminated | truncated
        actions = agent.act(observation, reward, terminated, truncated, info.get("final_obs"))
    np.testing.assert_array_equal(returns.reshape(3, seeds, episodes), expected)


def begun(model):
    """An agent in two environments, whose next call must bring what the last actions did."""
    agent = Agent(model, 2)
    agent.act(np.zeros((2, 2), int))
    return agent


NOT_DONE = np.zeros(2, bool)
DONE = np.array([True, False])
HERE = np.ones((2, 2), np.uint8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (np.ones(2, int),),
            r"observation must have shape \(2, 2\), got \(2,\)",
        ),
        ((HERE.astype(float),), "observation must be integers, got float64; cast them first"),
        (
            (HERE,),
            r"reward, terminated and truncated must be given after the first call; call rese",
        ),
        ((HERE, np.zeros(3), NOT_DONE, NOT_DONE), r"reward must have shape \(2,\).*got \(3,\)"),
        (
            (HERE, [0.5, 0], NOT_DONE, NOT_DONE),
            r"reward must be integers in 0\.\.255, got 0\.5 in environment 0",
        ),
        (
            (HERE, [0, -1], NOT_DONE, NOT_DONE),
            r"reward must be integers in 0\.\.255, got -1 in environment 1",
        ),
        ((HERE, [0, 0], [False], NOT_DONE), r"terminated must have shape"),
        ((HERE, [0, 0], NOT_DONE, NOT_DONE[None]), r"truncated must have shape"),
        (
            (HERE, [0, 0], DONE, NOT_DONE),
            r"final_observation must be given .*info\[\"final_obs\"\]",
        ),
        (
            (HERE, [0, 0], DONE, NOT_DONE, np.array([None, HERE[0]], object)),
            "final_observation must be giv",
        ),
        (
            (HERE, [0, 0], NOT_DONE, DONE, HERE[0]),
            r"final_observation must have shape \(1, 2\)",
        ),
        (
            (HERE * 5, [0, 0], NOT_DONE, NOT_DONE),
            r"observation\[0\] must be in 0\.\.4, got 5 in environment 0",
        ),
        (
            (HERE, [0, 0], DONE, NOT_DONE, HERE * 9),
            r"final_observation\[0\] must be in 0\.\.4, got 9",
        ),
    ],
)
def test_what_the_agent_cannot_read_is_refused(model, arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        begun(model).act(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.5}, r"temperature must be a finite number of at least 0, got -0\.5"),
        (
            {"temperature": float("nan")},
            "temperature must be a finite number of at least 0, got nan",
        ),
        ({"random_streams": np.arange(3)}, r"random_streams must have one entry .* 2 .*\(3,\)"),
        ({"random_streams": np.array([0, -1])}, r"random_streams must be integers in 0"),
        ({"seed": -1}, "seed must be an integer in 0"),
        ({"num_environments": 0}, r"num_environments must be an integer in 1\.\.2\*\*31-1, got 0"),
    ],
)
def test_agent_that_could_not_act_is_refused(model, arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        Agent(model, **{"num_environments": 2} | arguments)


@pytest.mark.parametrize("mask", [np.array([1, 0]), np.ones(3, bool)])
def test_reset_mask_of_another_kind_is_refused(model, mask):
    with pytest.raises(InvalidArgument, match=r"reset mask must be bool of shape \(2,\)"):
        begun(model).reset(mask)


def test_environments_that_were_reset_need_no_past(model):
    agent = begun(model)
    agent.reset()
    agent.act(HERE)


def test_agent_is_loaded_from_a_run_or_a_checkpoint(tmp_path, model):
    with pytest.raises(CheckpointError, match="no checkpoint in checkpoints/; train the run first"):
        load(tmp_path)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load(tmp_path / "missing.safetensors")
    (tmp_path / "checkpoints").mkdir()
    save_model(
        tmp_path / "checkpoints" / "update-00000001.safetensors", random_model(ROOM, width=8)
    )
    newest = tmp_path / "checkpoints" / "update-00000020.safetensors"
    save_model(newest, model)
    expected = act(Agent(model, 2, seed=3, temperature=0.5), BatchSimulator(ROOM, [1, 2]), 15)
    for path in (tmp_path, str(tmp_path), newest):
        agent = load(path, 2, seed=3, temperature=0.5)
        np.testing.assert_array_equal(act(agent, BatchSimulator(ROOM, [1, 2]), 15), expected)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda agent: pickle.loads(pickle.dumps(agent))])
def test_copy_goes_on_as_the_agent_does(model, copied):
    agent, simulator = Agent(model, 3, seed=1), BatchSimulator(ROOM, [1, 2, 3])
    actions = act(agent, simulator, 25)[-1]
    twin, twins_simulator = copied(agent), copy.deepcopy(simulator)
    twins_actions = actions
    for _ in range(25):
        actions = agent.act(*simulator.step(actions))
        twins_actions = twin.act(*twins_simulator.step(twins_actions))
        np.testing.assert_array_equal(twins_actions, actions)


@pytest.mark.parametrize("final", [5, 6, -1])
def test_final_observation_beyond_the_schema_is_refused(model, final):
    """5 of 0..4 is what the model's table knows as "no final observation"."""
    agent = begun(model)
    far = np.array([[final, 0], [0, 0]])
    with pytest.raises(InvalidArgument, match=rf"final_observation\[0\] must be in .* {final} in"):
        agent.act(HERE, [0, 0], DONE, NOT_DONE, far)
    agent.act(HERE, [0, 0], ~DONE, NOT_DONE, far)  # the row is not read


FAR = np.array([[1, 1], [5, 1]])  # beyond the room in environment 1
REFUSED = [
    (FAR, [0, 0], DONE, NOT_DONE, HERE),
    (HERE, [0, 300], DONE, NOT_DONE, HERE),
    (HERE, [0, np.nan], DONE, NOT_DONE, HERE),
    (HERE, [0, 0], [True, 2], NOT_DONE, HERE),
    (HERE, [0, 0], DONE, [0, None], HERE),
    (HERE, [[0, 0]], DONE, NOT_DONE, HERE),
    (HERE,),
]
REFUSED_IN_THE_SAME_STEP = [
    (HERE, [0, 0], ~NOT_DONE, NOT_DONE, FAR),
    (HERE, [0, 0], DONE, NOT_DONE, [[1], [1, 1]]),
]


@pytest.mark.parametrize("autoreset", ["same-step", "next-step"])
def test_refused_call_changes_nothing(model, autoreset):
    agent, undisturbed = (Agent(model, 2, seed=4, autoreset=autoreset) for _ in range(2))
    refused = REFUSED + (REFUSED_IN_THE_SAME_STEP if autoreset == "same-step" else [])
    with pytest.raises(InvalidArgument):
        agent.act(FAR)
    np.testing.assert_array_equal(agent.act(HERE), undisturbed.act(HERE))
    for done in (DONE, *[NOT_DONE] * 5):  # in environment 0; environment 1 goes on
        for arguments in refused:
            with pytest.raises(InvalidArgument):
                agent.act(*arguments)
        arguments = (HERE, [1, 0], done, NOT_DONE, HERE)
        np.testing.assert_array_equal(agent.act(*arguments), undisturbed.act(*arguments))


def test_episode_that_is_too_long_changes_nothing_either(model):
    agent, undisturbed = (Agent(model, 2, seed=4, autoreset="next-step") for _ in range(2))
    nothing = ([0, 0], NOT_DONE, NOT_DONE)
    for one in (agent, undisturbed):
        one.act(HERE)
        for _ in range(ROOM.episode_length - 1):
            one.act(HERE, *nothing)
    with pytest.raises(InvalidArgument, match=r"episode_step must be in 0\.\.9"):
        agent.act(HERE, [0, 0], DONE, NOT_DONE)  # environment 1 goes on
    for arguments in ([0, 1], ~NOT_DONE, NOT_DONE), ([0, 0], NOT_DONE, NOT_DONE), *[nothing] * 3:
        np.testing.assert_array_equal(
            agent.act(HERE, *arguments), undisturbed.act(HERE, *arguments)
        )


def test_what_a_step_that_only_resets_brings_is_not_read(model):
    agent, undisturbed = (Agent(model, 2, seed=4, autoreset="next-step") for _ in range(2))
    for one, unread in ((agent, np.nan), (undisturbed, 0)):
        one.act(HERE)
        one.act(HERE, [1, 0], DONE, NOT_DONE)
        one.act(HERE, [unread, 1], [unread, 0], [unread, 0])
    arguments = (HERE, [1, 0], NOT_DONE, NOT_DONE)
    np.testing.assert_array_equal(agent.act(*arguments), undisturbed.act(*arguments))


def real_model(dtype):
    """A model of real observations of `dtype`."""
    schema = TransitionSchema(RealObservation(dtype, (2, 3)), 5, 10, "float32")
    return Transformer(random_model(ROOM).config, schema, seed=0)


def test_pixels_that_the_histories_could_not_hold_are_refused():
    agent = Agent(real_model("uint8"), 1)
    agent.act(np.full((1, 2, 3), 255.0))
    for value in (300, -1, 0.5, np.nan):
        with pytest.raises(InvalidArgument, match=r"observation\[0\] must be integers in 0\.\.255"):
            agent.act(np.full((1, 2, 3), value), [0.0], [False], [False])


def test_doubles_that_the_model_reads_as_infinite_are_refused():
    agent = Agent(real_model("float64"), 1)
    with pytest.raises(InvalidArgument, match=r"observation\[0\] must be finite in float32"):
        agent.act(np.full((1, 2, 3), 1e39))
    agent.act(np.full((1, 2, 3), 1e38))


def test_repr_says_what_it_holds(model):
    agent = Agent(model, 3, temperature=0.5)
    agent.act(np.zeros((3, 2), np.int64))
    agent.reset(np.array([True, False, False]))
    begun = "<Agent in 3 environments (2 begun, autoreset same-step), temperature 0.5: <Transformer"
    assert repr(agent).startswith(begun)


def test_a_watch_sees_each_step_and_what_it_puts_there_is_acted_on(model):
    seen = []

    def silence(layer, place, value):
        seen.append((layer, place))
        return torch.zeros_like(value) if place == "after" else None

    agent = Agent(model, 3, watch=silence)
    agent.act(ROOM.transition_schema.allocate(3, 1)["observation"][:, 0] * 0)
    assert seen.count((0, "after")) == 1
    # From a stream of zeros all actions are alike.
    np.testing.assert_allclose(agent.action_probabilities(), 1 / ROOM.num_actions)
