"""RL2Config: the settings of RL2. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from adfast.config import Config, Count, Threads

Body = Literal["gru", "lstm", "transformer"]


class RL2Config(Config):
    """The policy's memory, its trials, and PPO.

    An update plays one whole trial in every environment, and then takes `epochs` x `minibatches`
    steps of Adam. Learning rate and entropy weight fall linearly to zero over all `steps`.
    """

    steps: int = Field(20_000_000, ge=1, le=10**12)
    """Environment steps of the whole training, rounded up to whole updates."""

    stop_at: int | None = Field(None, ge=1, le=10**12)
    """Environment steps after which this part of the training ends; none: all `steps`."""

    continues: str | None = None
    """Directory of a training whose newest checkpoint this one begins from; none: from nothing."""

    body: Body = "gru"
    """What remembers: a GRU, an LSTM, or the transformer that [model] describes."""

    width: Count = 64
    """Channels of a GRU or an LSTM."""

    num_layers: Count = 1
    """Layers of a GRU or an LSTM."""

    environments: Count = 128
    """Environments that act side by side; few, because what teaches is the number of updates."""

    trial_episodes: Count = 10
    """Episodes of a trial, at their longest; where they end early there are more."""

    discount: float = Field(0.9, ge=0, le=1)
    """What a reward is worth one step later, episodes' ends no exception."""

    gae_lambda: float = Field(0.95, ge=0, le=1)
    """From one-step advantages (0) to those of whole trials (1)."""

    learning_rate: float = Field(3e-3, gt=0, le=1000)
    """Of Adam at the start."""

    epochs: Count = 2
    """How often an update goes through its trials."""

    minibatches: Count = 4
    """Parts of the trials in an epoch, a step of Adam each."""

    clip: float = Field(0.2, gt=0, le=1000)
    """How far a probability's ratio to the one acted by counts, up and down from 1."""

    entropy_weight: float = Field(0.02, ge=0, le=1000)
    """How much the policy's entropy counts beside its advantages, at the start."""

    value_weight: float = Field(0.5, ge=0, le=1000)
    """How much the value's squared error counts, in units of the variance of what it is to be."""

    gradient_clip: float = Field(0.5, gt=0, le=1e30)
    """Greatest L2 norm of the gradient; a longer one is scaled down."""

    threads: Threads = 1
    """Threads that trials are played and learned from by, a share of them each."""

    metrics_every: Count = 1
    """Updates from one line of the training log to the next."""

    checkpoint_every: Count = 20
    """Updates from one checkpoint to the next."""

    evaluate_every: Count | None = None
    """Updates from one short evaluation while training to the next; none: there is none."""

    def updates(self, steps: int, episode_length: int) -> int:
        """How many updates make at least so many environment `steps`."""
        return -(-steps // self.steps_per_update(episode_length))

    def last_update(self, episode_length: int) -> int:
        """The update that this part of the training ends with."""
        return self.updates(min(self.stop_at or self.steps, self.steps), episode_length)

    def steps_per_update(self, episode_length: int) -> int:
        """Environment steps of all trials of an update."""
        return self.environments * self.trial_episodes * episode_length
