"""ScalingMeasures: what a part of a scaling study is measured by, beside what it earns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from adfast.runs.files.result_files import Section
from adfast.runs.hooks import NeverStop
from adfast.runs.probing.subjects import subject_of
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.stages.training_histories import training_histories

if TYPE_CHECKING:
    from adfast.runs.run import Run

TIMINGS = 5  # of each of the two updates, in turns
DIGITS = 6


class ScalingMeasures(Section):
    """Losses are nats of the next action, on held-out tasks in the later half of histories.

    `seconds_per_transition` are of updates of the part itself, `reference_seconds` of the recipe
    that all parts begin from, timed in turns with them on the same histories: their ratio holds
    beside other load. `peak_bytes` are of all tensors of an update together.
    """

    parameters: int = Field(ge=1)
    histories: int = Field(ge=1)
    transitions_per_update: int = Field(ge=1)
    loss_by_task: tuple[float, ...] = Field(min_length=1)
    seconds_per_transition: tuple[float, ...] = Field(min_length=1)
    reference_seconds: tuple[float, ...] = Field(min_length=1)
    peak_bytes: int = Field(ge=1)

    @property
    def relative_seconds(self) -> np.ndarray:
        """float64: time a transition as a multiple of the reference's."""
        own, beside = np.array(self.seconds_per_transition), np.array(self.reference_seconds)
        return np.asarray(own / beside)

    @property
    def bytes_per_transition(self) -> float:
        """Peak memory over the transitions of an update."""
        return self.peak_bytes / self.transitions_per_update


def measure(run: Run, reference: Recipe) -> ScalingMeasures:
    """The measures of a trained run; its updates take turns with those of `reference`."""
    from adfast.training.step_cost import peak_bytes, seconds_per_transition

    recipe, stages = run.recipe, run.directory.stages()
    device = recipe.training.device
    beside = reference.training.model_copy(update={"device": device})
    with training_histories(run, NeverStop()) as histories:
        own, other = [], []
        for _ in range(TIMINGS):
            own.append(seconds_per_transition(histories, recipe.model, recipe.training, 0))
            other.append(seconds_per_transition(histories, reference.model, beside, 0))
        peak = peak_bytes(histories, recipe.model, recipe.training, 0)
    trained, collected = (dict(stages[name].model_extra or {}) for name in ("train", "collect"))
    return ScalingMeasures(
        parameters=trained["parameters"],
        histories=collected["histories"],
        transitions_per_update=recipe.training.batch_size * recipe.training.context_length,
        loss_by_task=tuple(later_losses(run).round(DIGITS).tolist()),
        seconds_per_transition=tuple(own),
        reference_seconds=tuple(other),
        peak_bytes=peak,
    )


def later_losses(run: Run) -> np.ndarray:
    """float64 `[tasks]`: the loss in the later half of one history of each held-out task."""
    from adfast.probes.losses.position_losses import see_all, summed_losses

    losses = summed_losses(subject_of(run), (see_all,), 1)
    middle = int(np.searchsorted(losses.edges[:-1], losses.edges[-1] / 2))
    return losses.mean_by_task(0, min(middle, len(losses.edges) - 2))
