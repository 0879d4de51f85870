"""An agent that recomputes its whole window at every step, as codebases without a cache do.

Axes: N environments, W transitions of the window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.engine import EVALUATION_ACTION, Transformer, sample_actions, stream_keys


class RecomputingAgent:
    """Acts as `adfast.evaluation.agents.agent.Agent` does, from the last `window` transitions.

    Until the history is longer than the window it computes the same function. Histories are kept in
    arrays of twice the window, so that they are moved only once in so many steps.
    """

    def __init__(
        self, model: Transformer, num_environments: int, window: int, *, temperature: float = 1.0
    ) -> None:
        self.model = model.eval()
        self.window = window
        self.temperature = temperature
        self.offset, self.mask = stream_keys(0, EVALUATION_ACTION, np.arange(num_environments))
        self.draws = np.zeros(num_environments, np.int64)
        self.episode_step = np.zeros(num_environments, np.int64)
        self.histories = model.schema.allocate(num_environments, 2 * window)
        for array in self.histories.values():
            array[...] = 0
        self.length = 0

    def act(self, observation: np.ndarray, *result: Any) -> np.ndarray:
        """The actions int64 `[N]` to take on `observation`; `result` as `Agent.act` takes it."""
        self.observe(observation, *result)
        actions = np.empty(len(observation), np.int64)
        logits = self.logits()
        sample_actions(logits, self.temperature, self.offset, self.mask, self.draws, actions)
        self.draws += 1
        self.take(actions)
        return actions

    def observe(self, observation: np.ndarray, *result: Any) -> None:
        """Complete the last transition by `result`, where there is one, and begin the next."""
        if result:
            reward, terminated, truncated, final_observation = result
            self.histories["reward"][:, self.length - 1] = reward
            self.histories["next_observation"][:, self.length - 1] = final_observation
            self.episode_step[terminated | truncated] = 0
        if self.length == 2 * self.window:
            for array in self.histories.values():
                array[:, : self.window] = array[:, self.window :]
            self.length = self.window
        self.histories["observation"][:, self.length] = observation
        self.histories["episode_step"][:, self.length] = self.episode_step
        self.length += 1

    @torch.no_grad()
    def logits(self) -> np.ndarray:
        """float32 `[N, A]` of the newest transition, by a forward pass over the window."""
        rows = slice(max(0, self.length - self.window), self.length)
        batch = {name: torch.from_numpy(array[:, rows]) for name, array in self.histories.items()}
        logits: np.ndarray = self.model(batch)[:, -1].numpy()
        return logits

    def take(self, actions: np.ndarray) -> None:
        """Remember the actions that are taken on the last observation."""
        self.histories["action"][:, self.length - 1] = actions
        self.episode_step += 1
