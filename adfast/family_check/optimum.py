"""Whether the declared optimum is what the best policy earns.

Legend: E environments; N repetitions.
"""

from __future__ import annotations

import math

import numpy as np

from adfast import source_algorithms
from adfast.errors import InvalidArgument
from adfast.family_check.declarations import declared_optimum
from adfast.simulators.random_rollout import random_returns
from adfast.tasks.compiled.outcomes import CERTAIN
from adfast.tasks.compiled.planning import planned_returns
from adfast.tasks.family import TaskFamily

REPETITIONS = 64
STANDARD_ERRORS = 6  # of the mean, which random starts make uncertain
MAX_CALLS = 2**26  # of step, that backward induction may take for all tasks: a second


def check_optimum(
    family: TaskFamily, task_ids: np.ndarray, played: list[list[float]], seed: int
) -> str:
    """What the optimum was compared with; raises `InvalidArgument` where it is not the greatest."""
    declared = declared_optimum(family, task_ids)
    calls = family.num_planned_values * family.num_actions * len(task_ids)
    calls *= len(family.outcomes or CERTAIN)
    tasks = np.repeat(task_ids, REPETITIONS)
    is_random = family.has_random_steps  # returns of few episodes then say little
    if not family.planner or calls > MAX_CALLS or (is_random and family.starts is None):
        returns = random_returns(family, tasks, 1, seed).reshape(len(task_ids), -1)
        for e, episodes in enumerate(played):
            compare(family, int(task_ids[e]), declared[e], np.array(episodes), "random play")
            compare(family, int(task_ids[e]), declared[e], returns[e], "random play")
        return "not exceeded by random play"
    if not is_random:
        expert = source_algorithms.make("optimal")
        earned = expert.returns(family, tasks, np.arange(len(tasks)), 1, seed)
        for e, returns in enumerate(earned.reshape(len(task_ids), -1)):
            compare(family, int(task_ids[e]), declared[e], returns, "the best policy", is_best=True)
    planned = () if family.starts is None else planned_returns(family, task_ids)[:, None]
    for e, best in enumerate(planned):
        compare(family, int(task_ids[e]), declared[e], best, "the best policy", is_best=True)
    return f"what the best policy earns in {len(task_ids)} tasks"


def compare(
    family: TaskFamily,
    task_id: int,
    declared: float,
    returns: np.ndarray,
    who: str,
    *,
    is_best: bool = False,
) -> None:
    """Raise `InvalidArgument` where `returns [N]` exceed the optimum, or the best fall short."""
    if not returns.size:
        return
    mean = float(returns.mean())
    uncertain = STANDARD_ERRORS * float(returns.std()) / math.sqrt(len(returns))
    if family.has_random_steps:  # few returns may all be the rarest one (Bernstein's inequality)
        spread = max(float(np.ptp(returns)), abs(mean - declared))
        uncertain += STANDARD_ERRORS * spread / len(returns)
    margin = uncertain + 1e-4 * max(1.0, abs(declared))
    if mean > declared + margin or (is_best and mean < declared - margin):
        raise InvalidArgument(
            f"optimal_return of {family.name} must be the greatest expected return, but in task "
            f"{task_id} it is {declared:g}, and {who} earns {mean:g}"
        )
