"""FamilyFacts: a family in numbers, exactly where that is possible and by simulation elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from adfast import source_algorithms
from adfast.errors import InvalidArgument
from adfast.facts.first_reward import MAX_CANDIDATES, bits_left
from adfast.simulators.random_rollout import random_returns
from adfast.tasks.family import TaskFamily
from adfast.values import as_count, as_seed, require_kind

MAX_TASKS = 4096  # whose optima are averaged, evenly spaced over all
RANDOM_EPISODES = 2**16  # of the random policy
# Who may be the best known learner that starts ignorant, where a family has none of its own, and
# how many tasks it learns.
LEARNERS = {"thompson-sampling": 4096, "posterior-sampling": 64}
HOW_GOOD = {
    "ideal learner": "best known plan",
    "thompson-sampling": "Bayesian, not optimal",
    "posterior-sampling": "Bayesian, not optimal",
}


@dataclass(frozen=True)
class FamilyFacts:
    """What a family is like; returns are means over its tasks, of one episode."""

    family: str
    num_tasks: int
    bits: float  # that name a task: log2 of their number
    bits_left: float | None  # after the first reward of random actions; None: not counted
    bits_left_error: float | None  # its standard error, over the histories
    is_sampled: bool  # whether only some of the tasks were compared for that
    optimum: float  # for who knows the task
    random: float
    learner: str | None  # the best known that starts ignorant; None: nobody is known
    learner_is: str | None  # how good that is known to be
    learned: np.ndarray | None  # float64 [episodes]: what that learner earns


def family_facts(
    family: Any, *, episodes: int = 40, histories: int = 256, seed: int = 0
) -> FamilyFacts:
    """The facts of a family; takes seconds, of many tasks or long episodes minutes.

    `bits_left` is the mean over `histories` of what `first_reward` counts; the learner learns for
    `episodes`. Raises `InvalidArgument` for what is no family.
    """
    require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
    as_count("episodes", episodes)
    as_count("histories", histories)
    as_seed("seed", seed)
    task_ids = evenly_spaced(family.num_tasks, MAX_TASKS)
    left = bits_left(family, histories, seed)
    repeated = np.resize(task_ids, RANDOM_EPISODES // 16)
    learner, learned = best_learner(family, episodes, seed)
    return FamilyFacts(
        family=family.name,
        num_tasks=family.num_tasks,
        bits=math.log2(family.num_tasks),
        bits_left=None if left is None else float(left.mean()),
        bits_left_error=None if left is None else float(left.std() / math.sqrt(len(left))),
        is_sampled=family.num_tasks > MAX_CANDIDATES,
        optimum=float(family.optimal_return(task_ids).mean()),
        random=float(random_returns(family, repeated, 16, seed).mean()),
        learner=learner,
        learner_is=None if learner is None else HOW_GOOD[learner],
        learned=learned,
    )


def evenly_spaced(num_tasks: int, most: int) -> np.ndarray:
    """int64: all task ids, or `most` of them."""
    count = min(num_tasks, most)
    return np.arange(count, dtype=np.int64) * num_tasks // count


def best_learner(
    family: TaskFamily, episodes: int, seed: int
) -> tuple[str | None, np.ndarray | None]:
    """The best known learner that starts ignorant, and its mean return in each episode."""
    ideal = family.ideal_learner()
    if ideal is not None:
        ids = evenly_spaced(family.num_tasks, MAX_TASKS)
        return "ideal learner", ideal.returns(ids, episodes).mean(axis=0)
    for name, most in LEARNERS.items():
        ids = evenly_spaced(family.num_tasks, most)
        learner = source_algorithms.make(name)
        try:
            returns = learner.returns(family, ids, np.arange(len(ids)), episodes, seed)
        except InvalidArgument:  # it does not fit the family
            continue
        return name, returns.mean(axis=0)
    return None, None
