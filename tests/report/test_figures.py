from __future__ import annotations

import struct
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from adfast.report import write_report
from adfast.report.axes import png
from adfast.report.figures import FIGURES, draw_figures
from adfast.report.room import median_story, room_of
from adfast.runs.files.run_record import read_run
from report.synthetic_run import edit_evaluation


def png_size(figure: Figure) -> tuple[int, int]:
    header = bytes(png(figure)[:24])
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:24])


def test_figures_are_png_large_enough_to_print(finished_run: Path) -> None:
    run = read_run(finished_run)
    room = room_of(run.tasks)
    assert room is not None
    figures = draw_figures(run, room, median_story(run))
    assert tuple(figures) == FIGURES
    for figure in figures.values():
        width, height = png_size(figure)
        assert width >= 900
        assert height >= 550


def test_figures_without_data_are_left_out(run_copy: Path) -> None:
    write_report(run_copy)
    (run_copy / "metrics.jsonl").unlink()
    assert list(draw_figures(read_run(run_copy), None, None)) == ["return_per_episode"]
    write_report(run_copy)
    assert not (run_copy / "figures" / "training_curve.png").exists()


@pytest.mark.parametrize("receptive_field", [30, 790])
def test_both_context_marks_fit_in_the_figure(run_copy: Path, receptive_field: int) -> None:
    edit_evaluation(run_copy, "receptive_field_transitions", receptive_field)
    (run_copy / "metrics.jsonl").unlink()
    (figure,) = draw_figures(read_run(run_copy), None, None).values()
    assert png_size(figure) == (1280, 768)
