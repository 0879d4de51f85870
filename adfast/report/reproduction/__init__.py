"""The report of a reproduction: a page in Markdown, a figure and a CSV, from what is done."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adfast.runs.reproduction.reproduction import Reproduction


def write_reproduction(reproduction: Reproduction) -> Path:
    """Write `STUDY.md`, `STUDY.csv` and `STUDY.png` into the folder of results.

    A study of questions has a figure of each, `STUDY-QUESTION.png`, in place of these two.
    Returns the page's path. Raises `RunError` where the file of a part is damaged, and `InUse`
    while another process draws there.
    """
    from adfast.durable import discard, replace_files
    from adfast.report.axes import png
    from adfast.report.reproduction.critique_page import critique_contents
    from adfast.report.reproduction.csv_table import csv_table
    from adfast.report.reproduction.figure import study_figure
    from adfast.report.reproduction.page import study_page
    from adfast.runs.files.run_folder import lock_run
    from adfast.runs.reproduction.pooled import pool

    table, place = reproduction.table, reproduction.results
    states = reproduction.states()
    panels = pool(table, states)
    figure = study_figure(table, panels)
    picture = place / f"{table.name}.png"
    path = place / f"{table.name}.md"
    contents: dict[Path, list[bytes | memoryview]]
    if table.questions:
        contents = {place / name: [made] for name, made in critique_contents(reproduction).items()}
    else:
        page = study_page(table, panels, states, picture.name if figure is not None else None)
        contents = {
            path: [page.encode()],
            place / f"{table.name}.csv": [csv_table(panels)],
        }
        if figure is not None:
            contents[picture] = [png(figure)]
    place.mkdir(parents=True, exist_ok=True)
    reproduction.runs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as lock:
        lock_run(reproduction.runs, lock)
        for stale in (picture, *place.glob(f"{table.name}-*.png")):
            if stale not in contents:
                discard(stale)
        replace_files(contents)
    return path


__all__ = ["write_reproduction"]
