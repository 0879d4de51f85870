"""Batches are a function of (seed, update), and windows that do not fit are refused at once."""

import numpy as np
import pytest
import torch

from adfast import histories
from adfast.errors import InvalidArgument
from adfast.histories.manifest import read_manifest, write_manifest
from adfast.models.checkpoint import read_tensors
from adfast.models.embedding.step_input import READ_FIELDS
from adfast.tasks.fields import Field
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.batches.batches import BatchSource
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.config import TrainingConfig
from adfast.training.loop import TrainingHooks
from adfast.training.train import train
from training.tiny_training import SCHEMA, TRAINING, make_trainer, random_store


@pytest.fixture(scope="module")
def store():
    return random_store()


def draw(store, seed, update, **settings):
    config = TrainingConfig.from_mapping(TRAINING | settings)
    return BatchSource(store, config, seed)(update)


def test_batch_is_a_function_of_seed_and_update(store):
    once, again = draw(store, 3, 7), draw(store, 3, 7)
    assert once.keys() == set(READ_FIELDS)
    for name, values in once.items():
        assert values.shape[:2] == (TRAINING["batch_size"], TRAINING["context_length"])
        assert torch.equal(values, again[name])
    for seed, update in ((3, 8), (4, 7)):
        assert not torch.equal(once["observation"], draw(store, seed, update)["observation"])


def test_batches_that_are_held_do_not_change(store):
    source = BatchSource(store, TrainingConfig.from_mapping(TRAINING), 0)
    held = [source(update) for update in range(6)]
    copies = [batch["observation"].clone() for batch in held]
    for update in range(6, 20):
        source(update)
    for batch, copy in zip(held, copies, strict=True):
        assert torch.equal(batch["observation"], copy)


@pytest.mark.parametrize(("align", "starts"), [("episode", {0}), ("step", {0, 1, 2, 3, 4})])
def test_windows_start_where_the_recipe_says(store, align, starts):
    drawn = draw(store, 0, 0, batch_size=200, align=align)["episode_step"]
    assert set(drawn[:, 0].tolist()) == starts


def test_window_longer_than_every_history_is_refused(store):
    with pytest.raises(InvalidArgument, match=r"training\.context_length: .*at most 30.*got 31"):
        draw(store, 0, 0, context_length=31)


def test_filling_writes_the_same_batch(store):
    source = BatchSource(store, TrainingConfig.from_mapping(TRAINING), 3)
    out = {name: np.full_like(values.numpy(), 77) for name, values in source(0).items()}
    source.fill(5, out)
    for name, values in source(5).items():
        assert (out[name] == values.numpy()).all()


def with_value(path, schema, field, row, value):
    """A store of another program: 3 histories of 20 rows, `value` in row `row` of the second."""
    plain = histories.FieldSchema(
        {name: Field(about.dtype, about.shape) for name, about in schema.fields.items()}
    )
    arrays = {name: np.zeros((60, *f.shape), f.dtype) for name, f in plain.fields.items()}
    arrays["episode_step"][:] = np.arange(60) % 5
    arrays[field].reshape(60, -1)[20 + row, -1] = value
    with histories.create(path, plain, num_blocks=1) as writer:
        writer.append_block(0, arrays, np.full(3, 20))
    manifest = read_manifest(path)
    write_manifest(path, manifest.model_copy(update={"transition": schema.to_dict()}))
    return histories.open(path)


def with_nan(path, schema, field, row):
    """The same with NaN, which no schema lets through: written into the file."""
    store = with_value(path, schema, field, row, 1234.5)
    shard = path / "block-000000.safetensors"
    content = shard.read_bytes()
    assert content.count(np.float32(1234.5).tobytes()) == 1
    shard.write_bytes(content.replace(np.float32(1234.5).tobytes(), np.float32(np.nan).tobytes()))
    return histories.open(path), store


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("action", r"action must be in 0\.\.4, got 200"),
        ("episode_step", r"episode_step must be in 0\.\.4, got 200"),
        ("observation", r"observation\[1\] must be in 0\.\.3, got 200"),
        ("next_observation", r"next_observation\[1\] must be in 0\.\.3, got 200"),
    ],
)
@pytest.mark.parametrize("fills", [False, True])
def test_value_of_another_program_that_the_schema_does_not_know_is_named(
    tmp_path, field, message, fills
):
    store = with_value(tmp_path, SCHEMA, field, 7, 200)
    config = TrainingConfig.from_mapping(TRAINING | {"batch_size": 40, "align": "step"})
    source = BatchSource(store, config, 0)
    whole = SCHEMA.allocate(40, config.context_length)
    out = {name: whole[name] for name in READ_FIELDS}
    with pytest.raises(InvalidArgument, match=rf"^{message} in history 1, row 7$"):
        source.fill(0, out) if fills else source(0)


@pytest.mark.parametrize("field", ["observation", "next_observation", "reward"])
def test_number_of_another_program_that_is_not_finite_is_named(tmp_path, field):
    real = RealObservation("float32", (2,))
    schema = TransitionSchema(real, 5, 5, "float32")
    store, _ = with_nan(tmp_path / "store", schema, field, 7)
    with pytest.raises(InvalidArgument, match=r" must be finite in float32, got nan in history 1"):
        draw(store, 0, 0, batch_size=40, align="step")
    if field != "next_observation":
        with pytest.raises(InvalidArgument, match=rf"^{field}.* got nan in history 1, row 7$"):
            train(store, tmp_path / "run", training=TrainingConfig(updates=1, context_length=5))


def too_short_histories():
    """Two of three histories hold 15 transitions, the third 30."""
    whole = random_store(num_histories=3)
    (block,) = whole.blocks
    rows = np.r_[0:15, 30:45, 60:90]
    arrays = {name: array[rows] for name, array in block.fields.items()}
    return histories.from_arrays(SCHEMA, arrays, np.array([15, 15, 30]))


SENTENCE = (
    r"2 of 3 histories \(30 of 60 transitions\) are never drawn: they hold no window of "
    r"training\.context_length = 20 transitions that begins with an episode; shorten the context"
)


def test_histories_that_are_never_drawn_are_said_once_and_recorded(tmp_path):
    with pytest.warns(UserWarning, match=SENTENCE) as said:
        state = make_trainer(tmp_path, store=too_short_histories(), metrics_every=1).run()
    assert len(said) == 1
    counts = {"histories": 2, "transitions": 30, "all_histories": 3, "all_transitions": 60}
    assert state.undrawn == counts
    _, metadata = read_tensors(newest_checkpoint(tmp_path / "checkpoints"))
    assert metadata["training"]["undrawn"] == counts


def test_whoever_trains_may_say_it_in_its_own_way(tmp_path):
    said = []
    hooks = TrainingHooks(say=said.append)
    make_trainer(tmp_path, store=too_short_histories(), align="step", hooks=hooks).run()
    (sentence,) = said
    assert "hold no window of training.context_length = 20 transitions; shorten" in sentence
