"""Dead ends: episodes in which something was lost that led to a reward, told apart from failures.

What is lost in an episode the family says (`TaskSet.dead_ends`), by the observations alone, whoever
acts. Legend: H histories, E kept episodes, S steps of the longest episode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.evaluation.agents.random_agent import RandomActions
from adfast.evaluation.in_context import InContextEvaluation, evaluate
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily
from adfast.tasks.task_set import TaskSet

RANDOM_EPISODES = 20  # per task
SOURCE_HISTORIES = 5  # per task: their transitions are held, not their returns alone


@dataclass(frozen=True)
class DeadEnds:
    """Shares of the episodes that came to a dead end, mean over tasks.

    `evaluated` `[episodes]` of the agent, `source_every_kth` `[episodes]` of the source algorithm
    at the episodes that the training data keeps, `random` of random actions in any episode.
    """

    evaluated: np.ndarray
    source_every_kth: np.ndarray | None
    random: float


def count_dead_ends(
    family: TaskFamily,
    evaluation: InContextEvaluation,
    source: SourceAlgorithm | None,
    *,
    keep_every: int,
    seed: int,
) -> DeadEnds | None:
    """How often each comes to a dead end in the tasks; None where the family knows of none."""
    agents = shares_in_context(family, evaluation)
    if agents is None:
        return None
    task_ids, episodes = evaluation.task_ids, evaluation.returns.shape[2]
    played = evaluate(
        RandomActions(),
        family,
        task_ids,
        episodes=RANDOM_EPISODES,
        seeds=1,
        seed=seed,
        progress=False,
    )
    at_random = shares_in_context(family, played)
    assert at_random is not None, "as the agent's are"
    learned = None
    if source is not None:
        learned = shares_of_source(family, task_ids, source, episodes, keep_every, seed)
    return DeadEnds(agents, learned, float(at_random.mean()))


def shares_of_source(
    family: TaskFamily,
    task_ids: np.ndarray,
    source: SourceAlgorithm,
    episodes: int,
    keep_every: int,
    seed: int,
) -> np.ndarray | None:
    """float64 `[episodes]`: the share of the source's kept episodes that came to a dead end."""
    histories = np.repeat(task_ids, SOURCE_HISTORIES)
    fields = family.transition_schema.allocate(len(histories), episodes * family.episode_length)
    streams = np.arange(len(histories))
    lengths = source.learn(
        family, histories, streams, episodes * keep_every, seed, fields, keep_every=keep_every
    )
    seen = observations_by_episode(fields, lengths, episodes, family.episode_length)
    return shares(family, histories, seen)


def shares_in_context(tasks: TaskSet, evaluation: InContextEvaluation) -> np.ndarray | None:
    """float64 `[episodes]`: the share of the tasks and seeds that came to a dead end."""
    observation = evaluation.trajectories.observation
    seeds = observation.shape[1]
    by_history = observation.reshape(-1, *observation.shape[2:])
    return shares(tasks, np.repeat(evaluation.task_ids, seeds), by_history)


def shares(tasks: TaskSet, task_ids: np.ndarray, observations: np.ndarray) -> np.ndarray | None:
    """float64 `[E]` of the observations `[H, E, S + 1, ...]` of histories on the tasks `[H]`."""
    episodes = observations.shape[1]
    by_episode = observations.reshape(-1, *observations.shape[2:])
    ended = tasks.dead_ends(np.repeat(task_ids, episodes), by_episode)
    return None if ended is None else ended.reshape(-1, episodes).mean(axis=0)


def observations_by_episode(
    fields: dict[str, np.ndarray], lengths: np.ndarray, episodes: int, steps: int
) -> np.ndarray:
    """`[H, episodes, steps + 1, ...]`: after the end of an episode its last observation."""
    observation, step = fields["observation"], fields["episode_step"]
    is_there = np.arange(observation.shape[1]) < lengths[:, None]
    episode = np.cumsum((step == 0) & is_there, axis=1) - 1
    history = np.nonzero(is_there)[0]
    seen = np.zeros((len(lengths), episodes, steps + 1, *observation.shape[2:]), observation.dtype)
    last = np.zeros((len(lengths), episodes), np.int64)
    place = history, episode[is_there], step[is_there].astype(np.int64)
    seen[place] = observation[is_there]
    seen[place[0], place[1], place[2] + 1] = fields["next_observation"][is_there]
    np.maximum.at(last, place[:2], place[2] + 1)
    shown = np.minimum(np.arange(steps + 1), last[..., None])
    return np.take_along_axis(
        seen, shown.reshape(*shown.shape, *[1] * (observation.ndim - 2)), axis=2
    )
