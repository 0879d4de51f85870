"""What agents earn, beside what their twins and the learners themselves do."""

import numpy as np

import adfast

EPISODES, SEEDS, SEED = 12, 2, 5


def evaluated(maker, family, task_ids, episodes=EPISODES, **settings):
    """What the maker's agents earn and do on the tasks."""
    return adfast.evaluate(
        maker,
        family,
        task_ids,
        **{"episodes": episodes, "seeds": SEEDS, "seed": SEED, "progress": False} | settings,
    )


def streams_of(family, task_ids):
    """The task and the random stream of every environment of an evaluation."""
    return np.repeat(task_ids, SEEDS), np.tile(
        np.arange(SEEDS), len(task_ids)
    ) * family.num_tasks + np.repeat(task_ids, SEEDS)
