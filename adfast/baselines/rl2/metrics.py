"""TrialMetrics: a line of `metrics.jsonl` as a training of RL2 writes it. Imports no torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrialMetrics(BaseModel):
    """What one update's trials returned, and what was learned from them.

    `return_by_episode` are means over the trials; None of an episode that no trial ended.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    update: int
    environment_steps: int  # played until then, all updates together
    return_by_episode: tuple[float | None, ...] = Field(min_length=1)
    policy_loss: float
    value_error: float
    entropy: float
    divergence: float
    clipped: float
    loss: float
    gradient_norm: float
    learning_rate: float
    validation_return: float | None = None  # in the last episode, where it was evaluated
    seconds: float

    @property
    def environment_transitions(self) -> int:
        """Those that it was trained on: each that was played."""
        return self.environment_steps


def is_of_trials(values: object) -> bool:
    """Whether a line was written by a training of RL2."""
    return isinstance(values, dict) and "return_by_episode" in values
