"""The series that the line charts show, defined once for the page and for the PNG figures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from adfast.runs.files.results import EvaluationResults
from adfast.training.metrics import TrainingMetrics

MAX_POINTS = 400  # of one training series; more cannot be told apart on a screen


@dataclass(frozen=True)
class Curve:
    """One line of the main figure: its values at episodes 1 .. len(values).

    `colour` names an entry of the palette, `dash` is a Plotly dash, `band` the lower and upper
    limit per episode.
    """

    name: str
    meaning: str
    values: np.ndarray
    colour: str
    dash: str = "solid"
    width: float = 2.0
    band: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def episodes(self) -> np.ndarray:
        """1 .. number of values."""
        return np.arange(1, len(self.values) + 1)


@dataclass(frozen=True)
class ContextMark:
    """The number of episodes after which a limit of the model's context is passed.

    `when` says it in words, as do `label` and the sentence `explanation` what happens there. The
    label stands `level` lines above the chart, with its `anchor` ("left" or "right") at the mark,
    so that no label lies on another one or on the other's mark.
    """

    episodes: float
    label: str
    when: str
    explanation: str
    anchor: str
    level: int


KEPT = "source_every_kth"
# Field of `References`, name, meaning, colour, dash and width of its line.
REFERENCES = (
    ("random", "random", "actions drawn uniformly", "random", "dash", 1.5),
    (KEPT, "source, as kept", "only the episodes of it that the training data keeps",
     "source", "dot", 2.0),
    ("source", "source", "the algorithm that wrote the training data, learning from nothing",
     "source", "solid", 2.0),
    ("recorded", "recorded learners",
     "the histories that it was trained on, in the tasks that they were recorded in",
     "source", "solid", 2.0),
    ("ideal_learner", "ideal learner", "the best known plan for finding the task out by trying",
     "ideal", "dashdot", 2.0),
    ("optimal", "optimum", "what an agent that knows the task earns, mean over the evaluated ones",
     "optimal", "dash", 1.5),
)  # fmt: skip


def return_curves(evaluation: EvaluationResults) -> list[Curve]:
    """The main figure's lines, the model last so that it is drawn on top."""
    curves = [
        Curve(name, meaning, _per_episode(value, evaluation.episodes), colour, dash, width)
        for field, name, meaning, colour, dash, width in REFERENCES
        if (value := getattr(evaluation.references, field)) is not None
        and not (field == KEPT and value == evaluation.references.source)  # it would lie under it
    ]
    if evaluation.train is not None:
        mean = evaluation.train.array.mean(axis=(0, 1))
        meaning = f"the same model on {len(evaluation.train.task_ids)} tasks of its training data"
        curves.append(Curve("model, training tasks", meaning, mean, "train", "longdash"))
    summary = evaluation.summary
    low, high = np.array(summary.ci95_by_episode, dtype=np.float64).T
    curves.append(
        Curve(
            f"model, {evaluation.tasks_kind} tasks",
            f"mean over {len(evaluation.evaluated.task_ids)} tasks that no history is of, "
            "with a 95% bootstrap band over tasks",
            np.array(summary.mean_by_episode, dtype=np.float64),
            "model",
            width=3.0,
            band=(low, high),
        )
    )
    return curves


def missing_references(evaluation: EvaluationResults) -> list[str]:
    """The names of the references that the evaluation does not hold, of those that there can be."""
    is_recorded = evaluation.environment is not None
    return [
        name
        for field, name, *_ in REFERENCES
        if (field in ("random", "recorded") if is_recorded else field != "recorded")
        and getattr(evaluation.references, field) is None
    ]


def context_marks(evaluation: EvaluationResults) -> list[ContextMark]:
    """Where within the evaluated episodes the trained context and the receptive field end.

    Nowhere in Gymnasium environments, whose episodes are as long as they happen to be.
    """
    if evaluation.environment is not None:
        return []
    limits = [
        (
            evaluation.trained_context_transitions,
            "trained context ends",
            "histories grow longer than any that the model was trained on",
        ),
        (
            evaluation.receptive_field_transitions,
            "receptive field is full",
            "the model begins to lose sight of its first episode",
        ),
    ]
    length = evaluation.episode_length
    passed = [
        (transitions, label, meaning)
        for transitions, label, meaning in limits
        if transitions is not None and transitions < evaluation.episodes * length
    ]
    anchors = label_anchors([t / (evaluation.episodes * length) for t, _, _ in passed])
    marks = []
    for (transitions, label, meaning), (anchor, level) in zip(passed, anchors, strict=True):
        when = episode_at(transitions, length)
        begin = f"{when[0].upper()}{when[1:]}"
        explanation = f"{begin}, at the upright line \u201c{label}\u201d, {meaning}."
        marks.append(ContextMark(transitions / length, label, when, explanation, anchor, level))
    return marks


def label_anchors(shares: list[float]) -> list[tuple[str, int]]:
    """Anchor and level of the labels of at most two marks, at these shares of a chart's width.

    Both labels go to the side where there is room. Of those that go right ("left" is at the mark)
    the leftmost stands highest, so that its mark passes no label; of those that go left the
    rightmost.
    """
    if not shares:
        return []
    if max(shares) < (0.65 if len(shares) > 1 else 0.5):
        anchors = ["left"] * len(shares)
    elif min(shares) > 0.35:
        anchors = ["right"] * len(shares)
    else:
        anchors = ["left" if share < 0.5 else "right" for share in shares]
    highest = max(shares) if set(anchors) == {"right"} else min(shares)
    top = len(shares) - 1 - shares[::-1].index(highest)
    return [
        (anchor, int(number == top and len(shares) > 1)) for number, anchor in enumerate(anchors)
    ]


def episode_at(transitions: int, episode_length: int) -> str:
    """When a history of full episodes has so many transitions: after one of them, or in one."""
    whole, rest = divmod(transitions, episode_length)
    return f"in episode {whole + 1}" if rest else f"after episode {whole}"


@dataclass(frozen=True)
class TrainingSeries:
    """The training curve, thinned: loss, accuracy and progress at `update`, axes `[points]`.

    `evaluated_update` and `evaluated_return` are the evaluations in between, unthinned, on the
    tasks of the set `evaluated_on`.
    """

    update: np.ndarray
    tokens: np.ndarray
    seconds: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray
    evaluated_update: np.ndarray
    evaluated_return: np.ndarray
    evaluated_on: str
    lines_per_point: int
    lines_not_finite: int


def training_series(metrics: tuple[TrainingMetrics, ...]) -> TrainingSeries:
    """The training curve; above `MAX_POINTS` lines, a point is the mean of several in a row."""
    stride = -(-len(metrics) // MAX_POINTS)
    starts = np.arange(0, len(metrics), stride)
    counts = np.diff(np.append(starts, len(metrics)))

    def mean_of(field: str) -> np.ndarray:
        values = np.array([getattr(line, field) for line in metrics], dtype=np.float64)
        return np.add.reduceat(values, starts) / counts

    is_old = any(line.held_out_return is not None for line in metrics)
    field = "held_out_return" if is_old else "validation_return"
    evaluated = [line for line in metrics if getattr(line, field) is not None]
    return TrainingSeries(
        update=mean_of("update"),
        tokens=mean_of("tokens"),
        seconds=mean_of("seconds"),
        loss=mean_of("loss"),
        accuracy=mean_of("accuracy"),
        evaluated_update=np.array([line.update for line in evaluated], dtype=np.float64),
        evaluated_return=np.array([getattr(line, field) for line in evaluated], dtype=np.float64),
        evaluated_on="held-out" if is_old else "validation",
        lines_per_point=stride,
        lines_not_finite=sum(not math.isfinite(line.loss) for line in metrics),
    )


def _per_episode(value: float | tuple[float, ...], episodes: int) -> np.ndarray:
    """float64 of at most `episodes` values; one number stands for every episode."""
    values = np.atleast_1d(np.asarray(value, dtype=np.float64))
    return np.full(episodes, values[0]) if isinstance(value, float) else values[:episodes]
