"""Pictures: their features are what plain convolutions say; acting sees what training saw."""

from itertools import product

import numpy as np
import pytest
import torch
from model_cases import random_histories, small_model, stream

from adfast import tasks
from adfast.errors import CheckpointError, InvalidArgument
from adfast.models.checkpoint import load_model, read_tensors, save_model, write_tensors
from adfast.models.embedding import (
    patches,
    picture_encoders,
    picture_features,
    transition_embedding,
)
from adfast.models.embedding.patches import as_patches
from adfast.models.embedding.picture_encoders import PICTURE_ENCODERS
from adfast.models.embedding.picture_features import ConvolutionFeatures, PatchFeatures
from adfast.models.embedding.step_input import step_inputs
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from reference import picture_features as reference

SHAPES = [(16, 16), (24, 32, 3), (17, 33, 1), (84, 84, 1), (20, 16, 4), (72, 96, 3)]
FEATURES = {
    PatchFeatures: reference.patch_features,
    ConvolutionFeatures: reference.convolution_features,
}


def schema_of(shape=(17, 20, 3)):
    return TransitionSchema(RealObservation("uint8", shape), 3, 6)


def maze_schema():
    return tasks.make("water-maze", picture=(17, 20), episode_length=6).transition_schema


def picture_histories(num_histories, length, schema, seed=0):
    """Random rows whose pixels are in 0 .. 255."""
    batch = random_histories(num_histories, length, schema, seed)
    generator = torch.Generator().manual_seed(seed)
    for name in ("observation", "next_observation"):
        batch[name].random_(0, 256, generator=generator)
    return batch


def random_pictures(num, picture):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num, *picture), generator=generator, dtype=torch.uint8)


def made(features_class, picture, width=16, dropout=0.0):
    features = features_class(picture, width, dropout, torch.Generator().manual_seed(0))
    features.normalise_by(random_pictures(20, picture))
    return features


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("sides", [(4,), (2, 4), (2, 2, 4)])
@pytest.mark.parametrize("picture", [(16, 32, 3), (17, 31, 1), (3, 5, 4), (40, 23, 2)])
def test_patches_lie_as_they_are_joined(picture, sides, dtype):
    pictures = random_pictures(3, picture).to(dtype)
    expected = reference.patches(pictures.numpy(), sides)
    for laid_out in (pictures, pictures.flip(1).flip(1), pictures[0:0]):
        moved = as_patches(laid_out, sides)
        np.testing.assert_array_equal(moved.numpy(), expected[: len(expected) * len(laid_out) // 3])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("features_class", FEATURES)
def test_features_and_gradients_are_those_of_plain_convolutions(features_class, shape):
    picture = RealObservation("uint8", shape).picture
    features = made(features_class, picture)
    pictures = random_pictures(5, picture)
    seen, expected = features(pictures, None), FEATURES[features_class](features, pictures)
    assert seen.shape == (5, features.size)
    torch.testing.assert_close(seen, expected.float(), rtol=1e-4, atol=1e-4)
    assert 0.2 < float(seen.detach().square().mean().sqrt()) < 2
    direction = torch.randn(seen.shape, generator=torch.Generator().manual_seed(1))
    own = torch.autograd.grad((seen * direction).sum(), list(features.parameters()))
    plain = torch.autograd.grad((expected * direction).sum(), list(features.parameters()))
    for gradient, definition in zip(own, plain, strict=True):
        scale = float(definition.abs().max())
        torch.testing.assert_close(gradient, definition, rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize("features_class", FEATURES)
def test_features_of_a_picture_depend_on_no_other(features_class):
    features = made(features_class, (24, 32, 3))
    pictures = random_pictures(300, (24, 32, 3))
    with torch.no_grad():
        together = features(pictures, None)
        assert features(pictures[:0], None).shape == (0, features.size)
        torch.testing.assert_close(features(pictures[7:8], None), together[7:8])
        torch.testing.assert_close(features(pictures.float(), None), together)


@pytest.mark.parametrize(
    ("encoder", "layout", "shape"),
    [
        *product(PICTURE_ENCODERS, ["one-token", "three-token"], [(17, 20, 3)]),
        *product(PICTURE_ENCODERS, ["one-token"], [(16, 16), (24, 32, 4)]),
        ("projection", "one-token", (17, 20, 3)),
    ],
)
def test_streaming_equals_the_forward_pass(encoder, layout, shape):
    schema = schema_of(shape)
    model = small_model(schema, attention_window=8, layout=layout, picture_encoder=encoder)
    batch = picture_histories(3, 40, schema)
    model.embedding.normalise_by(batch["observation"].numpy()[0], batch["reward"].numpy()[0])
    with torch.no_grad():
        expected = model(batch)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(stream(model, batch), expected, rtol=0, atol=1e-4)
    as_read = {**batch, "observation": batch["observation"].float()}
    torch.testing.assert_close(stream(model, as_read), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("encoder", PICTURE_ENCODERS)
def test_where_nothing_can_be_asked_the_same_is_computed(encoder, monkeypatch):
    """As on a device and in compiled graphs."""
    schema = schema_of()
    model, batch = small_model(schema, picture_encoder=encoder), picture_histories(2, 13, schema)
    host = model(batch)
    host.sum().backward()
    expected = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    for module in (picture_encoders, patches, transition_embedding):
        monkeypatch.setattr(module, "can_examine", lambda _: False)
    unasked = model(batch)
    unasked.sum().backward()
    torch.testing.assert_close(unasked, host, rtol=1e-5, atol=1e-5)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-3)


def test_many_pictures_are_looked_at_by_pieces_with_the_same_dropout(monkeypatch):
    schema = schema_of()
    settings = {"picture_encoder": "convolutions", "picture_dropout": 0.5, "sequence_mask": 0.2}
    model = small_model(schema, **settings).train()
    batch, found = picture_histories(2, 13, schema), []
    pieces = model.embedding.real.features.picture_bytes * 10
    for most in (picture_features.MOST_BYTES, pieces, pieces):
        monkeypatch.setattr(picture_features, "MOST_BYTES", most)
        model.zero_grad()
        logits = model(batch, dropout_seed=3)
        logits.sum().backward()
        found.append([logits.detach(), *(parameter.grad for parameter in model.parameters())])
    for once_more, pieced in zip(*found[1:], strict=True):
        assert torch.equal(once_more, pieced)
    model.eval()  # in pieces each draws its own masks, so only without them all are the same
    with torch.no_grad():
        pieced = model(batch)
        monkeypatch.undo()
        torch.testing.assert_close(model(batch), pieced, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("encoder", PICTURE_ENCODERS)
def test_only_the_final_picture_of_an_ended_episode_is_seen(encoder):
    schema = schema_of()
    model, batch = small_model(schema, picture_encoder=encoder), picture_histories(2, 13, schema)
    embedding, seen = model.embedding, []
    tokens = embedding(step_inputs(batch))
    features, forward = embedding.real.features, embedding.real.features.forward
    features.forward = lambda pictures, noise: (
        seen.append(len(pictures)) or forward(pictures, noise)
    )
    batch["next_observation"][:, :5] ^= 1  # within the first episode; row 5 ends it
    assert torch.equal(tokens, embedding(step_inputs(batch)))
    assert seen == [26, 4]  # all observations, and two ends of episodes in each history
    batch["next_observation"][:, 5] ^= 255
    assert not torch.equal(tokens, embedding(step_inputs(batch)))
    inputs = step_inputs({name: values[:, :3] for name, values in batch.items()})
    embedding(inputs).sum().backward()  # no end is shown, which has a gradient too
    assert not embedding.real.final.grad.any()


@pytest.mark.parametrize("encoder", PICTURE_ENCODERS)
def test_dropout_is_keyed_and_acts_in_training_alone(encoder):
    schema = schema_of()
    settings = {"picture_encoder": encoder, "picture_dropout": 0.5}
    model, batch = small_model(schema, **settings), picture_histories(2, 13, schema)
    first, second = model.train()(batch, dropout_seed=1), model(batch, dropout_seed=2)
    assert torch.equal(first, model(batch, dropout_seed=1))
    assert not torch.equal(first, second)
    with pytest.raises(InvalidArgument, match="dropout_seed must be given"):
        model(batch)
    undropped = small_model(schema, picture_encoder=encoder).eval()
    assert torch.equal(model.eval()(batch), undropped(batch))


def test_colours_are_normalised_by_the_data(tmp_path):
    schema = schema_of()
    model, batch = small_model(schema), picture_histories(2, 12, schema)
    rows = batch["observation"][0].numpy() // [1, 2, 255] * [1, 1, 0] + [0, 0, 9]
    rows = np.concatenate([rows] * 10).astype(np.uint8)
    model.embedding.normalise_by(rows, batch["reward"].numpy()[0])
    features = model.embedding.real.features
    deviation = rows.reshape(-1, 3).std(axis=0)
    deviation[2] = 127.5  # a colour that never varies
    np.testing.assert_allclose(features.mean, rows.reshape(-1, 3).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(features.scale, 1 / deviation, rtol=1e-5)
    save_model(tmp_path / "model.safetensors", model)
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.config == model.config
    assert torch.equal(loaded(batch), model(batch))


def test_file_from_before_there_were_encoders_of_pictures_is_one_projection(tmp_path):
    path, schema = tmp_path / "model.safetensors", schema_of()
    model = small_model(schema, picture_encoder="projection")
    save_model(path, model)
    tensors, description = read_tensors(path)
    del description["model"]["picture_encoder"], description["model"]["picture_dropout"]
    write_tensors(path, tensors, description)
    batch = picture_histories(2, 9, schema)
    assert torch.equal(load_model(path)(batch), model(batch))
    description["model"]["picture_encoder"] = "patches"
    write_tensors(path, tensors, description)
    with pytest.raises(CheckpointError, match="of another model: tensor"):
        load_model(path)


def test_file_from_before_there_were_encoders_of_pictures_asks_for_none_without_pictures(tmp_path):
    path = tmp_path / "model.safetensors"
    model = small_model(tasks.make("dark-room").transition_schema)
    save_model(path, model)
    tensors, description = read_tensors(path)
    for name in ("picture_encoder", "picture_dropout", "frame_stack"):
        del description["model"][name]
    write_tensors(path, tensors, description)
    assert load_model(path).config == model.config


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_picture_that_is_not_finite_is_refused(dtype):
    schema = schema_of()
    batch = picture_histories(1, 8, schema)
    for name, row in (("observation", 2), ("next_observation", 5)):
        values = batch[name].to(dtype)
        values[0, row, 3, 3, 1] = np.nan
        with pytest.raises(InvalidArgument, match="observation must be finite"):
            small_model(schema).embedding(step_inputs({**batch, name: values}))


@pytest.mark.parametrize("encoder", [*PICTURE_ENCODERS, "projection"])
def test_poses_are_drawn_where_a_model_reads_them(encoder):
    """Acting, which is shown frames, equals training on what rows keep."""
    schema = maze_schema()
    model = small_model(schema, attention_window=8, picture_encoder=encoder)
    batch = random_histories(3, 40, schema)
    model.embedding.normalise_by(batch["observation"].numpy()[0], batch["reward"].numpy()[0])
    assert not model.embedding.rendered.features.mean.eq(127.5).any()
    with torch.no_grad():
        expected = model(batch)
    torch.testing.assert_close(stream(model, batch), expected, rtol=0, atol=1e-4)
    names = ("observation", "next_observation")
    frames = {
        name: torch.from_numpy(schema.observation.as_shown(batch[name].numpy())) for name in names
    }
    with torch.no_grad():
        assert torch.equal(model(batch | frames), expected)
    torch.testing.assert_close(stream(model, batch | frames), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("name", "row"), [("observation", 2), ("next_observation", 5)])
def test_pose_outside_the_schema_is_refused(name, row):
    schema = maze_schema()
    batch = random_histories(1, 8, schema)
    batch[name][0, row, 2] = 360
    with pytest.raises(InvalidArgument, match=r"observation must be below \(24577, 24577, 360\)"):
        small_model(schema).embedding(step_inputs(batch))
