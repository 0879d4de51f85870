"""A source algorithm that dies with its process, once: in the block with a certain history."""

import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from adfast.source_algorithms.tabular.q_learning import QLearning
from adfast.tasks.family import TaskFamily


class DyingLearner(QLearning):
    """Q-learning that takes its time, and dies where `fatal_stream` is unless `marker` exists."""

    name: ClassVar[str] = "dying"

    marker: str
    """A file that says that it has died; its absence makes it die."""

    fatal_stream: int
    """The random stream of the history that it dies of."""

    seconds: float = 0.0
    """What a block takes at least."""

    def learn(
        self,
        family: TaskFamily,
        task_ids: np.ndarray,
        streams: np.ndarray,
        *arguments: Any,
        **options: Any,
    ) -> np.ndarray:
        time.sleep(self.seconds)
        if self.fatal_stream in streams and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().learn(family, task_ids, streams, *arguments, **options)
