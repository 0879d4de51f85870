"""Gymnasium environments as tasks: what is evaluated is what happens in each of them alone."""

import gymnasium
import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.random_agent import RandomActions
from adfast.evaluation.environments.environment_tasks import EnvironmentTasks, environment_seeds
from adfast.evaluation.in_context import evaluate
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from collection.traced_environment import LONGEST, SPACES, TracedEnv, encoded

POLE = "pole_length:PoleLength-v0"
POLES = TransitionSchema(RealObservation("float32", (4,)), 2, 60, "float32")
LENGTHS = [{"length": 0.2}, {"length": 0.5}, {"length": 2.0}]
EPISODES, SEEDS = 3, 2

gymnasium.register("Traced-v0", entry_point=TracedEnv)


@pytest.fixture(scope="module")
def tasks():
    return EnvironmentTasks(POLE, LENGTHS, POLES)


@pytest.fixture(scope="module")
def evaluation(tasks):
    model = Transformer(
        ModelConfig(width=16, num_heads=2, feed_forward_width=32, attention_window=9), POLES, seed=0
    )
    return evaluate(model, tasks, [0, 2], episodes=EPISODES, seeds=SEEDS, seed=5, progress=False)


def test_trajectories_are_what_happens_in_each_environment_alone(tasks, evaluation):
    played, lengths = evaluation.trajectories, set()
    for row, task_id in enumerate([0, 2]):
        for seed in range(SEEDS):
            environment = gymnasium.make(POLE, **LENGTHS[task_id])
            stream = np.array([seed * tasks.num_tasks + task_id])
            first = environment_seeds(5, stream)[0]
            for episode in range(EPISODES):
                where = row, seed, episode
                observation, _ = environment.reset(seed=int(first) if episode == 0 else None)
                steps, ended, cut = 0, False, False
                while not (ended or cut):
                    np.testing.assert_array_equal(played.observation[where][steps], observation)
                    action = int(played.action[where][steps])
                    observation, reward, ended, cut, _ = environment.step(action)
                    assert played.reward[where][steps] == reward
                    steps += 1
                assert (played.observation[where][steps:] == observation).all()
                assert played.length[where] == evaluation.returns[where] == steps
                assert played.boundary[where] == (1 if ended else 2)
                lengths.add(steps)
    assert len(lengths) > 3


def test_what_happens_in_a_task_depends_on_no_other(tasks):
    settings = {"episodes": EPISODES, "seeds": SEEDS, "seed": 5, "progress": False}
    together = evaluate(RandomActions(), tasks, [0, 1, 2], **settings)
    alone = evaluate(RandomActions(), tasks, [2], **settings)
    for name in ("observation", "action", "length"):
        np.testing.assert_array_equal(
            getattr(together.select(slice(2, 3)).trajectories, name),
            getattr(alone.trajectories, name),
        )
    assert not np.array_equal(
        together.trajectories.observation[0], together.trajectories.observation[1]
    )


@pytest.mark.parametrize("space", ["discrete", "grid of discrete", "images"])
def test_observations_are_those_that_a_row_stores(space):
    encoding = SpaceEncoding(SPACES[space], TracedEnv.action_space)
    tasks = EnvironmentTasks("Traced-v0", [{"space": space}], encoding.schema(LONGEST))
    played = evaluate(RandomActions(), tasks, [0], episodes=2, seeds=1, progress=False)
    environment = TracedEnv(space)
    environment.reset()
    trace = np.stack([encoded(SPACES[space], environment.observation)])
    np.testing.assert_array_equal(played.trajectories.observation[0, 0, 0, :1], trace)
    assert played.trajectories.observation.dtype == encoding.observation.stored.dtype


def test_episodes_are_no_longer_than_those_of_the_histories():
    short = TransitionSchema(POLES.observation, 2, 4, "float32")
    played = evaluate(
        RandomActions(),
        EnvironmentTasks(POLE, [{}], short),
        [0],
        episodes=2,
        seeds=3,
        progress=False,
    )
    assert (played.trajectories.length == 4).all()
    assert (played.trajectories.boundary == 2).all()


def test_tasks_are_called_by_their_arguments(tasks):
    assert tasks.task_label(0) == "length = 0.2"
    assert EnvironmentTasks(POLE, [{}], POLES).task_label(0) == "task 0"
    assert tasks.optimal_return(np.array([0])) is None


@pytest.mark.parametrize(
    ("environment_id", "keywords", "reason"),
    [
        ("PoleLenght-v0", {}, "cannot be made"),
        ("no_such_module:Pole-v0", {}, "no_such_module"),
        (POLE, {"lenght": 1.0}, "lenght"),
        ("FrozenLake-v1", {}, "Discrete"),
        ("Pendulum-v1", {}, "action_space must be Discrete"),
    ],
)
def test_environments_that_are_not_those_of_the_histories_are_refused(
    environment_id, keywords, reason
):
    tasks = EnvironmentTasks(environment_id, [keywords], POLES)
    with pytest.raises(InvalidArgument, match=reason):
        tasks.make(0)


def test_numbers_that_mean_something_else_are_refused():
    encoding = SpaceEncoding(SPACES["discrete"], TracedEnv.action_space)
    arguments = [{"space": "discrete"}]
    schema, recorded = encoding.schema(LONGEST), encoding.describe()
    EnvironmentTasks("Traced-v0", arguments, schema, recorded).make(0)
    from_zero = {"first_observation": [0], "first_action": 0}
    with pytest.raises(InvalidArgument, match="first_action"):
        EnvironmentTasks("Traced-v0", arguments, schema, from_zero).make(0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "at least one task"),
        ({"length": 1}, "keyword arguments for each task"),
        ([3], r"arguments\[0\]"),
    ],
)
def test_arguments_that_are_none_are_refused(arguments, reason):
    with pytest.raises(InvalidArgument, match=reason):
        EnvironmentTasks(POLE, arguments, POLES)
