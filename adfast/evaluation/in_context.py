"""In-context evaluation: a frozen model acts for many episodes on each task and seed.

All tasks and seeds are one batch: one streamed model step and one simulator step per time step.
Environment (task, seed) has its own random stream, a function of the two alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.agent import Agent
from adfast.evaluation.recorder import EpisodeRecorder, Trajectories
from adfast.models.config import CachePrecision, Device, Precision
from adfast.models.transformer import Transformer
from adfast.progress import progress_bar
from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily
from adfast.values import as_count, require_kind

MOST = 2**31 - 1  # episodes, and seeds of a task


@dataclass(frozen=True, repr=False)
class InContextEvaluation:
    """Returns float64 `[tasks, seeds, episodes]` of the tasks `task_ids`."""

    task_ids: np.ndarray
    returns: np.ndarray
    trajectories: Trajectories

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
            self.task_ids[tasks], self.returns[tasks], self.trajectories.select(tasks)
        )


def evaluate(
    model: Transformer | Agent,
    family: TaskFamily,
    task_ids: np.ndarray | Sequence[int],
    *,
    episodes: int = 40,
    seeds: int = 8,
    temperature: float | None = None,
    seed: int = 0,
    on_episode: Callable[[int], None] | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    cache: CachePrecision = "float32",
    progress: bool = True,
) -> InContextEvaluation:
    """Let `model` act for `episodes` episodes on every task, `seeds` times, from an empty context.

    Of an agent the model acts, in fresh environments and with the agent's temperature unless
    another is given; a model by itself acts at 1.
    `on_episode(episodes_done)` is called whenever the slowest environment finishes an episode; how
    far it is stands on stderr (`adfast.progress`) unless `progress` is false.
    `device` and `precision` say where and in what the model computes, and `cache` what keys and
    values are kept in (see `Agent`); simulators run on the host.
    Raises `InvalidArgument` when the model was made for another schema than the family's, and when
    there is no task, episode or seed.
    """
    if isinstance(model, Agent):
        temperature = model.temperature if temperature is None else temperature
        model = model.model
    require_kind("model", model, Transformer, "a Transformer or an Agent; adfast.load gives one")
    require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
    if model.schema != family.transition_schema:
        raise InvalidArgument(
            f"the model acts on {model.schema}, but {family.name} has {family.transition_schema}; "
            "evaluate on the family that the model was trained on"
        )
    task_ids = family.check_task_ids(task_ids)
    if not len(task_ids):
        raise InvalidArgument("task_ids must name at least one task, got none")
    episodes = as_count("episodes", episodes, MOST)
    seeds = as_count("seeds", seeds, MOST)
    environment_task = np.repeat(task_ids, seeds)
    environment_seed = np.tile(np.arange(seeds), len(task_ids))
    streams = environment_seed * family.num_tasks + environment_task
    num_environments = len(streams)
    simulator = BatchSimulator(family, environment_task, seed, random_streams=streams)
    agent = Agent(
        model,
        num_environments,
        temperature=1.0 if temperature is None else temperature,
        seed=seed,
        random_streams=streams,
        device=device,
        precision=precision,
        cache=cache,
    )
    record = EpisodeRecorder(family, num_environments, episodes)
    with progress_bar("evaluate", episodes, "episodes", shown=progress) as bar:

        def tell(episodes_done: int) -> None:
            bar.advance_to(episodes_done, "episodes")
            if on_episode is not None:
                on_episode(episodes_done)

        act_in(simulator, agent, record, episodes, tell)
    trajectories = record.trajectories(len(task_ids), seeds)
    return InContextEvaluation(task_ids, trajectories.returns, trajectories)


def act_in(
    simulator: BatchSimulator,
    agent: Agent,
    record: EpisodeRecorder,
    episodes: int,
    tell: Callable[[int], None],
) -> None:
    """Let `agent` act until every environment has finished `episodes`, told one by one."""
    observation = simulator.reset()
    record.begin(observation)
    actions = agent.act(observation)
    while True:
        result = simulator.step(actions)
        if record.add(actions, result):
            tell(record.fewest_episodes)
        if record.fewest_episodes == episodes:
            return
        actions = agent.act(*result)
