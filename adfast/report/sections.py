"""The sections of the page: each a title, a body, and a caption that tells a newcomer how to read it.

A section whose data the run does not hold says so in a remark. Every string that comes from the run
passes through `html.escape` here or in `drawings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from adfast.report.curves import context_marks, return_curves, training_series
from adfast.report.drawings import line_sample, rollout_drawing, room_drawing, sparkline
from adfast.report.palette import SHARE_STOPS
from adfast.report.room import MAX_CELLS, LearningStory, Room
from adfast.report.run_record import Evaluation, RunRecord


@dataclass(frozen=True)
class PageSection:
    """A part of the page in HTML; `anchor` is its fragment identifier."""

    anchor: str
    title: str
    body: str
    caption: str = ""

    @property
    def html(self) -> str:
        """The section's element."""
        caption = f'<p class="caption">{self.caption}</p>' if self.caption else ""
        heading = f'<h2 id="{self.anchor}-title">{self.title}</h2>'
        return (
            f'<section id="{self.anchor}" aria-labelledby="{self.anchor}-title">'
            f"{heading}{self.body}{caption}</section>"
        )


def page_sections(
    run: RunRecord, room: Room | None, story: LearningStory | None
) -> list[PageSection]:
    """The sections in reading order."""
    noun = "goal" if room is not None else "task"
    return [
        returns_section(run.evaluation),
        story_section(room, story),
        room_section(run.evaluation, room),
        tasks_section(run.evaluation, noun),
        training_section(run),
        timings_section(run.evaluation),
        configuration_section(run),
        provenance_section(run),
    ]


def headline(evaluation: Evaluation, noun: str) -> str:
    """What happened, in one sentence; it claims a rise only where the interval shows one."""
    summary = evaluation.summary
    first = summary.held_out_mean_by_episode[0]
    tasks = counted(len(evaluation.held_out.task_ids), noun)
    last = (
        f"{summary.held_out_last5_mean:.1f} in {last_episodes(evaluation)} "
        f"({summary.held_out_last5_share_of_optimal:.0%} of the optimum)"
    )
    if summary.held_out_last5_ci95[0] > first:
        return (
            f"On {tasks} it never saw, the model’s return rises from {first:.1f} in episode 1 to "
            f"{last}, its weights frozen."
        )
    return (
        f"On {tasks} it never saw, the model did not reliably improve: its return is {first:.1f} "
        f"in episode 1 and {last}."
    )


def tiles(run: RunRecord, noun: str) -> str:
    """The figures to remember, as a list of tiles."""
    evaluation = run.evaluation
    summary = evaluation.summary
    low, high = summary.held_out_last5_ci95
    solved = sum(row.solved for row in evaluation.per_task)
    entries = [
        (
            f"{summary.held_out_last5_mean:.1f}",
            f"mean return in {last_episodes(evaluation)}; 95% interval {low:.1f} to {high:.1f}",
        ),
        (f"{summary.held_out_last5_share_of_optimal:.0%}", "of what who knows the task can reach"),
        (
            f"{solved} of {len(evaluation.per_task)}",
            f"held-out {noun}s solved, {counted(evaluation.num_seeds, 'seed')} each",
        ),
    ]
    if run.metrics is not None:
        last = run.metrics[-1]
        entries.append((duration(last.seconds), f"of training on {quantity(last.tokens)} tokens"))
    items = (f"<li><strong>{figure}</strong><span>{text}</span></li>" for figure, text in entries)
    return f'<ul class="tiles">{"".join(items)}</ul>'


def returns_section(evaluation: Evaluation) -> PageSection:
    """The paper's main figure."""
    curves = reversed(return_curves(evaluation))
    legend = "".join(
        f"<li>{line_sample(curve.colour, curve.dash, curve.width)}"
        f"<span><b>{escape(curve.name)}</b> {escape(curve.meaning)}</span></li>"
        for curve in curves
    )
    missing = [
        name.replace("_", " ")
        for name, value in evaluation.references
        if value is None and name != "source_every_kth"
    ]
    remark = f" Not in this run: {', '.join(missing)}." if missing else ""
    context = " ".join(_context_sentences(evaluation))
    return PageSection(
        "returns",
        "Return per episode, in context",
        f'<div class="chart" id="chart-returns"></div><ul class="legend">{legend}</ul>',
        f"Each task is played for {counted(evaluation.episodes, 'episode')} of "
        f"{counted(evaluation.episode_length, 'step')}. No weight changes: all that the model learns "
        "of the task, it reads from its own past in the context. A curve that rises from the random "
        f"level towards the optimum is therefore learning in context. {context} Actions are sampled "
        f"at temperature {evaluation.temperature:g}.{remark}",
    )


def story_section(room: Room | None, story: LearningStory | None) -> PageSection:
    """The paths of one task's first, middle and last episodes."""
    title = "One task, from first to last episode"
    if room is None:
        return PageSection("paths", title, remark_of_no_room())
    if story is None:
        return PageSection("paths", title, remark("This run has recorded no trajectories."))
    figures = "".join(
        f"<figure>{rollout_drawing(rollout, story, room)}<figcaption><b>Episode {rollout.episode}"
        f"</b> return {rollout.total:g}</figcaption></figure>"
        for rollout in story.rollouts
    )
    return PageSection(
        "paths",
        title,
        f'<div class="paths">{figures}</div>',
        f"The model walks from the ring to the dot, its path growing darker with time; the framed "
        f"cell is the goal, which it cannot see, with the reward collected there. Shown is the "
        f"median held-out task, {escape(story.task_label)} "
        f"({story.share_of_optimal:.0%} of its optimum in the end), with its median seed, number "
        f"{story.seed + 1}: neither the best nor the worst.",
    )


def room_section(evaluation: Evaluation, room: Room | None) -> PageSection:
    """The room by task."""
    title = "The room: which goals it masters"
    if room is None:
        return PageSection("room", title, remark_of_no_room())
    start = " The outlined cell is where every episode starts." if room.start is not None else ""
    scale = (
        '<div class="scale"><span>0%</span><i style="background:linear-gradient(90deg,'
        f'{",".join(SHARE_STOPS)})"></i><span>100%</span></div>'
    )
    return PageSection(
        "room",
        title,
        f'<div class="room-frame">{room_drawing(evaluation, room)}{scale}</div>',
        "Each cell is a task: its goal lies there. Coloured cells are held out, their number the "
        f"percentage of their optimum reached in {last_episodes(evaluation)}; dotted cells are "
        f"tasks of the training data.{start} An orange cell is a goal the model does not find.",
    )


def tasks_section(evaluation: Evaluation, noun: str) -> PageSection:
    """A row per held-out task, the weakest first."""
    mean_by_episode = evaluation.held_out.array.mean(axis=1)
    rows = []
    order = sorted(
        range(len(evaluation.per_task)), key=lambda i: evaluation.per_task[i].share_of_optimal
    )
    for index in order:
        outcome = evaluation.per_task[index]
        share = min(max(outcome.share_of_optimal, 0.0), 1.0)
        verdict = "" if outcome.solved else '<span class="verdict">not solved</span>'
        kind = "" if outcome.solved else ' class="unsolved"'
        rows.append(
            f'<tr{kind}><th scope="row">{escape(outcome.label)}{verdict}</th>'
            f"<td>{sparkline(mean_by_episode[index], outcome.optimal)}</td>"
            f'<td class="number wide">{outcome.first_episode:.1f}</td>'
            f'<td class="number">{outcome.last5_mean:.1f}</td>'
            f'<td class="number wide">{outcome.optimal:.1f}</td>'
            f'<td class="number share-cell"><i class="bar" style="width:{100 * share:.0f}%"></i>'
            f"<span>{outcome.share_of_optimal:.0%}</span></td></tr>"
        )
    first_to_last = f"1 to {evaluation.episodes}"
    header = (
        f'<tr><th scope="col">{noun}</th><th scope="col">episodes {first_to_last}</th>'
        '<th scope="col" class="number wide">first</th><th scope="col" class="number">last 5</th>'
        '<th scope="col" class="number wide">optimum</th>'
        '<th scope="col" class="number">share</th></tr>'
    )
    return PageSection(
        "tasks",
        f"Every held-out {noun}",
        f"<table><thead>{header}</thead><tbody>{''.join(rows)}</tbody></table>",
        f"Mean return over {counted(evaluation.num_seeds, 'seed')}, the weakest {noun} first: in "
        "episode 1, in the last five, and the most that is possible. The small curve is the return "
        "by episode under its optimum. A mean over tasks hides a single one that is never solved; "
        "this table does not.",
    )


def training_section(run: RunRecord) -> PageSection:
    """Loss, accuracy and held-out return against updates."""
    if run.metrics is None:
        return PageSection("training", "Training", remark("This run has no training metrics."))
    series = training_series(run.metrics)
    last = run.metrics[-1]
    speed = f" ({quantity(last.tokens / last.seconds)} a second)" if last.seconds > 0 else ""
    thinned = (
        f" Each point is the mean of {series.lines_per_point} measurements."
        if series.lines_per_point > 1
        else ""
    )
    held_out = (
        "; the third is the return that a short evaluation on held-out tasks gave at that update"
        if series.held_out_update.size
        else ""
    )
    return PageSection(
        "training",
        "Training",
        '<div class="chart" id="chart-training"></div>',
        f"The model learns to predict the source algorithm’s next action from the history before "
        f"it: {counted(last.update, 'update')}, {quantity(last.tokens)} tokens in "
        f"{duration(last.seconds)}{speed}. Loss is the cross-entropy in nats, accuracy how often "
        f"the likeliest action was the one taken{held_out}. Where the source itself acts at random, "
        f"neither can become perfect.{thinned}",
    )


def timings_section(evaluation: Evaluation) -> PageSection:
    """How the time was spent."""
    stages = {name: value for name, value in evaluation.seconds.items() if value > 0}
    if not stages:
        return PageSection("timings", "Time", remark("This run has recorded no timings."))
    total = sum(stages.values())
    bar, entries = [], []
    for index, (name, value) in enumerate(stages.items()):
        kind = f"stage-{index % 4}"
        bar.append(f'<i class="{kind}" style="flex-grow:{value / total:.4f}"></i>')
        entries.append(
            f'<li><i class="{kind}"></i><b>{escape(name)}</b> {duration(value)}, '
            f"{value / total:.0%}</li>"
        )
    return PageSection(
        "timings",
        f"Time: {duration(total)} in all",
        f'<div class="stages">{"".join(bar)}</div><ul class="stage-names">{"".join(entries)}</ul>',
        "Wall time of each stage on the machine named below, the report itself excepted.",
    )


def configuration_section(run: RunRecord) -> PageSection:
    """The resolved configuration."""
    if run.configuration is None:
        body = remark("This run has no run.toml.")
    else:
        body = definitions(run.configuration)
    return PageSection("configuration", "Configuration", body)


def provenance_section(run: RunRecord) -> PageSection:
    """Code, versions and machine."""
    if run.provenance is None:
        body = remark("This run has no provenance.json.")
    else:
        body = definitions(run.provenance)
    return PageSection("provenance", "Provenance", body)


def definitions(values: Mapping[str, Any]) -> str:
    """Groups of names and values; a nested mapping is a group of its own."""
    plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    nested = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    groups = [("", plain)] if plain else []
    groups += [(name, dict(flattened(value))) for name, value in nested.items()]
    parts = []
    for title, entries in groups:
        heading = f"<h3>{escape(str(title))}</h3>" if title else ""
        rows = "".join(
            f"<div><dt>{escape(str(name))}</dt><dd>{escape(shown(value))}</dd></div>"
            for name, value in entries.items()
        )
        parts.append(f'<div class="group">{heading}<dl>{rows}</dl></div>')
    return f'<div class="groups">{"".join(parts)}</div>'


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The leaves of nested mappings, with dotted names."""
    leaves: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            leaves += flattened(value, f"{prefix}{name}.")
        else:
            leaves.append((f"{prefix}{name}", value))
    return leaves


def shown(value: Any) -> str:
    """A configuration value as a reader writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value) or "none"
    return str(value)


def remark(text: str) -> str:
    """What is absent, said in place of a figure."""
    return f'<p class="remark">{text}</p>'


def remark_of_no_room() -> str:
    """Why a grid-shaped figure is left out."""
    return remark(
        f"Left out: this family’s tasks are not the cells of a grid of at most {MAX_CELLS:,} cells."
    )


def last_episodes(evaluation: Evaluation) -> str:
    """The last five episodes by number."""
    first = max(evaluation.episodes - 4, 1)
    return f"episodes {first}–{evaluation.episodes}" if evaluation.episodes > 1 else "episode 1"


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it needs one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def quantity(value: float) -> str:
    """A large number to three digits: 3.84 M, 32.5 k."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds as a reader says them: 9.2 s, 1 min 58 s, 3 h 05 min."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _context_sentences(evaluation: Evaluation) -> list[str]:
    sentences = []
    for mark in context_marks(evaluation):
        sentences.append(
            f"The thin upright line after episode {mark.episodes:.3g} marks where "
            + (
                "histories grow longer than any the model was trained on."
                if mark.label.startswith("trained")
                else "the first episode begins to leave the model’s sight."
            )
        )
    if evaluation.receptive_field_transitions is None:
        sentences.append("The model’s receptive field is unlimited.")
    return sentences
