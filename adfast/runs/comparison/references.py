"""What all methods of a comparison are measured against, and what a reader must know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from adfast.runs.comparison.data_seen import data_of_run
from adfast.runs.comparison.found_runs import FoundRun
from adfast.runs.comparison.record import ComparedReferences
from adfast.runs.recipe.methods import AD

FEW_SEEDS = 5  # with fewer, resampling them tells too little of how much they differ

Groups = Sequence[Sequence[FoundRun]]


def references_of(groups: Groups, labels: Sequence[str], episodes: int) -> ComparedReferences:
    """Random and optimum over all runs, the source of the first method that learned from one.

    That of AD itself comes before that of others.
    """
    everyone = [run for group in groups for run in group]
    references = [run.results.references for run in everyone]
    length = everyone[0].results.episode_length
    values = {
        "random": mean_of([reference.random for reference in references]),
        "optimal": mean_of([reference.optimal for reference in references]),
        "episode_length": None if any(run.ends_early for run in everyone) else length,
    }
    found = source_group(groups)
    if found is None:
        return ComparedReferences(**values)
    of_source = [run.results.references for run in groups[found]]
    if any(data_of_run(run).is_bound for run in groups[found]):
        values["episode_length"] = None  # nobody counted what the source's episodes took
    collection = groups[found][0].recipe.collection
    return ComparedReferences(
        **values,
        source=curve_of([reference.source for reference in of_source], episodes),
        source_kept=curve_of([reference.source_every_kth for reference in of_source], episodes),
        source_name=collection.algorithm,
        source_of=labels[found],
        keep_every=collection.keep_every,
    )


def source_group(groups: Groups) -> int | None:
    """The number of the method whose source is drawn."""
    having = [
        number
        for number, group in enumerate(groups)
        if has_source(group[0])
        and all(run.results.references.source_every_kth is not None for run in group)
    ]
    of_ad = [number for number in having if groups[number][0].method == AD]
    return next(iter([*of_ad, *having]), None)


def has_source(run: FoundRun) -> bool:
    """Whether a run's model learned from the histories of a source algorithm."""
    return run.is_of_model and run.recipe.histories is None and not run.learns_by_acting


def mean_of(values: Sequence[float | tuple[float, ...] | None]) -> float | None:
    """The mean of what is one number; None where some run does not know it."""
    known = [value for value in values if isinstance(value, float)]
    return float(np.mean(known)) if len(known) == len(values) else None


def curve_of(
    values: Sequence[float | tuple[float, ...] | None], episodes: int
) -> tuple[float, ...] | None:
    """The mean of curves over at most `episodes`; None where some run has none."""
    curves = [value[:episodes] for value in values if isinstance(value, tuple)]
    if len(curves) != len(values):
        return None
    shortest = min(map(len, curves))
    mean = np.mean([curve[:shortest] for curve in curves], axis=0)
    return tuple(mean.tolist())


def notes_of(
    groups: Groups, labels: Sequence[str], episodes: int, references: ComparedReferences
) -> Iterator[str]:
    """What a reader must know to compare the methods, in sentences."""
    everyone = [run for group in groups for run in group]
    longest = max(run.results.episodes for run in everyone)
    if longest > episodes:
        yield (
            f"Evaluations have from {episodes} to {longest} episodes; all are cut to the first "
            f"{episodes}."
        )
    splits = [{tuple(run.results.evaluated.task_ids) for run in group} for group in groups]
    if any(split != splits[0] for split in splits):
        yield "The methods were evaluated on different tasks of the family, not all on the same."
    temperatures = {run.settings.temperature for run in everyone}
    if len(temperatures) > 1:
        listed = ", ".join(f"{value:g}" for value in sorted(temperatures))
        yield f"The methods acted at different temperatures ({listed})."
    single = [label for label, group in zip(labels, groups, strict=True) if len(group) == 1]
    few = [label for label, group in zip(labels, groups, strict=True) if 1 < len(group) < FEW_SEEDS]
    if single:
        yield f"A single training seed, so intervals are over tasks alone: {', '.join(single)}."
    if few:
        yield (
            f"Fewer than {FEW_SEEDS} training seeds, so that intervals are too narrow where seeds "
            f"differ more than tasks: {', '.join(few)}."
        )
    others = [
        f"{label} ({group[0].recipe.collection.algorithm}, every {ordinal(group[0])})"
        for label, group in zip(labels, groups, strict=True)
        if references.source_of is not None
        and has_source(group[0])
        and source_of(group[0]) != source_of(groups[labels.index(references.source_of)][0])
    ]
    if others:
        yield f"The source drawn is that of {references.source_of}; others: {', '.join(others)}."


def source_of(run: FoundRun) -> tuple[str, int]:
    """What a run's histories are of, as far as a figure tells."""
    collection = run.recipe.collection
    return f"{collection.algorithm} {collection.options}", collection.keep_every


def ordinal(run: FoundRun) -> str:
    """Which episodes of its histories a run keeps."""
    every = run.recipe.collection.keep_every
    return "episode" if every == 1 else f"{every}th episode"
