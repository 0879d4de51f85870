"""Playing in any Gymnasium environment: what evaluate says, and what a recorder sees."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Agent, load
from adfast.evaluation.environments.play import play
from adfast.evaluation.in_context import evaluate
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators.gymnasium_env import FamilyEnv, FamilyVectorEnv
from adfast.tasks.observation import DiscreteObservation, RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.config import TrainingConfig
from adfast.training.train import train
from collection.traced_environment import LONGEST, SPACES, TracedEnv
from evaluation.acting import ROOM, random_model

MODEL = ModelConfig(width=16, num_heads=2, feed_forward_width=32, attention_window=9)
OPTIONS = {"size": 5, "episode_length": 10}
TASK_IDS, SEEDS, EPISODES = np.array([2, 11, 23]), 2, 4
STREAMS = np.tile(np.arange(SEEDS), 3) * ROOM.num_tasks + np.repeat(TASK_IDS, SEEDS)


@pytest.fixture(scope="module")
def model():
    return random_model(ROOM)


@pytest.fixture(scope="module")
def expected(model):
    returns = evaluate(model, ROOM, TASK_IDS, episodes=EPISODES, seeds=SEEDS, seed=6).returns
    return returns.reshape(-1, EPISODES)


@pytest.mark.parametrize("mode", AutoresetMode, ids=lambda mode: mode.value)
def test_returns_are_those_of_evaluate(model, expected, mode):
    vector = FamilyVectorEnv(6, task_ids=np.repeat(TASK_IDS, SEEDS), autoreset_mode=mode, **OPTIONS)
    agent = Agent(model, 6, seed=6, random_streams=STREAMS)
    played = play(agent, vector, EPISODES, seed=0)
    np.testing.assert_array_equal(played.returns, expected)
    np.testing.assert_array_equal(played.lengths, np.full((6, EPISODES), 10))


def test_single_environment_is_a_batch_of_one(model, expected):
    single = FamilyEnv(task_id=TASK_IDS[2], **OPTIONS)
    agent = Agent(model, 1, seed=6, random_streams=STREAMS[5:])
    np.testing.assert_array_equal(play(agent, single, EPISODES, seed=0).returns, expected[5:])


def model_of(space):
    observations = {
        "floats": RealObservation("float32", (4,)),
        "discrete": DiscreteObservation((7,)),
    }
    schema = TransitionSchema(observations[space], 3, LONGEST, "float32")
    model = Transformer(MODEL, schema, seed=0)
    model.head.data.normal_(generator=torch.Generator().manual_seed(1))
    return model


@pytest.mark.parametrize("mode", [None, *AutoresetMode])
@pytest.mark.parametrize("space", ["discrete", "floats"])
def test_what_is_played_is_what_a_recorder_sees(tmp_path, space, mode):
    agent = Agent(model_of(space), 1 if mode is None else 3, seed=1)
    made = [lambda seed=seed: TracedEnv(space, seed) for seed in range(3)]
    environment = made[0]() if mode is None else SyncVectorEnv(made, autoreset_mode=mode)
    with Recorder(tmp_path) as recorder:
        played = play(agent, recorder.wrap(environment), 5, seed=0)
    store = histories.open(tmp_path)
    for index, (returns, lengths) in enumerate(zip(played.returns, played.lengths, strict=True)):
        history = store.history(index)
        ends = np.flatnonzero(history["boundary"])[:5]
        np.testing.assert_array_equal(np.diff([-1, *ends]), lengths)
        rewards = history["reward"][: ends[-1] + 1].astype(float)
        np.testing.assert_allclose(returns, np.add.reduceat(rewards, [0, *(ends[:-1] + 1)]))


def test_what_cannot_be_played_is_refused(model):
    agent = Agent(model)
    with pytest.raises(
        InvalidArgument, match=r"episodes must be an integer in 1\.\.2\*\*31-1, got 0"
    ):
        play(agent, FamilyEnv(**OPTIONS), 0)
    with pytest.raises(InvalidArgument, match="play in an environment with the spaces that"):
        play(agent, gymnasium.make("CartPole-v1"), 1)
    other = FamilyEnv(**OPTIONS)
    other.action_space = Discrete(4)
    with pytest.raises(InvalidArgument, match="play in an environment with the spaces that"):
        play(agent, other, 1)
    with pytest.raises(
        InvalidArgument,
        match="the agent acts in 1 environments, got 2; make it with num_environments=2",
    ):
        play(agent, FamilyVectorEnv(2, **OPTIONS), 1)
    unmarked = FamilyVectorEnv(1, **OPTIONS)
    unmarked.metadata = {}
    with pytest.raises(InvalidArgument, match=r"must be one of gymnasium\.vector\.Autoreset"):
        play(agent, unmarked, 1)


@pytest.mark.parametrize("space", SPACES)
def test_every_space_is_recorded_learned_and_played(tmp_path, space):
    with Recorder(tmp_path / "histories") as recorder:
        environment = recorder.wrap(TracedEnv(space))
        environment.reset()
        for _ in range(60):
            if any(environment.step(2)[2:4]):
                environment.reset()
    train(
        histories.open(tmp_path / "histories"),
        tmp_path / "run",
        model=MODEL,
        training=TrainingConfig(
            updates=40, batch_size=4, context_length=8, align="step", threads=1, warmup_updates=2
        ),
    )
    traced = TracedEnv(space)
    played = play(load(tmp_path / "run", temperature=0.0), traced, 3)
    assert played.lengths.sum() == len(traced.trace)
    assert {int(row[1]) for row in traced.trace} == {2}  # what it was shown, in the space's numbers


class Reusing(TracedEnv):
    """Returns one array again and again."""

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed)
        self.array = getattr(self, "array", np.zeros_like(observation))
        self.array[:] = observation
        return self.array, info

    def step(self, action):
        observation, *others = super().step(action)
        self.array[:] = observation
        return (self.array, *others)


def test_overwritten_final_observations_are_refused():
    agent = Agent(model_of("floats"), 2)
    environment = SyncVectorEnv([Reusing] * 2, autoreset_mode="SameStep")
    with pytest.raises(InvalidArgument, match="returns one array again and again"):
        play(agent, environment, 3)
    environment = SyncVectorEnv([Reusing] * 2, autoreset_mode="NextStep")
    assert (play(agent, environment, 3).lengths >= 1).all()


def test_what_does_not_answer_for_all_at_once_is_refused():
    agent = Agent(model_of("floats"), 2)
    environment = SyncVectorEnv([TracedEnv] * 2)
    environment.is_async = True  # as an EnvPool says
    with pytest.raises(InvalidArgument, match="asynchronous EnvPool"):
        play(agent, environment, 1)
    with pytest.raises(InvalidArgument, match=r"must be a gymnasium\.Env or"):
        play(agent, None, 1)
