"""Q(lambda) DQN from pictures: the published source of the water maze.

Actors in environments of one task share a network, which learns from stretches of what they did:
some of them the newest, the others drawn from a replay. Torch is loaded when histories are made.

Source: Mnih et al. 2015 (DQN); Laskin et al. 2022, arXiv 2210.14215, whose settings are the
defaults. How many updates there are to a step was not published.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from adfast.config import Count, CountOrNone
from adfast.errors import InvalidArgument
from adfast.packages import require
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.source_algorithms.tabular.action_values import Share
from adfast.tasks.family import TaskFamily

LEAST_SIDE = 8  # pixels of a picture


class DQN(SourceAlgorithm):
    """A network of action values, told the picture and whether the episode has paid.

    The same histories come of the same number of torch's threads on the same machine.
    """

    name: ClassVar[str] = "dqn"
    is_threadable: ClassVar[bool] = False

    actors: Annotated[int, Field(ge=1, le=4096)] = 16
    """Environments of one task in which a learner acts at once."""

    network: Literal["resnet", "small"] = "resnet"
    """The published one, of residual blocks, or two strided convolutions for a CPU."""

    learning_rate: float = Field(1e-4, gt=0, le=1)
    """Of Adam."""

    discount: Share = 0.9
    """What a reward one step later is worth."""

    trace: Share = 0.75
    """Lambda of the lambda-return: 0 looks one step ahead, 1 to the end of the stretch."""

    epsilon_start: Share = 0.01
    """Probability that a random action is begun, in the first episode."""

    epsilon_end: Share = 0.01
    """That probability from episode `epsilon_episodes` on."""

    epsilon_episodes: Count = 1
    """Episodes over which it changes, linearly."""

    kept_steps: Count = 1
    """Steps for which a random action is kept at most; how many is drawn, too."""

    batch_size: Count = 8
    """Stretches that an update learns from."""

    rollout: Annotated[int, Field(ge=1, le=65536)] = 40
    """Steps of a stretch, of one actor."""

    overlap: Annotated[int, Field(ge=0, le=65535)] = 31
    """Steps that a stretch shares with the one before."""

    replay: Count = 100_000
    """Steps of all actors that are kept to be drawn again."""

    offline: Share = 0.7
    """Share of a batch that is drawn from the replay; the rest are the newest stretches."""

    updates_per_rollout: CountOrNone = 0
    """Updates when there is a new stretch of each actor; 0: as many as show each of them once."""

    target_period: Count = 50
    """Updates after which the network that values the future is the present one again."""

    clip: float = Field(10.0, gt=0)
    """Greatest L2 norm of the gradient."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where the network is."""

    @model_validator(mode="after")
    def _stretches_move_on(self) -> Self:
        if self.overlap >= self.rollout:
            raise ValueError(
                f"overlap must be less than rollout ({self.rollout}), or no stretch is new, got "
                f"{self.overlap}"
            )
        if self.replay < self.actors * self.rollout:
            raise ValueError(
                f"replay must hold a stretch of each actor, {self.actors} x {self.rollout} steps, "
                f"got {self.replay}"
            )
        return self

    @property
    def num_replayed(self) -> int:
        """How many stretches of a batch come from the replay."""
        return round(self.batch_size * self.offline)

    @property
    def num_updates(self) -> int:
        """Updates when there is a new stretch of each actor."""
        newest = self.batch_size - self.num_replayed
        return self.updates_per_rollout or -(-self.actors // max(newest, 1))

    def exploration(self, episodes: int) -> np.ndarray:
        """float64 `[episodes]`: epsilon."""
        progress = np.minimum(np.arange(episodes) / self.epsilon_episodes, 1.0)
        change = self.epsilon_end - self.epsilon_start
        return np.asarray(self.epsilon_start + change * progress, np.float64)

    def check(self, family: TaskFamily) -> None:
        """Raise `InvalidArgument` unless pictures are seen that the network has room in."""
        picture = family.transition_schema.observation.picture
        if picture is None:
            raise InvalidArgument(
                f"dqn learns from pictures, which {family.name} does not show; use a learner of "
                "tables such as q-learning"
            )
        if min(picture[:2]) < LEAST_SIDE:
            raise InvalidArgument(
                f"dqn needs pictures of at least {LEAST_SIDE} x {LEAST_SIDE} pixels, got "
                f"{picture[0]} x {picture[1]} of {family.name}; set a larger picture"
            )

    def histories(
        self,
        family: TaskFamily,
        task_ids: np.ndarray,
        random_streams: np.ndarray,
        episodes: int,
        seed: int,
        out: dict[str, np.ndarray],
        keep_every: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lengths and the returns of the histories; see `SourceAlgorithm`."""
        require("torch")
        from adfast.source_algorithms.neural.dqn_learner import learn_together

        lengths = np.empty(len(task_ids), np.int64)
        returns = np.empty((len(task_ids), episodes))
        for first in range(0, len(task_ids), self.actors):
            of = slice(first, first + self.actors)
            own = {name: array[of] for name, array in out.items()}
            lengths[of], returns[of] = learn_together(
                self, family, task_ids[of], random_streams[of], episodes, seed, own, keep_every
            )
        return lengths, returns
