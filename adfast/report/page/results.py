"""The sections that show what the run learned.

A section whose data the run does not hold says so in a remark.
"""

from __future__ import annotations

from html import escape

import numpy as np

from adfast.report.curves import (
    context_marks,
    missing_references,
    return_curves,
    training_series,
)
from adfast.report.page.drawings import line_sample, rollout_drawing, room_drawing, sparkline
from adfast.report.page.section import PageSection, remark
from adfast.report.page.trials_section import trials_section
from adfast.report.page.wording import counted, duration, last_episodes, quantity
from adfast.report.palette import SHARE_STOPS
from adfast.report.room import MAX_CELLS, LearningStory, Room
from adfast.report.trials import trial_series
from adfast.runs.files.results import EvaluationResults, TaskOutcome
from adfast.runs.files.run_record import RunRecord
from adfast.tasks.task_map import GOAL

NO_ROOM = remark(
    f"Left out: this family's tasks are not goals in a room of at most {MAX_CELLS:,} cells."
)
NO_PATHS = remark(
    f"Left out: this task has no map of at most {MAX_CELLS:,} cells on which an episode stays in "
    "one room."
)
OPTIMUM_COLUMNS = (
    '<th scope="col" class="number wide">optimum</th><th scope="col" class="number">share</th>'
)


def returns_section(evaluation: EvaluationResults) -> PageSection:
    """The paper's main figure."""
    legend = "".join(
        f"<li>{line_sample(curve.colour, curve.dash, curve.width)}"
        f"<span><b>{escape(curve.name)}</b> {escape(curve.meaning)}</span></li>"
        for curve in reversed(return_curves(evaluation))
    )
    most = "" if evaluation.environment is None else "at most "
    aim = "towards the optimum " if evaluation.knows_optimum else ""
    sentences = [
        f"Each task is played for {counted(evaluation.episodes, 'episode')} of {most}"
        f"{counted(evaluation.episode_length, 'step')}. No weight changes: all that the model "
        "learns of the task, it reads from its own past in the context. A curve that rises from "
        f"the random level {aim}is therefore learning in context.",
        *(mark.explanation for mark in context_marks(evaluation)),
        f"Actions are sampled at temperature {evaluation.temperature:g}.",
    ]
    if evaluation.target_return is not None:
        sentences.append(
            f"The model reads returns: it is asked for {evaluation.target_return:g} in an episode."
        )
    if evaluation.demonstrations:
        sentences.append(
            f"Before the first episode it read {counted(evaluation.demonstrations, 'episode')} "
            f"of an expert on the task, {1 - evaluation.demonstration_noise:.0%} of whose actions "
            "are optimal, and the others random."
        )
    if not evaluation.tell_rewards:
        sentences.append("It was told that every reward is 0; what was paid is counted.")
    if not evaluation.knows_optimum:
        sentences.append("Nobody knows what could be earned at most.")
    if evaluation.environment is not None and evaluation.trained_context_transitions is not None:
        sentences.append(
            f"It was trained on windows of {evaluation.trained_context_transitions:,} transitions."
        )
    if evaluation.receptive_field_transitions is None:
        sentences.append("The model sees its whole history: its receptive field has no end.")
    sentences += dead_end_sentences(evaluation)
    if missing := missing_references(evaluation):
        sentences.append(f"This run has no curve for: {'; '.join(missing)}.")
    return PageSection(
        "returns",
        "Return per episode, in context",
        '<div class="chart" id="chart-returns" role="img" aria-label="Return per episode"></div>'
        f'<ul class="legend">{legend}</ul>',
        " ".join(sentences),
    )


def dead_end_sentences(evaluation: EvaluationResults) -> list[str]:
    """How often episodes came to a dead end, of tasks that have some."""
    if (found := evaluation.dead_ends) is None:
        return []
    last, few = last_episodes(evaluation), slice(-5, None)
    source = found.source_every_kth
    learned = "" if source is None else f"{np.mean(source[few]):.0%} there of its source's, as "
    learned += "thinned for training, and " if learned else ""
    return [
        "A dead end is an episode in which something was lost that led to a reward: "
        f"{found.evaluated[0]:.0%} of the model's first episodes and "
        f"{np.mean(found.evaluated[few]):.0%} of those in {last}; {learned}{found.random:.0%} of "
        "random ones."
    ]


def story_section(run: RunRecord, story: LearningStory | None) -> PageSection:
    """The paths of one task's first, middle and last episodes."""
    title = "One task, from first to last episode"
    if run.trajectories is None:
        return PageSection("paths", title, remark("This run has recorded no trajectories."))
    if story is None:
        return PageSection("paths", title, NO_PATHS)
    has_rooms = story.map.rooms > 1
    figures = "".join(
        f"<figure>{rollout_drawing(rollout, story.map)}<figcaption><b>Episode {rollout.episode}"
        f"</b>{f' room {rollout.room},' if has_rooms else ''} return {rollout.total:g}"
        "</figcaption></figure>"
        for rollout in story.rollouts
    )
    goal = (
        " The framed cell is the goal, which it cannot see; the number in it is the reward "
        "collected there."
        if any(rollout.goals for rollout in story.rollouts)
        else ""
    )
    others = ", ".join(dict.fromkeys(m.name for m in story.map.landmarks if m.name != GOAL))
    also = f" Framed in grey: {escape(others)}." if others else ""
    return PageSection(
        "paths",
        title,
        f'<div class="paths">{figures}</div>',
        f"The model walks from the ring to the dot, its path growing stronger with time.{goal}"
        f"{also} Shown is the median {run.evaluation.tasks_kind} task, "
        f"{escape(story.task_label)}, which in the end reaches "
        f"{story.share_of_optimal:.0%} of its optimum, and of its seeds the median one, "
        f"number {story.seed + 1}: neither the best nor the worst.",
    )


def room_section(evaluation: EvaluationResults, room: Room | None) -> PageSection:
    """The room by task."""
    title = "The room: which goals it masters"
    if room is None:
        return PageSection("room", title, NO_ROOM)
    start = " The outlined cell is where every episode starts." if room.start is not None else ""
    scale = (
        '<div class="scale"><span>0%</span><i style="background:linear-gradient(90deg,'
        f'{",".join(SHARE_STOPS)})"></i><span>100%</span></div>'
    )
    return PageSection(
        "room",
        title,
        f'<div class="room-frame">{room_drawing(evaluation, room)}{scale}</div>',
        f"Each cell is a task: its goal lies there. A coloured cell is a {evaluation.tasks_kind} "
        "one, and its number is "
        f"the percentage of its optimum that the model reaches in {last_episodes(evaluation)}; an "
        "orange one it does not find. Dotted cells are none of these: the model may have seen them "
        f"in training.{start}",
    )


def tasks_section(evaluation: EvaluationResults, noun: str) -> PageSection:
    """A row per evaluated task, the weakest first."""
    mean_by_episode = evaluation.evaluated.array.mean(axis=1)
    rows = sorted(
        zip(evaluation.per_task, mean_by_episode, strict=True),
        key=lambda row: row[0].rank,
    )
    body = "".join(
        _task_row(outcome, sparkline(returns, outcome.optimal)) for outcome, returns in rows
    )
    header = (
        f'<tr><th scope="col">{noun}</th><th scope="col">episodes 1 to {evaluation.episodes}</th>'
        '<th scope="col" class="number wide">first</th><th scope="col" class="number">last 5</th>'
        f"{OPTIMUM_COLUMNS if evaluation.knows_optimum else ''}</tr>"
    )
    known = evaluation.knows_optimum
    columns = ", in the last five, and the most that is possible" if known else " and the last five"
    sentences = [
        f"Mean return over {counted(evaluation.num_seeds, 'seed')}, the weakest {noun} first: in "
        f"episode 1{columns}. The small curve is the return by episode"
        f"{' under its optimum' if known else ''}. A mean over all {noun}s hides a single one that "
        f"is never {'solved' if known else 'learned'}; this table does not.",
    ]
    if evaluation.solved_share is not None:
        sentences.append(
            f"Solved means at least {evaluation.solved_share:.0%} of the optimum in the last five."
        )
    if evaluation.summary.iqm_by_episode is not None:
        sentences.append(
            f"The interquartile mean over {noun}s and seeds, which no single {noun} moves far, is "
            f"{evaluation.summary.iqm_by_episode[-1]:.1f} in the last episode."
        )
    return PageSection(
        "tasks",
        f"Every {evaluation.tasks_kind} {noun}",
        f"<table><thead>{header}</thead><tbody>{body}</tbody></table>",
        " ".join(sentences),
    )


def training_section(run: RunRecord) -> PageSection:
    """Loss, accuracy and validation return against updates; of RL2 what its trials returned."""
    if run.trials is not None:
        return trials_section(run.trials, trial_series(run.trials))
    if run.metrics is None:
        return PageSection("training", "Training", remark("This run has no training metrics."))
    series = training_series(run.metrics)
    last = run.metrics[-1]
    speed = f" ({quantity(last.tokens / last.seconds)} a second)" if last.seconds > 0 else ""
    sentences = [
        "The model learns to predict the source algorithm's next action from the history before "
        f"it: {counted(last.update, 'update')}, {quantity(last.tokens)} tokens in "
        f"{duration(last.seconds)}{speed}.",
        "Loss is the cross-entropy in nats, accuracy how often the likeliest action was the one "
        "taken; where the source itself acts at random, neither can become perfect.",
    ]
    if series.evaluated_update.size:
        kind = series.evaluated_on
        sentences.append(
            f"{kind.capitalize()} return is what a short evaluation on {kind} tasks gave at that "
            "update."
        )
    if series.lines_per_point > 1:
        sentences.append(f"Each point is the mean of {series.lines_per_point} measurements.")
    if series.lines_not_finite:
        times = counted(series.lines_not_finite, "measurement")
        sentences.append(f"<b>In {times} the loss was not a finite number: training diverged.</b>")
    return PageSection(
        "training",
        "Training",
        '<div class="chart" id="chart-training" role="img" aria-label="Training curve"></div>',
        " ".join(sentences),
    )


def _task_row(outcome: TaskOutcome, curve: str) -> str:
    is_failed = outcome.solved is False
    kind = ' class="unsolved"' if is_failed else ""
    verdict = '<span class="verdict">not solved</span>' if is_failed else ""
    return (
        f'<tr{kind}><th scope="row">{escape(outcome.label)}{verdict}</th><td>{curve}</td>'
        f'<td class="number wide">{outcome.first_episode:.1f}</td>'
        f'<td class="number">{outcome.last5_mean:.1f}</td>{_optimum_cells(outcome)}</tr>'
    )


def _optimum_cells(outcome: TaskOutcome) -> str:
    if outcome.optimal is None:
        return ""
    width = 100 * min(max(outcome.share, 0.0), 1.0)
    return (
        f'<td class="number wide">{outcome.optimal:.1f}</td>'
        f'<td class="number share-cell"><span class="track"><i style="width:{width:.0f}%"></i>'
        f"</span><b>{outcome.share:.0%}</b></td>"
    )
