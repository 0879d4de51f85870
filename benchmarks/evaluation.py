"""Contests of in-context evaluation, one core, simulator included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks import device as devices
from benchmarks.contest import Contest, require_close, show
from benchmarks.engine import (
    Agent,
    BatchSimulator,
    ModelConfig,
    TaskFamily,
    Transformer,
    layer_step,
    tasks,
)
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender
from benchmarks.rivals.recomputing_agent import RecomputingAgent
from benchmarks.rivals.recomputing_device_agent import RecomputingDeviceAgent
from benchmarks.training import fill_randomly

TOLERANCE = 1e-4  # between logits
ROUNDING = 0.1  # between logits where keys and values are rounded to bfloat16
DEFAULT_MODEL: Mapping[str, Any] = {}  # what differs from the defaults of ModelConfig


class EnvironmentLoop:
    """One step of all environments per call: `act` on what they returned, then step them."""

    def __init__(self, act: Callable[..., np.ndarray], simulator: BatchSimulator) -> None:
        self.act = act
        self.simulator = simulator
        self.returned: tuple[np.ndarray, ...] = (simulator.reset(),)

    def __call__(self) -> None:
        self.returned = tuple(self.simulator.step(self.act(*self.returned)))


@contextmanager
def streaming(
    family: str,
    num_environments: int,
    window: int,
    device: str = "cpu",
    model: Mapping[str, Any] = DEFAULT_MODEL,
) -> Iterator[Contest]:
    """The agent with its ring cache against recomputing the window at every step.

    Both begin with a full window. On a card the rival keeps its histories there.
    """
    made = tasks.make(family)
    task_ids = np.arange(num_environments) % made.num_tasks
    acting = random_model(made, window, device, model)
    tolerance = TOLERANCE if device == "cpu" else ROUNDING

    def recomputing_agent(precise: Transformer) -> RecomputingAgent:
        kind = RecomputingAgent if device == "cpu" else RecomputingDeviceAgent
        return kind(precise, num_environments, window)

    def check() -> None:
        agent = Agent(acting, num_environments, temperature=0.0, device=device)
        recomputing = recomputing_agent(agent.model)

        def act(*returned: Any) -> np.ndarray:
            actions = agent.act(*returned)
            recomputing.observe(*returned)
            logits = recomputing.logits()
            recomputing.take(actions)
            chosen = logits[np.arange(num_environments), actions]
            require_close("logit of the likeliest action", chosen, logits.max(1), tolerance)
            return actions

        loop = EnvironmentLoop(act, BatchSimulator(made, task_ids))
        for _ in range(min(window, made.episode_length + 5)):
            loop()

    agent = Agent(acting, num_environments, device=device)
    recomputing = recomputing_agent(agent.model)
    generator = np.random.default_rng(0)

    def wander(*returned: Any) -> np.ndarray:
        recomputing.observe(*returned)
        actions = generator.integers(made.num_actions, size=num_environments)
        recomputing.take(actions)
        return actions

    with one_torch_thread(), devices.memory_given_back(device):
        subject = EnvironmentLoop(agent.act, BatchSimulator(made, task_ids))
        rival = EnvironmentLoop(wander, BatchSimulator(made, task_ids))
        for _ in range(window):
            subject()
            rival()
        rival.act = recomputing.act
        yield Contest(
            Contender("Agent, ring cache", subject, num_environments),
            (Contender("recomputed window", rival, num_environments),),
            check,
            clock=devices.clock_of(device),
        )


@contextmanager
def fused_layers(
    family: str,
    num_environments: int,
    window: int,
    device: str,
    model: Mapping[str, Any] = DEFAULT_MODEL,
) -> Iterator[Contest]:
    """A layer as one kernel, as few environments have it on a card, against its operations.

    Both begin with a full window. The first step chooses, and captures what it chose.
    """
    made = tasks.make(family)
    acting = random_model(made, window, device, model)

    def begun() -> EnvironmentLoop:
        agent = Agent(acting, num_environments, device=device)
        task_ids = np.arange(num_environments) % made.num_tasks
        loop = EnvironmentLoop(agent.act, BatchSimulator(made, task_ids))
        for _ in range(window):
            loop()
        return loop

    with devices.memory_given_back(device):
        fused = begun()
        with patch.object(layer_step, "prefers_fused", return_value=False):
            apart = begun()
        yield Contest(
            Contender("one kernel per layer", fused, num_environments),
            (Contender("its operations", apart, num_environments),),
            lambda: show("tests/models/test_models_on_gpu.py compares outputs"),
            clock=devices.clock_of(device),
        )


def random_model(
    family: TaskFamily, window: int, device: str, options: Mapping[str, Any]
) -> Transformer:
    """A model whose weights are all random, where it is to act."""
    config = ModelConfig(attention_window=window, **options)
    made = Transformer(config, family.transition_schema, seed=0)
    fill_randomly(made)
    return made.to(device).eval()


@contextmanager
def cache_precision(family: str, num_environments: int, window: int) -> Iterator[Contest]:
    """The agent with its ring cache in bfloat16 against the one in float32, both full."""
    made = tasks.make(family)
    task_ids = np.arange(num_environments) % made.num_tasks
    model = random_model(made, window, "cpu", DEFAULT_MODEL)

    def loop(cache: Any) -> EnvironmentLoop:
        agent = Agent(model, num_environments, cache=cache)
        return EnvironmentLoop(agent.act, BatchSimulator(made, task_ids))

    def check() -> None:
        listening = Transformer(model.config, model.schema, seed=0)
        listening.load_state_dict(model.state_dict())
        cache = listening.new_cache(num_environments, torch.bfloat16)

        def step(inputs: Any, exact_cache: Any, active: Any) -> torch.Tensor:
            logits = model.step(inputs, exact_cache, active)
            rounded = model.step(replace(inputs, is_first=cache.is_first), cache, active)
            require_close("logits", rounded, logits, ROUNDING)
            return logits

        listening.step = step  # type: ignore[method-assign, assignment]
        agent = Agent(listening, num_environments)
        heard = EnvironmentLoop(agent.act, BatchSimulator(made, task_ids))
        for _ in range(min(window, made.episode_length) + 5):
            heard()

    with one_torch_thread():
        subject, rival = loop("bfloat16"), loop("float32")
        for _ in range(window):
            subject()
            rival()
        yield Contest(
            Contender("cache in bfloat16", subject, num_environments),
            (Contender("cache in float32", rival, num_environments),),
            check,
        )
