"""What the methods of a comparison are called: as told, by method, by folder, or by run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adfast.runs.comparison.found_runs import FoundRun


def labels_of(groups: Sequence[Sequence[FoundRun]]) -> list[str]:
    """A label for each method, no two alike.

    The first of these that tells all apart: the method, the name of the folder of its seeds, that
    of its first run, and the path of that.
    """
    ways: tuple[Callable[[FoundRun], str], ...] = (
        lambda run: run.method,
        lambda run: run.folder.resolve().name,
        lambda run: run.path.resolve().name,
        lambda run: f"{run.folder.resolve().name}/{run.path.resolve().name}",
    )
    for way in ways:
        labels = [group[0].label or way(group[0]) for group in groups]
        if len(set(labels)) == len(groups):
            return labels
    return [group[0].label or str(group[0].path) for group in groups]
