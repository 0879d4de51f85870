"""Contests of agents written by hand, one core, simulator included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.contest import Contest, NotEquivalent, show
from benchmarks.engine import AGENTS, BatchSimulator, TaskFamily, tasks
from benchmarks.evaluation import EnvironmentLoop
from benchmarks.pair_timer import Contender

EPISODES = 3  # that are checked, and played before clocks run


@contextmanager
def beside_random(
    agent: str, options: Mapping[str, Any], family: str, num_environments: int
) -> Iterator[Contest]:
    """The agent `agent` against one that acts at random: what its thinking costs."""
    made = tasks.make(family)

    def check() -> None:
        wide, alone = (loop(made, agent, options, n) for n in (num_environments, 1))
        for _ in range(EPISODES * made.episode_length):
            wide()
            alone()
            if (wide.returned[0][0] != alone.returned[0][0]).any():
                raise NotEquivalent(f"{agent} acts otherwise beside others")
        show(f"{agent} does alone what it does beside others")

    subject = loop(made, agent, options, num_environments)
    rival = loop(made, "random", {}, num_environments)
    for _ in range(EPISODES * made.episode_length):
        subject()
        rival()
    yield Contest(
        Contender(agent, subject, num_environments),
        (Contender("random agent", rival, num_environments),),
        check,
    )


def loop(
    family: TaskFamily, agent: str, options: Mapping[str, Any], num_environments: int
) -> EnvironmentLoop:
    """The agent in environments of the first tasks."""
    maker = AGENTS.make(agent, **options)
    acting = maker.make_agent(family.transition_schema, num_environments, family=family)
    task_ids = np.arange(num_environments) % family.num_tasks
    return EnvironmentLoop(acting.act, BatchSimulator(family, task_ids))
