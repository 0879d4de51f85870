"""`python -m benchmarks.recurrent_ppo`: RL2's PPO beside Stable-Baselines3-contrib's RecurrentPPO.

Both train an LSTM on trials of Dark Room, with as many epochs and minibatches, by the same threads.
Compared are environment steps a second while training, learning included; beside other load only
the processor's time says something, with `--threads 1`. The rival plays in Python environments one
by one, each of them adfast's own; it needs `pip install sb3-contrib`.
`--small` goes through all of it in seconds, at sizes that mean nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from adfast import tasks
from adfast.baselines.rl2.config import RL2Config
from adfast.baselines.rl2.train import RL2Hooks, RL2Trainer
from adfast.tasks.observation import DiscreteObservation
from benchmarks.rivals.optional import is_installed

WIDTH, EPISODES, EPOCHS, MINIBATCHES = 64, 10, 2, 4
FAMILY = tasks.make("dark-room")
SCHEMA = FAMILY.transition_schema
assert isinstance(SCHEMA.observation, DiscreteObservation)
SIZES = (*SCHEMA.observation.sizes, FAMILY.episode_length, SCHEMA.num_actions + 1, 2)
STARTS = np.cumsum((0, *SIZES[:-1]))  # of each part of what the rival sees
TRAINED_ON = range(64)
RIVAL, BAR = "sb3_contrib", 20.0


class TrialEnvironment(gymnasium.Env[np.ndarray, np.int64]):
    """A trial as an episode: what RL2's policy sees, as one vector of ones and zeros."""

    def __init__(self, number: int) -> None:
        self.room: Any = gymnasium.make("adfast/DarkRoom-v0", task_id=number % len(TRAINED_ON))
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (sum(SIZES),), np.float32)
        self.action_space = gymnasium.spaces.Discrete(SCHEMA.num_actions)

    def reset(self, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
        """The first observation of a trial."""
        self.steps = 0
        observation, _ = self.room.reset()
        return self.seen(observation, SCHEMA.num_actions, 0), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step, of an episode or into the next."""
        observation, reward, terminated, truncated, _ = self.room.step(int(action))
        if terminated or truncated:
            observation, _ = self.room.reset()
        self.steps += 1
        is_over = self.steps == EPISODES * FAMILY.episode_length
        return self.seen(observation, int(action), int(reward)), float(reward), is_over, False, {}

    def seen(self, observation: np.ndarray, action: int, reward: int) -> np.ndarray:
        """The observation, the step in the episode, the last action and its reward."""
        vector = np.zeros(sum(SIZES), np.float32)
        step = self.steps % FAMILY.episode_length
        vector[STARTS + np.array([*observation, step, action, reward])] = 1.0
        return vector


def clocks() -> np.ndarray:
    """Seconds now, on the wall and of this process on all cores."""
    return np.array([time.perf_counter(), time.process_time()])


def steps_of_rival(environments: int, updates: int) -> np.ndarray:
    """Environment steps a second of RecurrentPPO, by both clocks."""
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    import adfast.simulators.gymnasium_env  # noqa: F401, registers the family

    trial = EPISODES * FAMILY.episode_length
    made: list[Callable[[], gymnasium.Env[Any, Any]]] = [
        partial(TrialEnvironment, number) for number in range(environments)
    ]
    learner = RecurrentPPO(
        "MlpLstmPolicy",
        DummyVecEnv(made),
        n_steps=trial,
        batch_size=environments * trial // MINIBATCHES,
        n_epochs=EPOCHS,
        device="cpu",
        policy_kwargs={
            "lstm_hidden_size": WIDTH,
            "net_arch": [],
            "shared_lstm": True,
            "enable_critic_lstm": False,
        },
    )
    learner.learn(environments * trial)  # the first update warms up
    began = clocks()
    learner.learn(updates * environments * trial)
    return updates * environments * trial / (clocks() - began)


def steps_of_adfast(environments: int, updates: int, threads: int) -> np.ndarray:
    """Environment steps a second of RL2 by both clocks, after an update that warms up."""
    trial = EPISODES * FAMILY.episode_length
    config = RL2Config(
        steps=(updates + 1) * environments * trial,
        body="lstm",
        width=WIDTH,
        environments=environments,
        epochs=EPOCHS,
        minibatches=MINIBATCHES,
        threads=threads,
        checkpoint_every=updates + 1,
    )
    times: list[np.ndarray] = []
    hooks = RL2Hooks(on_update=lambda state, row: times.append(clocks()))
    with tempfile.TemporaryDirectory() as folder:
        RL2Trainer(FAMILY, TRAINED_ON, Path(folder), rl2=config, hooks=hooks).run()
    return updates * environments * trial / (times[-1] - times[0])


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 where the bar is missed at full size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recurrent_ppo")
    parser.add_argument("--small", action="store_true", help="small sizes; judges no bar")
    parser.add_argument("--threads", type=int, default=2, help="of both; default: 2")
    options = parser.parse_args(arguments)
    environments, updates = (4, 1) if options.small else (1024, 10)
    own = steps_of_adfast(environments, updates, options.threads)
    tell("adfast RL2", environments, own)
    if not is_installed(RIVAL):
        print("RecurrentPPO is not installed: pip install sb3-contrib", file=sys.stderr)
        return 0
    torch.set_num_threads(options.threads)
    best = np.zeros(2)
    for count in (2,) if options.small else (16, 64, 256):
        found = steps_of_rival(count, 1 if options.small else 3)
        best = np.maximum(best, found)
        tell("RecurrentPPO", count, found)
    wall, processor = own / best
    print(f"ratio to the faster one: {wall:.1f}, by the processor's time {processor:.1f}")
    return 0 if options.small or wall >= BAR else 1


def tell(name: str, environments: int, speed: np.ndarray) -> None:
    """Print how many environment steps a second were trained on."""
    wall, processor = speed
    print(
        f"{name}, {environments} environments: {wall:,.0f} environment steps/s, "
        f"{processor:,.0f} per second of the processor's time",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
