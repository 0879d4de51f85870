from __future__ import annotations

import struct
from pathlib import Path

import pytest

from adfast.report.figures import write_figures
from adfast.report.room import median_story, room_of
from adfast.report.run_record import read_run
from report.synthetic_run import edit_evaluation


def png_size(path: Path) -> tuple[int, int]:
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:24])


def test_figures_are_png_large_enough_to_print(finished_run: Path, tmp_path: Path) -> None:
    run = read_run(finished_run)
    room = room_of(run)
    assert room is not None
    paths = write_figures(run, room, median_story(run, room), tmp_path / "figures")
    assert [path.stem for path in paths] == [
        "return_per_episode",
        "training_curve",
        "room_heat_map",
        "trajectories",
    ]
    for path in paths:
        width, height = png_size(path)
        assert width >= 900
        assert height >= 550


def test_figures_without_data_are_left_out(run_copy: Path, tmp_path: Path) -> None:
    (run_copy / "metrics.jsonl").unlink()
    paths = write_figures(read_run(run_copy), None, None, tmp_path / "figures")
    assert [path.stem for path in paths] == ["return_per_episode"]


@pytest.mark.parametrize("receptive_field", [30, 790])
def test_both_context_marks_fit_in_the_figure(
    run_copy: Path, tmp_path: Path, receptive_field: int
) -> None:
    edit_evaluation(run_copy, "receptive_field_transitions", receptive_field)
    (run_copy / "metrics.jsonl").unlink()
    (path,) = write_figures(read_run(run_copy), None, None, tmp_path / "figures")
    assert png_size(path) == (1280, 768)
