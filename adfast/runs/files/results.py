"""What the stages of a run found, as their files hold it: the one schema that all readers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from adfast.notebooks import as_html
from adfast.runs.files.result_files import Results, Section


class FamilyName(Section):
    """Which family was evaluated, with its options."""

    model_config = ConfigDict(extra="forbid")

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    def __str__(self) -> str:
        """The name, and the options that were given."""
        options = ", ".join(f"{name} = {value}" for name, value in self.options.items())
        return f"{self.name} ({options})" if options else self.name


class EnvironmentName(Section):
    """Which Gymnasium environment was evaluated in, with each task's arguments, train tasks first.

    `transition_schema` is that of the histories, as stores have it.
    """

    id: str
    arguments: tuple[dict[str, Any], ...] = Field(min_length=1)
    transition_schema: dict[str, Any]


class TaskReturns(Section):
    """Returns `[tasks][seeds][episodes]` of some tasks, and each task's optimum if it is known."""

    task_ids: tuple[int, ...] = Field(min_length=1)
    returns: list[list[list[float]]]
    optimal: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _shapes_agree(self) -> Self:
        tasks = len(self.task_ids)
        optimal = tasks if self.optimal is None else len(self.optimal)
        if not tasks == len(self.returns) == optimal:
            raise ValueError(
                f"task_ids, returns and optimal must have one entry per task, "
                f"got {tasks}, {len(self.returns)} and {optimal}"
            )
        lengths = {len(seed) for task in self.returns for seed in task}
        if len({len(task) for task in self.returns}) != 1 or len(lengths) != 1 or 0 in lengths:
            raise ValueError(
                "returns must be [tasks][seeds][episodes] with equal, non-zero lengths"
            )
        return self

    @property
    def array(self) -> np.ndarray:
        """float64 `[tasks, seeds, episodes]`."""
        return np.array(self.returns, dtype=np.float64)


class References(Section):
    """What the model is measured against, each one number or one per episode; None is unknown."""

    random: float | tuple[float, ...] | None = None
    optimal: float | tuple[float, ...] | None = None
    source: float | tuple[float, ...] | None = None
    source_every_kth: float | tuple[float, ...] | None = None
    ideal_learner: float | tuple[float, ...] | None = None
    recorded: float | tuple[float, ...] | None = None


class DeadEnds(Section):
    """Shares of the episodes that came to a dead end, by episode, and of random ones.

    `source_every_kth` is of the source algorithm at the episodes that training data keeps, None
    where it cannot learn the tasks.
    """

    evaluated: tuple[float, ...] = Field(min_length=1)
    source_every_kth: tuple[float, ...] | None = None
    random: float


class Summary(Section):
    """The statistics over the tasks that count in an evaluation, of the set `tasks`.

    Before there were others than held-out ones, names began with `held_out_`.
    """

    tasks: Literal["held-out", "validation"] = "held-out"
    mean_by_episode: tuple[float, ...] = Field(min_length=1)
    ci95_by_episode: tuple[tuple[float, float], ...]
    iqm_by_episode: tuple[float, ...] | None = None
    first_episode_mean: float | None = None
    last5_mean: float
    last5_ci95: tuple[float, float]
    last5_share_of_optimal: float | None = None
    train_mean_by_episode: tuple[float, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_old(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {str(name).removeprefix("held_out_"): value for name, value in values.items()}


class TaskOutcome(Section):
    """One evaluated task's row of the table; where nobody knows the optimum it has no shares."""

    task_id: int
    label: str
    optimal: float | None = None
    first_episode: float
    last5_mean: float
    share_of_optimal: float | None = None
    solved: bool | None = None

    @property
    def share(self) -> float:
        """The share of the optimum, of an evaluation that knows it."""
        assert self.share_of_optimal is not None, "asked for without an optimum"
        return self.share_of_optimal

    @property
    def rank(self) -> float:
        """What orders tasks, the weakest first: the share of the optimum, or else the return."""
        return self.last5_mean if self.share_of_optimal is None else self.share_of_optimal


class EvaluationResults(Results):
    """`evaluation.json`: what an agent earned on the tasks that count, and on training tasks.

    Which tasks `evaluated` are, `summary.tasks` says; they are of `family`, and `trained_on` is
    another one that the model knows, if it does. Version 1 held the seconds of all stages too,
    which stand in `provenance.json`; up to version 2 `evaluated` was `held_out`.
    """

    version: int = 3

    family: FamilyName | None = None  # either that
    environment: EnvironmentName | None = None  # or this
    trained_on: FamilyName | None = None
    temperature: float
    target_return: float | None = None  # asked for; None: the model reads no returns
    demonstrations: int = 0  # episodes of an expert that were read before
    demonstration_noise: float = 0.0
    tell_rewards: bool = True
    episodes: int = Field(ge=1)
    episode_length: int = Field(ge=1)
    seeds: int = Field(ge=1)
    agent: str | None = None  # that acted; None: the run's model
    evaluated: TaskReturns
    train: TaskReturns | None = None
    references: References = References()
    dead_ends: DeadEnds | None = None  # None where the tasks have none
    receptive_field_transitions: int | None = None
    trained_context_transitions: int | None = None
    summary: Summary
    per_task: tuple[TaskOutcome, ...]
    solved_share: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_old(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "held_out" in values:
            return {"evaluated" if n == "held_out" else n: value for n, value in values.items()}
        return values

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if (self.family is None) == (self.environment is None):
            raise ValueError("either family or environment must be there")
        parts = [self.evaluated.optimal, self.summary.last5_share_of_optimal]
        for row in self.per_task:
            parts += [row.optimal, row.share_of_optimal, row.solved]
        if self.family is not None and any(part is None for part in parts):
            raise ValueError("optima, and what depends on them, must be there of a family")
        lengths = {
            "evaluated.returns": self.evaluated.array.shape[2],
            "summary.mean_by_episode": len(self.summary.mean_by_episode),
            "summary.ci95_by_episode": len(self.summary.ci95_by_episode),
        }
        for field, length in lengths.items():
            if length != self.episodes:
                raise ValueError(f"{field} must cover {self.episodes} episodes, got {length}")
        if [row.task_id for row in self.per_task] != list(self.evaluated.task_ids):
            raise ValueError("per_task must list the tasks of evaluated.task_ids in their order")
        return self

    def _repr_html_(self) -> str:
        return as_html("evaluation", self)

    @property
    def tasks_name(self) -> str:
        """The name of the family, or the id of the environment."""
        if self.family is not None:
            return self.family.name
        assert self.environment is not None, "as was checked"
        return self.environment.id

    @property
    def tasks_kind(self) -> str:
        """What a person calls the tasks that count: "held-out", or by which choices are made."""
        return self.summary.tasks

    @property
    def knows_optimum(self) -> bool:
        """Whether the greatest return of each evaluated task is known."""
        return self.evaluated.optimal is not None

    @property
    def num_seeds(self) -> int:
        """Evaluation seeds per task."""
        return len(self.evaluated.returns[0])


class LossByPosition(Section):
    """Mean next-action loss in nats at positions `edges[p]` to `edges[p + 1] - 1` of histories."""

    edges: tuple[int, ...] = Field(min_length=2)
    loss: tuple[float, ...]

    @model_validator(mode="after")
    def _edges_enclose_losses(self) -> Self:
        if len(self.edges) != len(self.loss) + 1:
            raise ValueError(
                f"edges must be one more than the {len(self.loss)} losses, got {len(self.edges)}"
            )
        return self


class HistoryLossResults(Results):
    """`history_loss.json`: how well the model predicts held-out histories."""

    by_position: LossByPosition
