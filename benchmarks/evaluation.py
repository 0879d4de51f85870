"""Contests of in-context evaluation, one core, simulator included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from adfast import tasks
from adfast.evaluation.agent import Agent
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from benchmarks.contest import Contest, require_close
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender
from benchmarks.rivals.recomputing_agent import RecomputingAgent
from benchmarks.training import fill_randomly

TOLERANCE = 1e-4  # between logits


class EnvironmentLoop:
    """One step of all environments per call: `act` on what they returned, then step them."""

    def __init__(self, act: Callable[..., np.ndarray], simulator: BatchSimulator) -> None:
        self.act = act
        self.simulator = simulator
        self.returned: tuple[np.ndarray, ...] = (simulator.reset(),)

    def __call__(self) -> None:
        self.returned = tuple(self.simulator.step(self.act(*self.returned)))


@contextmanager
def streaming(family: str, num_environments: int, window: int) -> Iterator[Contest]:
    """The agent with its ring cache against recomputing the window at every step.

    Both begin with a full window.
    """
    made = tasks.make(family)
    task_ids = np.arange(num_environments) % made.num_tasks
    model = Transformer(ModelConfig(attention_window=window), made.transition_schema, seed=0)
    fill_randomly(model)

    def check() -> None:
        agent = Agent(model, num_environments, temperature=0.0)
        recomputing = RecomputingAgent(model, num_environments, window)

        def act(*returned: Any) -> np.ndarray:
            actions = agent.act(*returned)
            recomputing.observe(*returned)
            logits = recomputing.logits()
            recomputing.take(actions)
            chosen = logits[np.arange(num_environments), actions]
            require_close("logit of the likeliest action", chosen, logits.max(1), TOLERANCE)
            return actions

        loop = EnvironmentLoop(act, BatchSimulator(made, task_ids))
        for _ in range(min(window, made.episode_length + 5)):
            loop()

    recomputing = RecomputingAgent(model, num_environments, window)
    generator = np.random.default_rng(0)

    def wander(*returned: Any) -> np.ndarray:
        recomputing.observe(*returned)
        actions = generator.integers(made.num_actions, size=num_environments)
        recomputing.take(actions)
        return actions

    with one_torch_thread():
        subject = EnvironmentLoop(
            Agent(model, num_environments).act, BatchSimulator(made, task_ids)
        )
        rival = EnvironmentLoop(wander, BatchSimulator(made, task_ids))
        for _ in range(window):
            subject()
            rival()
        rival.act = recomputing.act
        yield Contest(
            Contender("Agent, ring cache", subject, num_environments),
            (Contender("recomputed window", rival, num_environments),),
            check,
        )
