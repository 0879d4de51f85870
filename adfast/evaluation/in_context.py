"""In-context evaluation: an agent acts for many episodes on each task and seed.

All tasks and seeds are one batch: one streamed model step and one step of all environments at a
time.
Environment (task, seed) has its own random stream, a function of the two alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Unpack

import numpy as np

from adfast.errors import InvalidArgument, shown
from adfast.evaluation.agents.agent import Agent, Computing
from adfast.evaluation.agents.demonstrations import read_demonstrations
from adfast.evaluation.agents.in_context_agent import (
    AgentMaker,
    Choosing,
    InContextAgent,
    require_agent,
)
from adfast.evaluation.environments.environment_tasks import Environments, EnvironmentTasks
from adfast.evaluation.recorder import EpisodeRecorder, Trajectories
from adfast.models.transformer import Transformer
from adfast.progress import progress_bar
from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily
from adfast.tasks.task_set import TaskSet
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import (
    INTEGERS,
    as_array,
    as_count,
    as_flag,
    as_integer,
    as_number,
    require_kind,
)

MOST = 2**31 - 1  # episodes, and seeds of a task


@dataclass(frozen=True, repr=False)
class InContextEvaluation:
    """Returns float64 `[tasks, seeds, episodes]` of the tasks `task_ids`.

    `target_return` is what was asked for; None where nothing was.
    """

    task_ids: np.ndarray
    returns: np.ndarray
    trajectories: Trajectories
    target_return: float | None = None

    def __repr__(self) -> str:
        tasks, seeds, episodes = self.returns.shape
        size = f"{tasks} tasks x {seeds} seeds x {episodes} episodes"
        if not self.returns.size:
            return f"<InContextEvaluation: {size}>"
        first, last = self.returns[:, :, 0].mean(), self.returns[:, :, -1].mean()
        return (
            f"<InContextEvaluation: {size}; mean return {first:.2f} in the first episode, "
            f"{last:.2f} in the last>"
        )

    def select(self, tasks: slice) -> InContextEvaluation:
        """The part of it that a slice of the tasks makes."""
        return InContextEvaluation(
            self.task_ids[tasks],
            self.returns[tasks],
            self.trajectories.select(tasks),
            self.target_return,
        )


def evaluate(
    agent: Transformer | AgentMaker | InContextAgent,
    family: TaskFamily | EnvironmentTasks,
    task_ids: np.ndarray | Sequence[int],
    *,
    episodes: int = 40,
    seeds: int = 8,
    temperature: float | None = None,
    target_return: float | None = None,
    seed: int = 0,
    demonstrations: int = 0,
    demonstration_noise: float = 0.0,
    tell_rewards: bool = True,
    on_episode: Callable[[int], None] | None = None,
    progress: bool = True,
    **computing: Unpack[Computing],
) -> InContextEvaluation:
    """Let `agent` act for `episodes` episodes on every task, `seeds` times, from an empty context.

    Tasks are those of a family, or Gymnasium environments by `EnvironmentTasks`.
    A model or an `AgentMaker` acts at temperature 1 unless another is given. Of an `Agent` the
    model acts, with the agent's temperature unless another is given. Any other agent acts as it is,
    after a reset, in as many environments as tasks times seeds. A `target_return` is asked of a
    model that reads returns, in the place of the agent's own.
    Before it acts it reads so many `demonstrations`: episodes of an expert on the same task, whose
    actions are each uniformly random with probability `demonstration_noise`.
    Unless `tell_rewards`, the agent is told in its own episodes that every reward is 0; what was
    paid is counted.
    `on_episode(episodes_done)` is called whenever the slowest environment finishes an episode; how
    far it is stands on stderr (`adfast.progress`) unless `progress` is false.
    `computing` says where and in what a model computes, and what keys and values are kept in:
    `device`, `precision` and `cache` of `Agent`; environments run on the host.
    Raises `InvalidArgument` when the agent was made for another schema than the family's, and when
    there is no task, episode or seed.
    """
    require_kind(
        "family",
        family,
        TaskFamily | EnvironmentTasks,
        "a task family or EnvironmentTasks; adfast.tasks.make gives one",
    )
    task_ids = family.check_task_ids(task_ids)
    if not len(task_ids):
        raise InvalidArgument("task_ids must name at least one task, got none")
    episodes = as_count("episodes", episodes, MOST)
    seeds = as_count("seeds", seeds, MOST)
    demonstrations = as_integer("demonstrations", demonstrations, 0, MOST)
    demonstration_noise = as_number("demonstration_noise", demonstration_noise, 0.0, 1.0)
    tell_rewards = as_flag("tell_rewards", tell_rewards)
    environment_task = np.repeat(task_ids, seeds)
    environment_seed = np.tile(np.arange(seeds), len(task_ids))
    streams = environment_seed * family.num_tasks + environment_task
    acting = agent_in(family, agent, streams, seed, temperature, target_return, computing)
    if demonstrations:
        if not isinstance(family, TaskFamily):
            raise InvalidArgument(
                "demonstrations are of an expert, which only a task family has, got "
                f"{demonstrations} in {family.name}; leave them out"
            )
        others = streams + seeds * family.num_tasks  # repetitions that nobody plays
        noise = demonstration_noise
        read_demonstrations(acting, family, environment_task, others, demonstrations, noise, seed)
    record = EpisodeRecorder(family.transition_schema, len(streams), episodes)
    with (
        environments_of(family, environment_task, seed, streams) as environments,
        progress_bar("evaluate", episodes, "episodes", shown=progress) as bar,
    ):

        def tell(episodes_done: int) -> None:
            bar.advance_to(episodes_done, "episodes")
            if on_episode is not None:
                on_episode(episodes_done)

        act_in(environments, acting, record, episodes, tell, tell_rewards=tell_rewards)
    trajectories = record.trajectories(len(task_ids), seeds)
    asked = acting.target_return if isinstance(acting, Agent) else None
    return InContextEvaluation(task_ids, trajectories.returns, trajectories, asked)


@contextmanager
def environments_of(
    family: TaskFamily | EnvironmentTasks, task_ids: np.ndarray, seed: int, streams: np.ndarray
) -> Iterator[BatchSimulator | Environments]:
    """An environment of each of `task_ids` `[N]`, whose `streams` `[N]` key what happens in it."""
    if isinstance(family, TaskFamily):
        yield BatchSimulator(family, task_ids, seed, random_streams=streams)
        return
    with closing(family.begin(task_ids, seed, streams)) as environments:
        yield environments


def agent_in(
    family: TaskFamily | EnvironmentTasks,
    agent: Transformer | AgentMaker | InContextAgent,
    streams: np.ndarray,
    seed: int,
    temperature: float | None,
    target_return: float | None,
    computing: Computing,
) -> InContextAgent:
    """What acts for `agent` in an environment of `family` for each of the random `streams`."""
    schema = family.transition_schema
    if isinstance(agent, Agent):
        temperature = agent.temperature if temperature is None else temperature
        target_return = agent.target_return if target_return is None else target_return
        agent = agent.model
    choosing: Choosing = {
        "temperature": 1.0 if temperature is None else temperature,
        "seed": seed,
        "random_streams": streams,
    }
    acting: InContextAgent
    if isinstance(agent, Transformer):
        require_schema(agent.schema, family)
        acting = Agent(agent, len(streams), target_return=target_return, **choosing, **computing)
    elif target_return is not None:
        raise InvalidArgument(
            "target_return is asked of a model, got "
            f"{shown(target_return)} for a {type(agent).__name__}; leave it out"
        )
    elif isinstance(agent, AgentMaker):
        known = family if isinstance(family, TaskFamily) else None
        made = agent.make_agent(schema, len(streams), family=known, **choosing)
        acting = require_agent(f"the agent that {type(agent).__name__} makes", made)
    else:
        acting = require_agent("agent", agent, "a Transformer, an AgentMaker or ")
        if temperature is not None:
            raise InvalidArgument(
                "temperature must be left out for an agent that is made already; make it with that"
            )
    require_schema(acting.schema, family)
    if acting.num_environments != len(streams):
        raise InvalidArgument(
            f"the agent acts in {acting.num_environments} environments, and tasks times seeds are "
            f"{len(streams)}; make it with num_environments={len(streams)}"
        )
    acting.autoreset = "same-step"
    acting.reset()
    return acting


def require_schema(schema: TransitionSchema, family: TaskSet) -> None:
    """Raise `InvalidArgument` unless an agent of `schema` can act in environments of `family`."""
    if schema != family.transition_schema:
        raise InvalidArgument(
            f"the agent acts on {schema}, but {family.name} has {family.transition_schema}; "
            "evaluate on the family, or the environments, that the agent or its model was made for"
        )


def act_in(
    environments: BatchSimulator | Environments,
    agent: InContextAgent,
    record: EpisodeRecorder,
    episodes: int,
    tell: Callable[[int], None],
    *,
    tell_rewards: bool = True,
) -> None:
    """Let `agent` act until every environment has finished `episodes`, told one by one."""
    observation = environments.reset()
    record.begin(observation)
    actions = as_array("actions", agent.act(observation), INTEGERS)
    while True:
        result = environments.step(actions)
        if record.add(actions, result):
            tell(record.fewest_episodes)
        if record.fewest_episodes == episodes:
            return
        if not tell_rewards:
            result = result._replace(reward=np.zeros_like(result.reward))
        actions = as_array("actions", agent.act(*result), INTEGERS)
