from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from adfast.report.room import median_story, room_of
from adfast.runs.run_record import read_run
from report.synthetic_run import EPISODES, SIZE, edit_evaluation


def test_room_has_the_grid_of_the_family_and_its_start(finished_run: Path) -> None:
    room = room_of(read_run(finished_run))
    assert room is not None
    assert (room.rows, room.columns) == (SIZE, SIZE)
    assert room.start == (SIZE // 2, SIZE // 2)
    assert room.cell(2 * SIZE + 5) == (2, 5)


def test_start_that_varies_is_not_marked(run_copy: Path) -> None:
    path = run_copy / "trajectories.safetensors"
    arrays = load_file(path)
    arrays["observation"][0, 0, 0, 0] = (0, 0)
    save_file(arrays, path)
    room = room_of(read_run(run_copy))
    assert room is not None
    assert room.start is None


def test_room_too_large_to_draw_is_none(run_copy: Path) -> None:
    edit_evaluation(run_copy, "family.options", {"size": 41})
    assert room_of(read_run(run_copy)) is None


def test_story_is_of_the_lower_median_task(finished_run: Path) -> None:
    run = read_run(finished_run)
    room = room_of(run)
    assert room is not None
    story = median_story(run, room)
    assert story is not None
    shares = sorted(row.share_of_optimal for row in run.evaluation.per_task)
    assert story.share_of_optimal == shares[(len(shares) - 1) // 2]
    assert [rollout.episode for rollout in story.rollouts] == [1, EPISODES // 2, EPISODES]


def test_rollouts_enter_the_goal_where_they_are_rewarded(finished_run: Path) -> None:
    run = read_run(finished_run)
    room = room_of(run)
    assert room is not None
    story = median_story(run, room)
    assert story is not None
    for rollout in story.rollouts:
        rewarded = np.array([cell == story.goal for cell in rollout.cells[1:]])
        np.testing.assert_array_equal(rewarded, np.array(rollout.rewards) > 0)


def test_run_without_trajectories_has_no_story(run_copy: Path) -> None:
    (run_copy / "trajectories.safetensors").unlink()
    run = read_run(run_copy)
    room = room_of(run)
    assert room is not None
    assert room.start is None
    assert median_story(run, room) is None
