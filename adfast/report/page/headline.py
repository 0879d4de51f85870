"""What happened, in one sentence and a few figures."""

from __future__ import annotations

from adfast.evaluation.config import HELD_OUT
from adfast.report.page.wording import counted, duration, last_episodes, quantity
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_record import RunRecord


def headline(evaluation: EvaluationResults, noun: str) -> str:
    """The run's outcome; it claims a rise only where the 95% intervals are apart."""
    summary = evaluation.summary
    first = summary.mean_by_episode[0]
    tasks = evaluated_on(evaluation, noun)
    share = summary.last5_share_of_optimal
    of_optimum = "" if share is None else f" ({share:.0%} of the optimum)"
    last = f"{summary.last5_mean:.1f} in {last_episodes(evaluation)}{of_optimum}"
    if summary.last5_ci95[0] > summary.ci95_by_episode[0][1]:
        return (
            f"On {tasks}, the model's return rises from {first:.1f} in episode 1 to "
            f"{last}, its weights frozen."
        )
    return (
        f"On {tasks}, the model did not reliably improve: its return is {first:.1f} "
        f"in episode 1 and {last}."
    )


def evaluated_on(evaluation: EvaluationResults, noun: str) -> str:
    """The tasks that count, so that nobody takes validation tasks for held-out ones."""
    count, is_validation = len(evaluation.evaluated.task_ids), evaluation.tasks_kind != HELD_OUT
    if evaluation.trained_on is not None:
        kind = f"{evaluation.tasks_kind} {noun}"
        return f"{counted(count, kind)} of {evaluation.family}, on which it was not trained"
    if is_validation:
        return f"{counted(count, f'validation {noun}')}, by which choices are made"
    return f"{counted(count, noun)} it never saw"


def tiles(run: RunRecord, noun: str) -> str:
    """The figures to remember, as an HTML list."""
    evaluation = run.evaluation
    summary = evaluation.summary
    low, high = summary.last5_ci95
    seeds = f"with {counted(evaluation.num_seeds, 'seed')} each"
    entries = [
        (
            f"{summary.last5_mean:.1f}",
            f"mean return in {last_episodes(evaluation)}; 95% interval {low:.1f} to {high:.1f}",
        ),
    ]
    if (share := summary.last5_share_of_optimal) is not None:
        solved = sum(row.solved is True for row in evaluation.per_task)
        entries += [
            (f"{share:.0%}", "of what an agent that knows the task can earn"),
            (
                f"{solved} of {len(evaluation.per_task)}",
                f"{evaluation.tasks_kind} {noun}s solved, {seeds}",
            ),
        ]
    else:
        entries.append((f"{len(evaluation.per_task)}", f"{evaluation.tasks_kind} {noun}s, {seeds}"))
        if isinstance(random := evaluation.references.random, float):
            entries.append((f"{random:.1f}", "mean return of random actions"))
    if run.metrics is not None:
        last = run.metrics[-1]
        entries.append((duration(last.seconds), f"of training on {quantity(last.tokens)} tokens"))
    if run.trials is not None:
        played = run.trials[-1]
        steps = f"{quantity(played.environment_steps)} environment steps"
        entries.append((duration(played.seconds), f"of training on {steps}"))
    items = (f"<li><strong>{figure}</strong><span>{text}</span></li>" for figure, text in entries)
    return f'<ul class="tiles">{"".join(items)}</ul>'
