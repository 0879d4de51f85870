"""SweepResults: `sweep.json`, what all points of a sweep came to; written by `adfast sweep`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from adfast.errors import RunError
from adfast.runs.files.result_files import Results, Section
from adfast.runs.files.results import LossByPosition

FILE_NAME = "sweep.json"

Value = str | int | float | bool | list[Any] | None


class AxisLevels(Section):
    """Settings that change together: the short `names` of those that tell the levels apart.

    `levels` has the values of these, as a person writes them, at each level.
    """

    settings: tuple[str, ...] = Field(min_length=1)
    names: tuple[str, ...] = Field(min_length=1)
    levels: tuple[tuple[str, ...], ...] = Field(min_length=1)

    @property
    def title(self) -> str:
        """What a person calls the axis."""
        return ", ".join(name.replace("_", " ") for name in self.names)

    def label(self, level: int) -> str:
        """The names with their values at `level`."""
        return ", ".join(
            f"{name.replace('_', ' ')} {value}"
            for name, value in zip(self.names, self.levels[level], strict=True)
        )


class PointResults(Section):
    """One combination of settings: its runs (one per seed) pooled."""

    levels: tuple[int, ...]  # on each axis
    settings: Mapping[str, Value]
    runs: tuple[str, ...] = Field(min_length=1)  # directories, relative to the sweep's
    evaluation: str | None = None  # of several of these runs: its name
    receptive_field_transitions: int | None  # None: the whole history
    trained_context_transitions: int | None
    episode_length: int = Field(ge=1)
    mean_by_episode: tuple[float, ...] = Field(min_length=1)
    ci95_by_episode: tuple[tuple[float, float], ...]
    last5_mean: float
    last5_ci95: tuple[float, float]
    optimal: float
    random: float
    history_loss: LossByPosition
    seconds: Mapping[str, float]  # of each stage, all seeds together


class SweepResults(Results):
    """`sweep.json`; `points` are those that are finished, the last axis fastest."""

    name: str
    family: str
    seeds: int = Field(ge=1)
    tasks: Literal["held-out", "validation"] = "held-out"  # that each run was evaluated on
    num_tasks: int = Field(ge=1, validation_alias=AliasChoices("num_tasks", "held_out_tasks"))
    evaluation_seeds: int = Field(ge=1)
    axes: tuple[AxisLevels, ...] = Field(min_length=1)
    num_points: int = Field(ge=1)  # planned
    points: tuple[PointResults, ...]
    base: Mapping[str, Any]  # the settings that do not vary
    provenance: Mapping[str, Any]

    @model_validator(mode="after")
    def _levels_are_on_the_axes(self) -> Self:
        for point in self.points:
            if len(point.levels) != len(self.axes) or any(
                not 0 <= level < len(axis.levels)
                for level, axis in zip(point.levels, self.axes, strict=True)
            ):
                raise ValueError(f"levels {list(point.levels)} of a point are not on the axes")
        return self


def read_sweep(directory: Path) -> SweepResults:
    """The record of a sweep; raises `RunError` with the file, the rule and the way out."""
    path = directory / FILE_NAME
    way_out = f"write it again with: adfast sweep {directory}"
    if not path.is_file():
        raise RunError(f"{directory} has no {FILE_NAME}; {way_out}")
    record = SweepResults.read(path, way_out)
    if not record.points:
        raise RunError(f"{path}: no point is finished, so there is nothing to show; {way_out}")
    return record
