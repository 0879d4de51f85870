"""Records of parts that nobody made, with returns that a test gives them."""

import numpy as np

from adfast.runs.files.results import References
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import PartState

EPISODES = 10


def record(part, first, last, *, early=1, noise=0.0, random=0.0, optimal=10.0, tasks=16, ids=None):
    """A part that earns `first` in its `early` episodes and `last` in as many others and more, on
    each task more or less by `noise`, which tells nothing of the sign."""
    returns = np.full((tasks, max(EPISODES, 2 * early)), float(last))
    returns[:, :early] = first
    returns[:, early:] += noise * (-1.0) ** np.arange(tasks)[:, None]
    return PartRecord.model_construct(
        name=part.name,
        hash="0" * 16,
        run=part.run_name,
        method=part.row.method,
        seed=part.seed,
        tasks="of a test",
        settings={},
        episode_length=20,
        evaluation_seeds=4,
        seconds={"evaluate": 1.0},
        computed_on={"evaluate": {"device": "cpu"}},
        provenance={"commit": "abc"},
        task_ids=tuple(range(tasks)) if ids is None else ids,
        tasks_per_row=1,
        returns=returns.tolist(),
        optimal=optimal,
        references=References(random=random),
    )


def states_of(rows, made):
    """How the parts of `rows` stand, where `made(part)` is the record of one, None of a missing."""
    states = {}
    for part in (part for row in rows for part in row.parts):
        content = made(part)
        states[part.name] = PartState(part, "not run yet" if content is None else "done", content)
    return states
