"""The report of a study of scaling: a page in Markdown and one figure, from what is done."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adfast.runs.scaling.study import ScaleStudy


def write_scaling(study: ScaleStudy) -> Path:
    """Write `scale-RECIPE.md` and `scale-RECIPE.png` into the folder of results.

    Returns the page's path. Raises `RunError` where the file of a part is damaged, and `InUse`
    while another process draws there.
    """
    from adfast.durable import discard, replace_files
    from adfast.report.axes import png
    from adfast.report.scaling.figure import scaling_figure
    from adfast.report.scaling.page import scaling_page
    from adfast.runs.files.run_folder import lock_run
    from adfast.runs.scaling.laws import measured_axis
    from adfast.runs.scaling.table import ScalePanel

    table, place = study.table, study.results
    states = study.states()
    axes = {
        panel.title: measured_axis(panel, states)
        for panel in table.panels
        if isinstance(panel, ScalePanel)
    }
    figure = scaling_figure(table, axes)
    picture, path = place / f"{table.name}.png", place / f"{table.name}.md"
    page = scaling_page(study, axes, states, picture.name if figure is not None else None)
    contents: dict[Path, list[bytes | memoryview]] = {path: [page.encode()]}
    if figure is not None:
        contents[picture] = [png(figure)]
    place.mkdir(parents=True, exist_ok=True)
    study.runs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as lock:
        lock_run(study.runs, lock)
        if figure is None:
            discard(picture)
        replace_files(contents)
    return path


__all__ = ["write_scaling"]
