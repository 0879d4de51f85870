"""ComparisonResults: `comparison.json`, what the methods of a comparison earn and what they saw."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from adfast.errors import RunError
from adfast.runs.comparison.verdicts import Judged
from adfast.runs.files.result_files import Results, Section

FILE_NAME = "comparison.json"
FIGURE, PAGE = "comparison.png", "comparison.html"  # drawn from it


class DataSeen(Section):
    """What a method learned from, in each of its runs, before and while it trained.

    `transitions` are those that it was trained on, repeats not counted; `source_steps` all that
    was done to get them, whether it was kept or not, at most where `is_bound`.
    """

    tasks: int
    transitions: int | None = None
    source: str | None = None
    source_steps: int | None = None
    is_bound: bool = False


class ContextCurve(Section):
    """Mean return by episode in context, with 95% intervals over training seeds and tasks.

    `environment_steps` are those acted until the end of each episode, on average.
    """

    mean: tuple[float, ...] = Field(min_length=1)
    low: tuple[float, ...]
    high: tuple[float, ...]
    environment_steps: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        parts = (self.low, self.high, self.environment_steps or self.mean)
        if any(len(part) != len(self.mean) for part in parts):
            raise ValueError("mean, low, high and environment_steps must be of one length")
        return self


class TrainingCurve(Section):
    """The return that was monitored while training, mean over seeds, on validation tasks.

    `seconds` and `transitions` are means too: those trained for and on, repeats counted. Intervals
    are over training seeds; of a single one there is none.
    """

    updates: tuple[int, ...] = Field(min_length=1)
    seconds: tuple[float, ...]
    transitions: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        parts = (self.seconds, self.transitions, self.mean, self.low, self.high)
        if any(part is not None and len(part) != len(self.updates) for part in parts):
            raise ValueError("all parts of a training curve must be of one length")
        return self


class MethodResults(Section):
    """The runs that differ in their seeds alone, pooled under a label."""

    label: str
    method: str
    agent: str | None = None  # that acted; None: the model of each run
    runs: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    num_tasks: int = Field(ge=1)  # evaluated, of each run
    evaluation_seeds: int = Field(ge=1)
    data: DataSeen | None = None  # None: it learned from nothing
    in_context: ContextCurve
    training: TrainingCurve | None = None
    last5_mean: float
    last5_ci95: tuple[float, float]
    share_of_optimal: float | None = None
    seconds: Mapping[str, float]  # of each stage, all runs together


class ComparedReferences(Section):
    """What all methods are measured against, means over their runs; None is unknown.

    `source` is the source algorithm of the method `source_of` by its own episodes,
    `source_kept` by those that the training data keeps, one of `keep_every`. `episode_length` is
    None where episodes end early, so that nobody knows how many steps the source's took.
    """

    random: float | None = None
    optimal: float | None = None
    source: tuple[float, ...] | None = None
    source_kept: tuple[float, ...] | None = None
    source_name: str | None = None
    source_of: str | None = None
    keep_every: int = 1
    episode_length: int | None = None


class ComparisonResults(Results):
    """`comparison.json`; `notes` say in sentences what a reader must know of the comparison."""

    tasks: str  # the family with its options, or the environment
    tasks_kind: str
    episodes: int = Field(ge=1)
    methods: tuple[MethodResults, ...] = Field(min_length=1)
    references: ComparedReferences
    notes: tuple[str, ...] = ()
    verdicts: tuple[Judged, ...] = ()  # whether each rises, and each pair, the later on the earlier
    provenance: Mapping[str, Any]

    @model_validator(mode="after")
    def _curves_have_all_episodes(self) -> Self:
        for method in self.methods:
            if len(method.in_context.mean) != self.episodes:
                raise ValueError(f"the curve of {method.label} must have {self.episodes} episodes")
        return self

    @property
    def shown_verdicts(self) -> tuple[Judged, ...]:
        """Those that a table has room for: of pairs, all on the first method."""
        first = self.methods[0].label
        return tuple(found for found in self.verdicts if found.against in (None, first))

    def difference_of(self, one: str, other: str) -> Judged | None:
        """The verdict on two methods, whichever of them was held against which."""
        for found in self.verdicts:
            if found.against is not None and {found.method, found.against} == {one, other}:
                return found
        return None


def read_comparison(directory: Path) -> ComparisonResults:
    """The comparison in a directory; raises `RunError` with the file, the rule and the way out."""
    path = directory / FILE_NAME
    way_out = "write it again with: adfast compare RUN... --out FOLDER"
    if not path.is_file():
        raise RunError(f"{directory} has no {FILE_NAME}; {way_out}")
    return ComparisonResults.read(path, way_out)
