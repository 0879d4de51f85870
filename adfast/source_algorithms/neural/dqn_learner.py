"""The learner of `dqn`: its actors' steps, its replay and its network.

Axes: A actors, B stretches, T steps of one.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import smooth_l1_loss

from adfast.errors import InvalidArgument
from adfast.random_streams import (
    MINIBATCH,
    MODEL_INITIALISATION,
    stream_keys,
    subkeys_at,
)
from adfast.source_algorithms.loops.learning_batch import LearningBatch
from adfast.source_algorithms.neural.q_networks import QNetwork
from adfast.source_algorithms.neural.replay import Replay, Stretches, lambda_returns
from adfast.tasks.family import TaskFamily

if TYPE_CHECKING:
    from adfast.source_algorithms.neural.dqn import DQN


def learn_together(
    options: DQN,
    family: TaskFamily,
    task_ids: np.ndarray,
    random_streams: np.ndarray,
    episodes: int,
    seed: int,
    out: dict[str, np.ndarray],
    keep_every: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and returns of the histories of one learner's actors."""
    batch = LearningBatch(family, task_ids, random_streams, episodes, seed, out, keep_every)
    learner = DQNLearner(options, family, seed, int(random_streams[0]))
    epsilon = options.exploration(episodes)
    while not batch.is_over:
        now = batch.observation.copy()
        had_paid = learner.has_paid.copy()
        action = learner.act(batch, epsilon[np.minimum(batch.episode, episodes - 1)])
        result = batch.step(action)
        is_end = result.terminated | result.truncated
        learner.has_paid = (had_paid | (result.reward > 0)) & ~is_end
        learner.replay.append(
            Stretches(
                now,
                had_paid,
                action,
                result.reward.astype(np.float32),
                result.final_observation.copy(),
                result.terminated.copy(),
                is_end,
            )
        )
        learner.learn()
    return batch.lengths, batch.returns


class DQNLearner:
    """One network and what its actors did; draws are functions of seed and random stream."""

    def __init__(self, options: DQN, family: TaskFamily, seed: int, random_stream: int) -> None:
        observation = family.transition_schema.observation
        assert observation.picture is not None, "as `check` says"
        if options.device == "cuda" and not torch.cuda.is_available():
            raise InvalidArgument(
                'device of dqn must be where torch can compute, got "cuda" without a CUDA device; '
                'set device = "cpu" among its options'
            )
        self.options, self.observation, self.num_actions = options, observation, family.num_actions
        (word,), _ = stream_keys(seed, MODEL_INITIALISATION, np.array([random_stream], np.uint64))
        generator = torch.Generator().manual_seed(int(word))
        network = QNetwork(options.network, observation.picture, family.num_actions, generator)
        self.network = network.to(options.device)
        self.target = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=options.learning_rate)
        self.replay = Replay(options.replay // options.actors, options.actors)
        self.num_updates = 0
        self.has_paid = np.zeros(options.actors, bool)
        self._kept, self._left = np.zeros((2, options.actors), np.int64)
        self._keys = stream_keys(seed, MINIBATCH, np.array([random_stream], np.uint64))

    def act(self, batch: LearningBatch, epsilon: np.ndarray) -> np.ndarray:
        """int64 `[A]`: the best action each, or a random one that is kept for some steps."""
        self._left = np.where(batch.episode_step == 0, 0, self._left)
        begins = (self._left == 0) & (batch.draw(0) < epsilon)
        drawn = (batch.draw(1) * self.num_actions).astype(np.int64)
        length = 1 + (batch.draw(2) * self.options.kept_steps).astype(np.int64)
        self._kept = np.where(begins, drawn, self._kept)
        self._left = np.where(begins, length, self._left)
        is_random = self._left > 0
        self._left = np.maximum(self._left - 1, 0)
        with torch.no_grad():
            values = self._values(self.network, batch.observation, self.has_paid)
        return np.where(is_random, self._kept, values.argmax(dim=1).cpu().numpy())

    def learn(self) -> None:
        """The updates that are due after a step, if there are any."""
        rollout, stride = self.options.rollout, self.options.rollout - self.options.overlap
        steps = self.replay.num_steps
        if steps >= rollout and (steps - rollout) % stride == 0:
            for _ in range(self.options.num_updates):
                self._update(self._stretches())

    def _stretches(self) -> Stretches:
        """A batch: stretches that are drawn, and the newest of actors that take turns."""
        rollout, replayed = self.options.rollout, self.options.num_replayed
        newest = self.replay.num_steps - rollout
        oldest = self.replay.oldest()
        online = np.arange(self.options.batch_size - replayed)
        turn = (self.num_updates * len(online) + online) % self.options.actors
        first = oldest + self._draws(0, replayed, newest - oldest + 1)
        actor = self._draws(1, replayed, self.options.actors)
        return self.replay.read(
            np.concatenate([first, np.full(len(online), newest)]),
            np.concatenate([actor, turn]),
            rollout,
        )

    def _draws(self, kind: int, count: int, bound: int) -> np.ndarray:
        """int64 `[count]` below `bound`, of two kinds in each update."""
        update = np.full(1, self.num_updates, np.uint32)
        words = [subkeys_at(*self._keys, update, 2 * i + kind)[0] for i in range(count)]
        return np.array([int(word) * bound >> 32 for word in words], np.int64)

    def _update(self, stretches: Stretches) -> None:
        options = self.options
        paid_next = stretches.had_paid | (stretches.reward > 0)
        with torch.no_grad():
            values = self._values(self.target, stretches.next_observation, paid_next)
            future = values.amax(dim=1).view(stretches.reward.shape).cpu().numpy()
        aims = lambda_returns(stretches, future, options.discount, options.trace)
        values = self._values(self.network, stretches.observation, stretches.had_paid)
        taken = torch.from_numpy(stretches.action.reshape(-1, 1)).to(values.device)
        aimed = torch.from_numpy(aims.reshape(-1)).to(values.device)
        loss = smooth_l1_loss(values.gather(1, taken)[:, 0], aimed)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), options.clip)
        self.optimizer.step()
        self.num_updates += 1
        if self.num_updates % options.target_period == 0:
            self.target.load_state_dict(self.network.state_dict())

    def _values(
        self, network: QNetwork, observation: np.ndarray, has_paid: np.ndarray
    ) -> torch.Tensor:
        """float32 `[n, actions]` of observations as rows keep them."""
        shape = self.observation.stored.shape
        pictures = self.observation.as_shown(observation.reshape(-1, *shape))
        frames = torch.from_numpy(pictures).to(self.options.device)
        values: torch.Tensor = network(
            frames, torch.from_numpy(has_paid.reshape(-1)).to(frames.device)
        )
        return values
