"""Stacks of pictures: acting shows what training showed, and both what their definition says."""

import numpy as np
import pytest
import torch
from model_cases import input_at, random_histories, small_model, stream
from test_picture_encoders import picture_histories, schema_of

from adfast.errors import InvalidArgument
from adfast.models.embedding.frame_stack import FrameStack, frame_numbers, side_by_side
from adfast.models.embedding.step_input import step_inputs
from adfast.tasks.mazes.water_maze import WaterMaze
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from reference.frame_stack import stacks_of


def stacked(schema, **options):
    """A model that sees stacks, and has looked at data."""
    model = small_model(schema, frame_stack=3, attention_window=None, **options).eval()
    batch = picture_histories(4, 5, schema, seed=1)
    observation = batch["observation"].flatten(0, 1).numpy()
    model.embedding.normalise_by(observation, batch["reward"].flatten().numpy())
    torch.nn.init.normal_(model.head)
    return model


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("begins_within", [False, True])
def test_windows_show_the_last_pictures_of_their_episode(size, begins_within):
    batch = picture_histories(3, 11, schema_of((4, 5, 2)))
    if begins_within:
        batch = {name: values[:, 2:] for name, values in batch.items()}
    pictures = batch["observation"].flatten(0, 1)
    found = side_by_side(pictures[frame_numbers(step_inputs(batch), size).flatten(0, 1)])
    found = found.view(*batch["action"].shape, *found.shape[1:]).numpy()
    for row in range(3):
        begins = (batch["episode_step"][row] == 0).tolist()
        expected = stacks_of([*batch["observation"][row].numpy()], begins, size)
        for t, frames in enumerate(expected):
            np.testing.assert_array_equal(found[row, t], np.concatenate(frames, axis=-1))


def test_packed_documents_show_nothing_of_others():
    batch = picture_histories(1, 8, schema_of((4, 5, 2)))
    batch["document_start"] = torch.tensor([[0, 0, 0, 3, 3, 3, 3, 7]], dtype=torch.int32)
    batch["episode_step"] = torch.tensor([[3, 4, 5, 2, 3, 0, 1, 5]])
    numbers = frame_numbers(step_inputs(batch), 3)[0].tolist()
    assert numbers == [
        *([0, 0, 0], [0, 0, 1], [0, 1, 2]),
        *([3, 3, 3], [3, 3, 4], [5, 5, 5], [5, 5, 6], [7, 7, 7]),
    ]


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("picture_encoder", ["patches", "convolutions"])
def test_acting_sees_what_training_saw(layout, picture_encoder):
    schema = schema_of((16, 17, 2))
    model = stacked(schema, layout=layout, picture_encoder=picture_encoder)
    batch = picture_histories(2, 14, schema)
    with torch.no_grad():
        torch.testing.assert_close(stream(model, batch), model(batch), rtol=1e-4, atol=1e-4)


def test_pictures_of_before_count_within_an_episode_alone():
    schema = schema_of((16, 16, 1))
    model = stacked(schema)
    batch = picture_histories(1, 6, schema)
    changed = {name: values.clone() for name, values in batch.items()}
    changed["observation"][0, 2] += 1
    tokens, others = (model.embedding(step_inputs(rows))[0] for rows in (batch, changed))
    differs = (tokens != others).any(dim=-1).tolist()
    assert differs == [False, False, True, True, True, False]
    assert batch["episode_step"][0].tolist() == [0, 1, 2, 3, 4, 5]


def test_who_is_held_back_stays_with_its_pictures():
    schema = schema_of((16, 16, 1))
    model, batch = stacked(schema), picture_histories(2, 4, schema)
    cache = model.new_cache(2)
    held = torch.tensor([True, False])
    for t in range(3):
        model.step(input_at(batch, t, cache), cache)
    before = cache.frame_stack.frames.clone()
    model.step(input_at(batch, 3, cache), cache, held)
    assert torch.equal(cache.frame_stack.frames[1], before[1])
    assert torch.equal(cache.frame_stack.frames[0, -1], batch["observation"][0, 3])
    assert torch.equal(cache.frame_stack.frames[0, :-1], before[0, 1:])


def test_a_stack_begins_with_an_episode():
    stack = FrameStack(2, 3, (1, 1, 1), torch.device("cpu"))
    batch = picture_histories(2, 5, schema_of((1, 1, 1)))
    batch["episode_step"] = torch.tensor([[0, 1, 0, 1, 2], [0, 1, 2, 3, 0]])
    inputs = step_inputs(batch)
    for t in range(5):
        at = type(inputs)(
            **{name: getattr(inputs, name)[:, t] for name in ("observation", "episode_step")},
            previous_action=None,
            previous_reward=None,
            previous_final_observation=None,
            is_first=inputs.is_first[:, t],
        )
        shown = stack.show(at.observation, at, None).flatten(1)
        numbers = frame_numbers(inputs, 3)[:, t]
        assert torch.equal(shown, batch["observation"].flatten()[numbers])


def test_only_pictures_are_stacked():
    with pytest.raises(InvalidArgument, match=r"model\.frame_stack must be 1 unless"):
        small_model(TransitionSchema(DiscreteObservation((9,)), 3, 6), frame_stack=2)
    with pytest.raises(InvalidArgument, match=r'model\.picture_encoder "projection"'):
        small_model(schema_of(), frame_stack=2, picture_encoder="projection")


@pytest.mark.parametrize("picture_encoder", ["patches", "convolutions"])
def test_poses_are_drawn_before_they_are_stacked(picture_encoder):
    schema = WaterMaze(picture=(16, 16)).transition_schema
    model = small_model(schema, frame_stack=3, picture_encoder=picture_encoder).eval()
    poses = random_histories(2, 9, schema)
    frames = dict(poses)
    for name in ("observation", "next_observation"):
        drawn = schema.observation.as_shown(poses[name].flatten(0, 1).numpy())
        frames[name] = torch.from_numpy(drawn).view(2, 9, 16, 16, 3)
    with torch.no_grad():
        seen = model(poses)
        assert torch.equal(model(frames), seen)
        torch.testing.assert_close(stream(model, poses), seen, rtol=1e-4, atol=1e-4)
