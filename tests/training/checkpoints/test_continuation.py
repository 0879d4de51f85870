"""A training is continued by itself alone; what differs is named with both values."""

import numpy as np
import pytest
import torch

from adfast import histories
from adfast.errors import CheckpointError
from adfast.models.checkpoint import read_tensors, write_tensors
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.checkpoints.continuation import MAY_CHANGE, RECORD
from adfast.training.config import TrainingConfig
from training.tiny_training import TRAINING, make_trainer, random_store


@pytest.fixture(scope="module")
def store():
    return random_store()


@pytest.fixture
def trained(tmp_path, store):
    make_trainer(tmp_path, store=store).run()
    return tmp_path


def changed_reward(store):
    """The same histories but for one reward."""
    (block,) = store.blocks
    arrays = {name: array.copy() for name, array in block.fields.items()}
    arrays["reward"][7] += 1
    return histories.from_arrays(store.schema, arrays, np.diff(block.offsets))


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"attention_window": 3}}, r"model\.attention_window: 10, asked 3"),
        ({"model": {"width": 32}}, r"model\.width: 16, asked 32"),
        ({"model": {"num_layers": 2}}, r"model\.num_layers: 1, asked 2"),
        ({"optimizer": "adamw"}, r"training\.optimizer: 'muon', asked 'adamw'"),
        ({"batch_size": 9}, r"training\.batch_size: 4, asked 9"),
        ({"betas": (0.8, 0.98)}, r"training\.betas: \[0\.9, 0\.98\], asked \[0\.8, 0\.98\]"),
        ({"seed": 6, "context_length": 10}, r"seed: 5, asked 6; training\.context_length: 20, as"),
    ],
)
def test_other_settings_are_refused_by_name_and_change_nothing(trained, store, change, message):
    before = files_of(trained)
    trainer = make_trainer(trained, store=store, **change)
    weights = [parameter.clone() for parameter in trainer.model.parameters()]
    with pytest.raises(CheckpointError, match=message + r".*or train in another directory"):
        trainer.run(resume=True)
    assert files_of(trained) == before
    assert all(map(torch.equal, trainer.model.parameters(), weights))


def test_other_histories_are_refused(trained, store):
    for other in (changed_reward(store), random_store(num_histories=5)):
        with pytest.raises(CheckpointError, match=r"histories\.digest: '\w+', asked '\w+'"):
            make_trainer(trained, store=other).run(resume=True)
    with pytest.raises(CheckpointError, match=r"histories\.transitions: 180, asked 150"):
        make_trainer(trained, store=other).run(resume=True)


def test_the_same_histories_may_have_gone_to_disk(trained, store, tmp_path):
    (block,) = store.blocks
    with histories.create(tmp_path / "store", store.schema, num_blocks=1) as writer:
        writer.append_block(0, block.fields, np.diff(block.offsets))
    make_trainer(trained, store=histories.open(tmp_path / "store")).run(resume=True)


def test_what_only_says_where_and_how_often_may_change(trained, store):
    assert set(TrainingConfig.model_fields) >= MAY_CHANGE
    state = make_trainer(
        trained, store=store, updates=16, threads=2, checkpoint_every=5, metrics_every=2
    ).run(resume=True)
    assert (state.update, state.threads) == (16, 1)


def test_fewer_updates_than_are_done_are_refused(trained, store):
    with pytest.raises(CheckpointError, match=r"has 12 updates and training\.updates is 8"):
        make_trainer(trained, store=store, updates=8).run(resume=True)


def test_a_checkpoint_without_a_record_is_compared_as_far_as_it_goes(trained, store):
    newest = newest_checkpoint(trained / "checkpoints")
    tensors, metadata = read_tensors(newest)
    for part in (metadata, metadata["training"]["description"]):
        del part[RECORD]
    del metadata["training"]["undrawn"]  # which earlier versions did not have
    write_tensors(newest, tensors, metadata)
    with pytest.raises(CheckpointError, match=r"\(model\.attention_window: 10, asked 3\)"):
        make_trainer(trained, store=store, model={"attention_window": 3}).run(resume=True)
    state = make_trainer(trained, store=store, updates=TRAINING["updates"] + 4).run(resume=True)
    assert state.description[RECORD]["seed"] == 5
    _, metadata = read_tensors(newest_checkpoint(trained / "checkpoints"))
    assert metadata[RECORD]["training"]["batch_size"] == TRAINING["batch_size"]
