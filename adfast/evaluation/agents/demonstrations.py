"""Demonstrations: what an expert did on a task, read by an agent before it acts there.

Does it go on as well, or as badly, as what it has read, or does it improve on that?

Source: Laskin et al. 2022 (arXiv 2210.14215): contexts of policies between random and optimal.
"""

from __future__ import annotations

import numpy as np

from adfast.evaluation.agents.in_context_agent import InContextAgent
from adfast.source_algorithms.catalogue import SOURCE_ALGORITHMS
from adfast.tasks.family import TaskFamily


def demonstrations_of(
    family: TaskFamily,
    task_ids: np.ndarray,
    streams: np.ndarray,
    episodes: int,
    noise: float,
    seed: int,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """So many episodes of the expert on the tasks `[N]`: fields `[N, T, ...]`, and lengths `[N]`.

    An action is uniformly random with probability `noise`, else optimal. Raises `InvalidArgument`
    where the family has no expert.
    """
    expert = SOURCE_ALGORITHMS.make("annealed-expert", noise_start=noise, noise_end=noise)
    fields = family.transition_schema.allocate(len(task_ids), episodes * family.episode_length)
    for array in fields.values():
        array.fill(0)  # behind the end of a history whose episodes end early
    return fields, expert.learn(family, task_ids, streams, episodes, seed, fields)


def read_demonstrations(
    agent: InContextAgent,
    family: TaskFamily,
    task_ids: np.ndarray,
    streams: np.ndarray,
    episodes: int,
    noise: float,
    seed: int,
) -> None:
    """Let `agent` read so many episodes of the expert on the task `[N]` of each environment."""
    agent.read(*demonstrations_of(family, task_ids, streams, episodes, noise, seed))
