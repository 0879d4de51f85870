"""The README's animation shows the recorded run; `make figures` writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adfast.report.room import room_of
from adfast.runs.files.run_record import read_run
from docs.show_replay import Scene
from report.synthetic_run import EPISODES, STEPS


@pytest.fixture(scope="module")
def scene(finished_run: Path) -> Scene:
    run = read_run(finished_run)
    room = room_of(run.tasks)
    assert room is not None
    assert run.trajectories is not None
    assert run.attention is not None
    return Scene(run, room, run.trajectories, run.attention)


def test_frames_change_with_what_happens(scene: Scene) -> None:
    one, two = (np.asarray(scene.frame(EPISODES - 1, step)) for step in (4, 5))
    assert one.shape == two.shape == (350, 640, 3)
    assert (one != two).any()


def test_episodes_are_told_from_the_first_to_the_last(scene: Scene) -> None:
    episodes = scene.episodes()
    assert episodes[:2] == [0, 1]
    assert episodes[-1] == EPISODES - 1
    assert any(scene.returns[episode] >= scene.outcome.optimal / 2 for episode in episodes)


def test_cells_have_all_of_the_recorded_attention(scene: Scene) -> None:
    shares = scene.attended(3 * STEPS + 6)
    assert sum(shares.values()) == pytest.approx((8 * 12 + 40) / 200)
    row, column = scene.cells[3, 6].tolist()
    assert shares[row, column] >= (12 + 40) / 200
