from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adfast import tasks
from adfast.report.room import median_story, room_of
from adfast.runs.files.run_record import read_run
from report.synthetic_run import EPISODES, SIZE


def test_room_is_what_the_family_says() -> None:
    room = room_of(tasks.make("dark-room", size=SIZE))
    assert room is not None
    assert (room.rows, room.columns) == (SIZE, SIZE)
    assert room.start == (SIZE // 2, SIZE // 2)
    assert room.goals[2 * SIZE + 5] == (2, 5)
    assert len(room.goals) == SIZE * SIZE


def test_start_that_varies_is_not_marked() -> None:
    room = room_of(tasks.make("dark-room", start="random"))
    assert room is not None
    assert room.start is None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dark-room", {"size": 41}),  # too large to draw
        ("dark-house", {"houses": 7}),  # several rooms
        ("frozen-lake", {}),  # all goals in the same cell
        ("dark-house", {"rooms": 1, "size": 3, "houses": 100}),  # more houses than cells
    ],
)
def test_family_whose_tasks_are_no_cells_of_a_room_has_none(name, options) -> None:
    assert room_of(tasks.make(name, **options)) is None


def test_story_is_of_the_lower_median_task(finished_run: Path) -> None:
    run = read_run(finished_run)
    story = median_story(run)
    assert story is not None
    shares = sorted(row.share_of_optimal for row in run.evaluation.per_task)
    assert story.share_of_optimal == shares[(len(shares) - 1) // 2]
    assert [rollout.episode for rollout in story.rollouts] == [1, EPISODES // 2, EPISODES]


def test_rollouts_enter_the_goal_where_they_are_rewarded(finished_run: Path) -> None:
    run = read_run(finished_run)
    story = median_story(run)
    assert story is not None
    for rollout in story.rollouts:
        rewarded = np.array([cell in rollout.goals for cell in rollout.cells[1:]])
        np.testing.assert_array_equal(rewarded, np.array(rollout.rewards) > 0)


def test_run_without_trajectories_has_no_story(run_copy: Path) -> None:
    (run_copy / "trajectories.safetensors").unlink()
    run = read_run(run_copy)
    assert median_story(run) is None
