"""World: environments that return anything, and write down what happens as a history would be."""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.tasks.transition_schema import TransitionSchema

N = 4


class World:
    """What N environments return, whatever is done in them; it writes down what happens."""

    def __init__(self, schema: TransitionSchema, autoreset: str, seed: int = 0) -> None:
        self.schema, self.autoreset = schema, autoreset
        self.generator = np.random.default_rng(seed)
        self.rows: list[dict[str, list[Any]]] = [
            {name: [] for name in schema.fields} for _ in range(N)
        ]
        self.steps = np.zeros(N, int)
        self.resets = np.zeros(N, bool)  # whose next step only resets
        self.seen = self.observe()

    def observe(self) -> np.ndarray:
        if self.schema.observation.stored.sizes is None:
            return self.generator.normal(size=(N, 2, 3))
        return self.generator.integers(0, 5, (N, 2))

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, ...]:
        """What `act` takes next."""
        reward = self.generator.integers(0, 2, N)
        last = self.steps == self.schema.episode_length - 1
        terminated = (self.generator.random(N) < 0.1) & ~self.resets
        truncated = last & ~self.resets
        done = terminated | truncated
        now, final = self.observe(), self.observe()
        if self.autoreset == "next-step":
            final = now
        reached = np.where(done.reshape(-1, *[1] * (now.ndim - 1)), final, now)
        for n in np.flatnonzero(~self.resets):
            row: dict[str, Any] = {
                "observation": self.seen[n],
                "action": actions[n],
                "reward": reward[n],
                "next_observation": reached[n],
                "boundary": 1 if terminated[n] else 2 if truncated[n] else 0,
                "episode_step": self.steps[n],
            }
            for name, value in row.items():
                self.rows[n][name].append(value)
        self.steps = np.where(done | self.resets, 0, self.steps + 1)
        self.resets = done if self.autoreset == "next-step" else self.resets
        self.seen = now
        return now, reward, terminated, truncated, final

    def history(
        self, first: int = 0, last: int | None = None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What happened in each environment, padded with what must not be read, and lengths."""
        parts = [
            {name: np.array(v[first:last], self.schema.fields[name].dtype) for name, v in r.items()}
            for r in self.rows
        ]
        length = np.array([len(part["action"]) for part in parts])
        history = self.schema.allocate(N, length.max())
        for name, array in history.items():
            array.view(np.uint8)[...] = 255
            for n, part in enumerate(parts):
                array[n, : length[n]] = part[name].reshape(-1, *array.shape[2:])
        return history, length
