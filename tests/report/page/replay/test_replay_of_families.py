"""The replay in a browser of families of other kinds: without a map, seen from inside, of rooms."""

from __future__ import annotations

import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from adfast.report.page.replay.views import views_of
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.rendered_observation import RenderedObservation
from adfast.tasks.scene import Scene
from adfast.tasks.task_map import Landmark, TaskMap
from report.conftest import OpenPage, WritePage
from report.page.replay.replay_panel import Replay
from report.synthetic_run import HELD_OUT, SIZE, STEPS

if TYPE_CHECKING:
    pass


def test_family_without_a_map_gets_a_timeline(
    run_copy: Path,
    open_page: OpenPage,
    write_page_alone: WritePage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DarkRoom, "task_map", lambda *_: None)
    replay = Replay(open_page(write_page_alone(run_copy)), run_copy)
    assert replay.page.locator("#replay-view .agent").count() == 0
    names = replay.page.locator("#replay-view li").all_text_contents()
    assert names == ["observation 0", "observation 1", "action", "reward"]
    replay.press("Shift+ArrowRight", "ArrowRight", "ArrowRight")
    cursor = replay.page.locator("#replay-view .cursor")
    assert float(cursor.get_attribute("x1")) == pytest.approx(100 * 2 / STEPS)
    observed = replay.played["observation"][(*replay.run, 1)]
    points = replay.page.locator("#replay-view polyline").first.get_attribute("points")
    heights = np.array([float(point.split(",")[1]) for point in points.split()])
    # The lane is 26 high, from no row at 30 to the last of them at 4.
    np.testing.assert_allclose(heights, 30 - 26 * observed[:, 0] / (SIZE - 1))
    assert re.match(r"Episode 1, step 3: observation \d, \d, then", replay.point_at(1, 3))


class Painted(Scene):
    """Four rows of six pixels in colours of the cell."""

    name = "painted"

    @property
    def pose_sizes(self):
        return (SIZE, SIZE)

    @property
    def frame_shape(self):
        return (4, 6, 3)

    def render(self, poses, out=None):
        frames = np.empty((len(poses), *self.frame_shape), np.uint8) if out is None else out
        row, column = (poses[:, n, None, None] for n in (0, 1))
        frames[..., 0], frames[..., 1] = 20 * row, 20 * column
        frames[..., 2] = np.arange(24).reshape(4, 6)
        return frames


EYES = """(canvas) => {
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return { shape: [height, width, 4], pixels: [...copy.getImageData(0, 0, width, height).data] };
}"""


def test_what_it_sees_is_beside_the_map_and_moves_with_it(
    run_copy: Path,
    open_page: OpenPage,
    write_page_alone: WritePage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = RenderedObservation(DiscreteObservation((SIZE, SIZE)), Painted())
    drawn = SimpleNamespace(transition_schema=SimpleNamespace(observation=seen))
    monkeypatch.setattr(
        "adfast.report.page.replay.recording.views_of",
        lambda run, runs: views_of(
            SimpleNamespace(tasks=drawn, trajectories=run.trajectories, evaluation=run.evaluation),
            runs,
        ),
    )
    page = open_page(write_page_alone(run_copy))
    replay = Replay(page, run_copy)
    eyes = page.get_by_role("img", name="What it sees")
    for keys in ([], ["ArrowRight"] * 3, ["Shift+ArrowRight"], ["End"]):
        replay.press(*keys)
        shown = eyes.evaluate(EYES)
        picture = np.array(shown["pixels"]).reshape(shown["shape"])
        expected = Painted().render(np.array([replay.recorded]))[0]
        np.testing.assert_array_equal(picture[..., :3], expected)
        assert (picture[..., 3] == 255).all()
        assert replay.agent == replay.recorded
    where, view = eyes.bounding_box(), replay.part("view").bounding_box()
    assert where["x"] >= view["x"] + view["width"], "to the right of the map"
    assert where["y"] < view["y"] + view["height"], "and beside it"
    assert where["width"] > 100
    exemplary = set(replay.attention["task"].tolist())
    other = next(task for task in range(len(HELD_OUT)) if task not in exemplary)
    replay.part("task").select_option(value=str(other))
    assert not eyes.is_visible(), "this run has no frames in the page"
    assert replay.part("view").is_visible()


@pytest.mark.parametrize("rooms", [SIZE, 40])
def test_house_shows_its_rooms_or_the_one_that_the_agent_is_in(
    run_copy: Path,
    open_page: OpenPage,
    write_page_alone: WritePage,
    monkeypatch: pytest.MonkeyPatch,
    rooms: int,
) -> None:
    goals = tuple(Landmark("goal", room, 0, room % SIZE) for room in range(rooms))
    # The row doubles as the room's number, and in one house the column as a heading in degrees.
    looks = None if rooms == SIZE else 1
    house = TaskMap(SIZE, SIZE, (0, 1, 0), landmarks=goals, rooms=rooms, heading=looks)
    monkeypatch.setattr(DarkRoom, "task_map", lambda *_: house)
    replay = Replay(open_page(write_page_alone(run_copy)), run_copy)
    shown = SIZE if rooms == SIZE else 1
    for _ in range(6):
        replay.press("ArrowRight")
        assert replay.page.locator("#replay-view .walls").count() == shown
        assert replay.page.locator("#replay-view .goal").count() == shown
        assert replay.agent == replay.recorded
        noses = replay.page.locator("#replay-view .nose")
        assert noses.count() == (looks is not None)
        if shown == 1:
            assert float(noses.get_attribute("x1")) == replay.agent[1] + 0.5
            names = replay.page.locator("#replay-view .room-name").all_text_contents()
            assert names == [f"room {replay.agent[0]}"]


def test_episodes_that_end_early_end_there(
    run_copy: Path, open_page: OpenPage, write_page_alone: WritePage
) -> None:
    path = run_copy / "trajectories.safetensors"
    arrays = load_file(path)
    arrays["length"][:] = 7
    arrays["boundary"][:] = 1
    arrays["reward"][..., 7:] = 0
    save_file(arrays, path)
    replay = Replay(open_page(write_page_alone(run_copy)), run_copy)
    replay.press(*["ArrowRight"] * 7)
    assert replay.at == (1, 7)
    assert "ended by the task" in replay.part("earned").text_content()
    replay.press("ArrowRight")
    assert replay.at == (2, 0)
    first = replay.part("top").locator("button").first.text_content()
    assert math.isclose(int(first.split("%")[0]), 26)
    assert "episode 2, step 0" in first
