"""LearningBatch: what learners without a compiled loop act in, one environment for each history.

It steps the environments together, draws for each by its own random stream, and writes what they
did as histories. The compiled twin is `history_loop`: the same actions are the same bytes.

Legend: N histories of the batch, C observation components.
"""

from __future__ import annotations

import numpy as np

from adfast.random_streams import BEHAVIOUR, stream_keys, subkeys_at
from adfast.simulators import BatchSimulator, StepResult
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import LABEL


class LearningBatch:
    """N learners at the beginning of their histories; takes the arguments of `histories`.

    `observation [N, C]` is what to act on, `is_learning` bool `[N]` tells those whose last episode
    is not over: of the others, whatever they do is left out. `lengths` and `returns` are what
    `SourceAlgorithm.histories` returns.
    """

    def __init__(
        self,
        family: TaskFamily,
        task_ids: np.ndarray,
        random_streams: np.ndarray,
        episodes: int,
        seed: int,
        out: dict[str, np.ndarray],
        keep_every: int,
    ) -> None:
        count = len(task_ids)
        self._simulator = BatchSimulator(family, task_ids, seed, random_streams=random_streams)
        self._keys = stream_keys(seed, BEHAVIOUR, random_streams)
        self._episode_length = family.episode_length
        self._episodes, self._keep_every, self._out = episodes, keep_every, out
        self.observation = self._simulator.reset()
        self.episode = np.zeros(count, np.int64)
        self.episode_step = np.zeros(count, np.int64)
        self.lengths = np.zeros(count, np.int64)
        self.returns = np.zeros((count, episodes), np.float64)

    @property
    def is_learning(self) -> np.ndarray:
        """bool `[N]`: whose last episode is not over."""
        return np.less(self.episode, self._episodes)

    @property
    def is_over(self) -> bool:
        """Whether all histories are whole."""
        return not bool(self.is_learning.any())

    def draw(self, index: int = 0) -> np.ndarray:
        """float64 `[N]` in [0, 1): a draw of each learner for its next action.

        One step has as many independent draws as it has values of `index`. What a learner draws
        depends on its own random stream, episode and step alone.
        """
        clock = self.episode * self._episode_length + self.episode_step
        keys = subkeys_at(*self._keys, clock, index)
        return np.asarray(keys >> np.uint32(8), np.float64) * 2.0**-24

    def step(self, actions: np.ndarray, labels: np.ndarray | None = None) -> StepResult:
        """What `actions` `[N]` brought; episodes that ended are followed by the next at once.

        `labels` `[N]` are the actions that the learners held right, for histories that have them.
        Raises `InvalidArgument` for an action that there is not.
        """
        result = self._simulator.step(actions)
        learning = self.is_learning
        if self._keep_every:
            self._write(np.flatnonzero(learning & self._is_kept), actions, labels, result)
        which = np.flatnonzero(learning)
        self.returns[which, self.episode[which]] += result.reward[which]
        ended = result.terminated | result.truncated
        self.episode += learning & ended
        self.episode_step = np.where(ended, 0, self.episode_step + 1)
        self.observation = result.observation
        return result

    @property
    def _is_kept(self) -> np.ndarray:
        """bool `[N]`: whose present episode is written."""
        return np.equal(self.episode % self._keep_every, 0)

    def _write(
        self, which: np.ndarray, actions: np.ndarray, labels: np.ndarray | None, result: StepResult
    ) -> None:
        """Write the step of the histories `which` behind what they hold."""
        values = {
            "observation": self.observation,
            "action": np.asarray(actions),
            "reward": result.reward,
            "next_observation": result.final_observation,
            "boundary": result.terminated + 2 * result.truncated,
            "episode_step": self.episode_step,
        }
        if LABEL in self._out:
            assert labels is not None, "as check_labels of the learner says"
            values[LABEL] = np.asarray(labels)
        for name, value in values.items():
            self._out[name][which, self.lengths[which]] = value[which]
        self.lengths[which] += 1
