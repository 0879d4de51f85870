"""Rendered observations: rows keep poses, agents read frames, a description says which."""

import numpy as np
import pytest

from adfast.errors import InvalidArgument, UnknownName
from adfast.tasks.mazes.arena import POSE_SIZES
from adfast.tasks.mazes.water_maze_scene import WaterMazeScene
from adfast.tasks.observation import DiscreteObservation, read_observation
from adfast.tasks.rendered_observation import RenderedObservation
from adfast.tasks.scene import Scene
from adfast.tasks.transition_schema import TransitionSchema

SCENE = WaterMazeScene(picture=(6, 8), field_of_view=70)
SPEC = RenderedObservation(DiscreteObservation(POSE_SIZES), SCENE)
POSES = np.array([[12288, 12288, 0], [12000, 13000, 359], [20000, 9000, 72]], np.uint16)


class Flat(Scene):
    """One colour for each pose, two pixels wide."""

    name = f"{__name__}:Flat"
    width: int = 2

    @property
    def pose_sizes(self):
        return (256,)

    @property
    def frame_shape(self):
        return (1, self.width, 3)

    def render(self, poses, out=None):
        frames = np.empty((len(poses), *self.frame_shape), np.uint8) if out is None else out
        frames[:] = poses[:, :, None, None]
        return frames


def test_rows_keep_poses_and_agents_read_frames():
    assert SPEC.stored == SPEC.pose.stored
    assert SPEC.compiled_sizes("maze") == POSE_SIZES
    assert (SPEC.read.dtype, SPEC.read.shape) == (np.uint8, (6, 8, 3))
    frames = SCENE.render(POSES)
    np.testing.assert_array_equal(SPEC.as_read("observation", POSES, 3), frames)
    np.testing.assert_array_equal(SPEC.as_read("observation", POSES.tolist(), 3), frames)
    np.testing.assert_array_equal(SPEC.as_read("observation", frames, 3), frames)
    shown = SPEC.as_shown(np.stack([POSES, POSES[::-1]]))
    np.testing.assert_array_equal(shown, [frames, frames[::-1]])
    np.testing.assert_array_equal(SPEC.in_space(POSES), frames)
    assert SPEC.space().contains(frames[0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0, 0, 360]], r"seen\[2\] must be in 0\.\.359, got 360 in environment 5"),
        ([[0, 0]], r"seen must have shape \(1, 3\), got \(1, 2\)"),
        (np.zeros((1, 8, 6, 3), np.uint8), r"frames of shape \(1, 6, 8, 3\), or poses of shape"),
        (np.full((1, 6, 8, 3), 256), "seen.* must be .*255, got 256"),
        (np.zeros((6, 8, 3), np.uint8), r"got \(6, 8, 3\)"),
    ],
)
def test_what_is_neither_pose_nor_frame_is_refused(values, message):
    with pytest.raises(InvalidArgument, match=message):
        SPEC.as_read("seen", values, 1, np.array([5]))


def test_description_names_the_scene_and_its_options():
    assert read_observation(SPEC.to_dict()) == SPEC
    schema = TransitionSchema(SPEC, 8, 50)
    assert TransitionSchema.from_dict(schema.to_dict()) == schema
    assert hash(schema) == hash(TransitionSchema.from_dict(schema.to_dict()))
    other = RenderedObservation(SPEC.pose, WaterMazeScene(picture=(6, 9)))
    assert other != SPEC


def test_scene_of_ones_own_goes_by_its_full_name():
    spec = RenderedObservation(DiscreteObservation((256,)), Flat(width=5))
    assert read_observation(spec.to_dict()) == spec
    assert spec.as_shown(np.array([[7]])).tolist() == [[[[7] * 3] * 5]]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "water-mase"}, UnknownName, 'did you mean "water-maze"'),
        ({"name": 3}, InvalidArgument, "scene must be a name"),
        ({"options": {"picture": [0, 8]}}, InvalidArgument, "picture"),
        ({"options": {"field_of_view": 180}}, InvalidArgument, "field_of_view"),
        ({"options": {"sky": "red"}}, UnknownName, 'unknown setting "sky"'),
        ({"options": 5}, InvalidArgument, "must be described by entries"),
    ],
)
def test_description_of_no_scene_is_refused(change, error, message):
    description = SPEC.to_dict()
    with pytest.raises(error, match=message):
        read_observation(description | {"scene": description["scene"] | change})


def test_pose_must_be_the_scenes():
    with pytest.raises(InvalidArgument, match=r"pose must have the sizes .*24577.*, got \(9, 9\)"):
        RenderedObservation(DiscreteObservation((9, 9)), SCENE)
    with pytest.raises(InvalidArgument, match="scene must be a Scene"):
        RenderedObservation(SPEC.pose, "water-maze")


def test_data_import_no_scene_that_they_name(tmp_path, monkeypatch):
    """A store or a model file of a stranger runs no code, even what lies in the path."""
    (tmp_path / "named_by_data.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    description = SPEC.to_dict()
    description["scene"]["name"] = "named_by_data:Scene"
    with pytest.raises(InvalidArgument, match=r"import named_by_data first, .*\(adfast\.scenes\)"):
        read_observation(description)
    own = RenderedObservation(DiscreteObservation((256,)), Flat())
    assert read_observation(own.to_dict()) == own
