"""A comparison of runs: those that differ in their seeds alone are one method, pooled.

comparison.json   what every method earns and saw     comparison.png    the figure
comparison.csv    the same curves, row by row         comparison.html   the page
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from adfast.durable import discard, replace_files
from adfast.errors import InvalidArgument, RunError
from adfast.evaluation.statistics import (
    mean_over_seeds,
    seeds_and_tasks_interval,
    share_of_optimum,
)
from adfast.evaluation.summary import LAST_EPISODES
from adfast.provenance import collect_provenance
from adfast.runs.comparison.data_seen import data_of
from adfast.runs.comparison.found_runs import (
    Compared,
    FoundRun,
    find_runs,
    read_found,
    require_comparable,
    tasks_of,
)
from adfast.runs.comparison.labels import labels_of
from adfast.runs.comparison.record import (
    FIGURE,
    FILE_NAME,
    PAGE,
    ComparisonResults,
    ContextCurve,
    MethodResults,
    TrainingCurve,
)
from adfast.runs.comparison.references import notes_of, references_of
from adfast.runs.comparison.table import TABLE, csv_table
from adfast.runs.comparison.verdicts import Judged, SeedReturns, at_or_above, rises
from adfast.runs.files.run_folder import holds_nothing
from adfast.runs.files.stage_records import seconds_of
from adfast.runs.hooks import QUIET, RunHooks
from adfast.runs.recipe.from_recipe import split_seed
from adfast.values import as_flag, as_path


def compare(
    runs: Compared,
    out: str | Path | None = None,
    *,
    progress: bool = True,
    hooks: RunHooks | None = None,
) -> ComparisonResults:
    """What runs of one family earn, side by side; written to the directory `out` if it is given.

    `runs` are paths of runs, of their evaluations (`RUN/evaluations/NAME`) or of folders of runs,
    or a table of labels with such paths. Runs that differ in their seeds alone are one method:
    means over training seeds, with intervals that resample seeds and tasks. Raises
    `InvalidArgument` for runs of different families and for a run that is there twice, and
    `RunError` for one that is not finished.
    """
    hooks = hooks or (RunHooks() if as_flag("progress", progress) else QUIET)
    place = None if out is None else as_path("out", out)
    if place is not None and place.exists() and not may_be_written_to(place):
        raise RunError(
            f"{place} is no folder of runs, of a comparison, or empty; give another one with --out"
        )
    found = find_runs(runs)
    with hooks.progress("compare", len(found), "runs") as bar:
        read = []
        for number, (label, folder, path) in enumerate(found, start=1):
            read.append(read_found(label, folder, path))
            bar.advance_to(number)
    require_comparable(read)
    results = results_of(read)
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        contents = {FILE_NAME: results.to_json(), TABLE: csv_table(results)}
        replace_files(
            {place / name: [content] for name, content in contents.items()},
            before=lambda: discard_drawn(place),
        )
    return results


def discard_drawn(place: Path) -> None:
    """Delete the figure and the page of what was compared in a directory before."""
    for name in (FIGURE, PAGE):
        discard(place / name)


def may_be_written_to(place: Path) -> bool:
    """Whether a comparison may be written into what is there."""
    if not place.is_dir():
        return False
    return holds_nothing(place) or any(place.glob("*/run.toml")) or (place / FILE_NAME).is_file()


def results_of(runs: Sequence[FoundRun]) -> ComparisonResults:
    """All methods, over as many episodes as the shortest evaluation has."""
    groups = grouped(runs)
    episodes = min(run.results.episodes for run in runs)
    labels = labels_of(groups)
    references = references_of(groups, labels, episodes)
    return ComparisonResults(
        tasks=tasks_of(runs[0]),
        tasks_kind=runs[0].results.tasks_kind,
        episodes=episodes,
        methods=tuple(
            method_of(label, group, episodes) for label, group in zip(labels, groups, strict=True)
        ),
        references=references,
        notes=tuple(notes_of(groups, labels, episodes, references)),
        verdicts=tuple(verdicts_of(groups, labels)),
        provenance=collect_provenance(),
    )


def verdicts_of(groups: Sequence[Sequence[FoundRun]], labels: Sequence[str]) -> Iterator[Judged]:
    """Whether each method rises, and of each pair whether the later is at or above the earlier."""
    splits = [[split_seed(run.recipe) for run in group] for group in groups]
    by_split = all(len(set(of_group)) == len(of_group) for of_group in splits)
    methods = [
        SeedReturns(
            label,
            {key_of(run, by_split): run.results.evaluated.array.mean(axis=1) for run in group},
            {key_of(run, by_split): tasks_evaluated(run) for run in group},
        )
        for label, group in zip(labels, groups, strict=True)
    ]
    if all(method.episodes > 1 for method in methods):
        yield from map(rises, methods)
    for other, one in combinations(methods, 2):
        yield at_or_above(one, other)


def key_of(run: FoundRun, by_split: bool) -> Hashable:
    """What pairs a run with one of another method: its split, where each has one of its own."""
    split = split_seed(run.recipe)
    return split if by_split else (run.recipe.seed, split)


def tasks_evaluated(run: FoundRun) -> Hashable:
    """What is the same of runs whose tasks are, in this order."""
    environment = run.results.environment
    return run.results.evaluated.task_ids, environment and repr(environment.arguments)


def grouped(runs: Sequence[FoundRun]) -> list[list[FoundRun]]:
    """The runs of each method; raises `InvalidArgument` for two of the same seeds."""
    groups: dict[tuple[str | None, str], list[FoundRun]] = {}
    for run in runs:
        groups.setdefault((run.label, run.key), []).append(run)
    for group in groups.values():
        earlier: dict[object, FoundRun] = {}
        for run in group:
            if (same := earlier.get(run.seeds)) is not None:
                raise InvalidArgument(
                    f"{same.path} and {run.path} are of the same settings and seed, so that they "
                    "are one result counted twice; leave one out"
                )
            earlier[run.seeds] = run
    of_label: dict[str, list[FoundRun]] = {}
    for (label, _), group in groups.items():
        if label is not None and (other := of_label.setdefault(label, group)) is not group:
            raise InvalidArgument(
                f'what is labelled "{label}" must differ in its seeds alone, got '
                f"{other[0].path} and {group[0].path} of different settings; give each a label"
            )
    return list(groups.values())


def method_of(label: str, runs: Sequence[FoundRun], episodes: int) -> MethodResults:
    """The runs of one method, pooled."""
    first = runs[0].results
    by_task = [run.results.evaluated.array.mean(axis=1)[:, :episodes] for run in runs]
    last = [returns[:, -LAST_EPISODES:].mean(axis=1) for returns in by_task]
    last5_mean = mean_over_seeds(last)
    optimal = [run.results.evaluated.optimal for run in runs]
    known = [np.asarray(values) for values in optimal if values is not None]
    low, high = seeds_and_tasks_interval(by_task)
    steps = [run.steps for run in runs if run.steps is not None]
    acted = np.cumsum(np.mean(steps, axis=0)) if len(steps) == len(runs) else None
    return MethodResults(
        label=label,
        method=runs[0].method,
        agent=first.agent,
        runs=tuple(str(run.path) for run in runs),
        seeds=tuple(run.recipe.seed for run in runs),
        num_tasks=len(first.evaluated.task_ids),
        evaluation_seeds=first.num_seeds,
        data=data_of(runs),
        in_context=ContextCurve(
            mean=mean_over_seeds(by_task).tolist(),
            low=low.tolist(),
            high=high.tolist(),
            environment_steps=None if acted is None else acted[:episodes].tolist(),
        ),
        training=training_of(runs) if runs[0].is_of_model else None,
        last5_mean=float(last5_mean),
        last5_ci95=tuple(seeds_and_tasks_interval(last).tolist()),
        share_of_optimal=share_of_optimum(float(last5_mean), float(mean_over_seeds(known)))
        if known
        else None,
        seconds=seconds_of_all(runs),
    )


def seconds_of_all(runs: Sequence[FoundRun]) -> dict[str, float]:
    """How long each stage took, all runs together; of another agent than the model, evaluating."""
    total: dict[str, float] = {}
    for run in runs:
        took = seconds_of(run.run.directory.stages())
        own = {"evaluate": took[run.run.directory.evaluation(run.evaluation).stage]}
        if run.is_of_model:
            own |= {stage: took[stage] for stage in ("collect", "train") if stage in took}
        for stage, seconds in own.items():
            total[stage] = round(total.get(stage, 0.0) + seconds, 3)
    return total


def training_of(runs: Sequence[FoundRun]) -> TrainingCurve | None:
    """What was monitored while training, at the updates that all runs have in common."""
    rows = [
        {row.update: row for row in run.metrics or () if row.validation_return is not None}
        for run in runs
    ]
    updates = sorted(set.intersection(*map(set, rows)))
    if not updates:
        return None
    returns = np.array([[of_run[u].validation_return for u in updates] for of_run in rows], float)
    low, high = seeds_and_tasks_interval([of_run[None] for of_run in returns])
    has_interval = len(runs) > 1
    return TrainingCurve(
        updates=tuple(updates),
        seconds=np.mean([[of_run[u].seconds for u in updates] for of_run in rows], axis=0).tolist(),
        transitions=np.mean(
            [[of_run[u].environment_transitions for u in updates] for of_run in rows], axis=0
        ).tolist(),
        mean=returns.mean(axis=0).tolist(),
        low=low.tolist() if has_interval else None,
        high=high.tolist() if has_interval else None,
    )
