"""check_family: what Gymnasium's `check_env` does for environments, for task families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adfast.family_check.declarations import check_declarations, check_tasks
from adfast.family_check.optimum import check_optimum
from adfast.family_check.play import check_play
from adfast.values import as_count, as_seed


@dataclass(frozen=True)
class FamilyCheck:
    """What a check looked at."""

    family: str
    tasks: int  # that were played, evenly spaced over all
    steps: int  # taken by plain and by compiled functions
    optimum: str  # what the declared optimum was compared with


def check_family(family: Any, *, tasks: int = 16, episodes: int = 4, seed: int = 0) -> FamilyCheck:
    """Check a family by its declarations and by random play; raises at the first broken rule.

    `episodes` are played on each of `tasks` tasks: by the plain functions, twice each call, and by
    the compiled loops, which must agree bit for bit. States, observations, rewards and ends must be
    what the schema holds. The declared optimum must be what an expert earns, where one can be
    computed, and else not be exceeded by chance. Takes seconds, most of which compile.

    Raises `InvalidArgument` with function, task, state, value and rule.
    """
    as_count("tasks", tasks)
    as_count("episodes", episodes)
    as_seed("seed", seed)
    check_declarations(family)
    count = min(tasks, family.num_tasks)
    task_ids = np.unique(np.linspace(0, family.num_tasks - 1, count).astype(np.int64))
    check_tasks(family, task_ids)
    steps, returns = check_play(family, task_ids, episodes, seed)
    optimum = check_optimum(family, task_ids, returns, seed)
    return FamilyCheck(family.name, len(task_ids), steps, optimum)
