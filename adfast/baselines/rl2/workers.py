"""Workers: threads that play a share of the trials each, and differentiate a share of each batch.

The operations of a small policy are too short to be split over cores one by one. What is computed
depends on the number of threads in its last bits, and repeats bit for bit at the same number.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from adfast.baselines.rl2.config import RL2Config
from adfast.baselines.rl2.policy import Policy
from adfast.baselines.rl2.ppo import Lessons, ppo_losses
from adfast.baselines.rl2.trials import Trials, joined, play_trials
from adfast.closing import Closing
from adfast.tasks.family import TaskFamily
from adfast.training.gradients.sharded_gradient import gradients, replicate

PIECE_TRIALS = 64  # that a gradient is made of at a time: what is kept of more leaves the cache


class Workers(Closing):
    """Work for `policy` by so many `threads`, which share its weights."""

    def __init__(self, policy: Policy, threads: int) -> None:
        self._replicas = [policy, *(replicate(policy) for _ in range(threads - 1))]
        self._pool = ThreadPoolExecutor(
            threads, "rl2", initializer=torch.set_num_threads, initargs=(1,)
        )

    def play(
        self, family: TaskFamily, task_ids: np.ndarray, seed: int, streams: np.ndarray, steps: int
    ) -> Trials:
        """See `play_trials`."""

        def play_share(replica: Policy, share: np.ndarray) -> Trials:
            return play_trials(replica, family, task_ids, seed, share, steps)

        shares = np.array_split(streams, min(len(self._replicas), len(streams)))
        return joined(list(self._pool.map(play_share, self._replicas, shares)))

    def differentiate(
        self, lessons: Lessons, rows: Tensor, config: RL2Config, entropy_weight: float
    ) -> dict[str, Tensor]:
        """Leave the gradient of PPO's loss on the environments `rows` in the policy's parameters.

        Returns what the loss is made of, and the loss.
        """

        def differentiate_share(replica: Policy, share: Tensor) -> dict[str, Tensor]:
            replica.zero_grad(set_to_none=True)
            sums: dict[str, Tensor] = {}
            for piece in share.tensor_split(-(-len(share) // PIECE_TRIALS)):
                weight = len(piece) / len(rows)
                loss, parts = ppo_losses(replica, lessons.part(piece), config, entropy_weight)
                (loss * weight).backward()  # type: ignore[no-untyped-call]
                for name, part in (parts | {"loss": loss.detach()}).items():
                    sums[name] = sums.get(name, 0.0) + part * weight
            return sums

        shares = rows.tensor_split(min(len(self._replicas), len(rows)))
        results = list(self._pool.map(differentiate_share, self._replicas, shares))
        for replica in self._replicas[1 : len(shares)]:
            torch._foreach_add_(gradients(self._replicas[0]), gradients(replica))
        return {name: torch.stack([part[name] for part in results]).sum() for name in results[0]}

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
