"""The page carries what it has room for, the exemplary runs first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adfast.report.page.replay import recording
from adfast.report.page.replay.panel import replay_section
from adfast.report.page.replay.recording import (
    attention_of,
    chosen_runs,
    described_map,
    exemplary,
    recording_of,
)
from adfast.runs.files.run_record import RunRecord, read_run
from adfast.tasks.task_map import Landmark, TaskMap
from report.synthetic_run import EPISODES, HELD_OUT, SEEDS, STEPS

BYTES_PER_RUN = EPISODES * ((STEPS + 1) * 2 + STEPS + STEPS)


@pytest.fixture(scope="module")
def run(finished_run: Path) -> RunRecord:
    return read_run(finished_run)


def test_page_stays_small(reported_run: Path) -> None:
    assert (reported_run / "report.html").stat().st_size < 3_000_000


def test_every_run_is_there_when_all_fit(run: RunRecord) -> None:
    found = recording_of(run)
    assert found is not None
    assert found.description["runs"] == list(np.ndindex(len(HELD_OUT), SEEDS))
    assert found.left_out == 0
    assert found.description["attention"]["roles"] == ["median", "weakest", "best"]


@pytest.mark.parametrize("room", [0, 1, 3, 10, 30])
def test_exemplary_runs_come_first_then_the_first_seeds(
    run: RunRecord, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(recording, "MAX_TRAJECTORY_BYTES", room * BYTES_PER_RUN + 7)
    runs = chosen_runs(run)
    assert len(set(runs)) == len(runs) == room
    first = [(task, seed) for _, task, seed in exemplary(run)]
    assert set(first[:room]) <= set(runs)
    others = set(runs) - set(first)
    if room == 10:
        assert {seed for _, seed in others} == {0}
    found = recording_of(run)
    if room == 0:
        assert found is None
        return
    assert found is not None
    assert found.left_out == len(HELD_OUT) * SEEDS - room
    assert [found.description["runs"][i] for i in found.description["attention"]["runs"]] == (
        first[:room]
    )


def test_attention_that_does_not_fit_is_dropped_from_the_end(
    run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = chosen_runs(run)
    whole = attention_of(run, runs)
    assert whole is not None
    monkeypatch.setattr(recording, "MAX_ATTENTION_CHARACTERS", len(whole[1]) - 1)
    part = attention_of(run, runs)
    assert part is not None
    assert part[0]["roles"] == ["median", "weakest"]
    monkeypatch.setattr(recording, "MAX_ATTENTION_CHARACTERS", 10)
    assert attention_of(run, runs) is None
    assert attention_of(replace(run, attention=None), runs) is None


def test_map_too_large_to_draw_is_none() -> None:
    goal = (Landmark("goal", 0, 0, 0),)
    assert described_map(TaskMap(50, 50, (0, 1), goal)) is not None
    assert described_map(TaskMap(51, 50, (0, 1), goal)) is None
    assert described_map(None) is None


def test_what_is_left_out_is_said(run: RunRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(run: RunRecord) -> str:
        return replay_section(run, recording_of(run), "goal").html

    monkeypatch.setattr(recording, "MAX_TRAJECTORY_BYTES", 5 * BYTES_PER_RUN)
    assert "to keep the page small: 59 runs of the evaluation" in said(run)
    assert "This run has recorded no attention." in said(replace(run, attention=None))
    monkeypatch.setattr(recording, "MAX_ATTENTION_CHARACTERS", 10)
    assert "Attention is left out: its histories are too long for it." in said(run)
    monkeypatch.setattr(recording, "MAX_TRAJECTORY_BYTES", 0)
    assert "a single recorded run is too large for a page" in said(run)
    assert "recorded no trajectories" in said(replace(run, trajectories=None))
