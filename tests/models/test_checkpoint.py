import errno

import pytest
import torch
from model_cases import SCHEMA, random_histories, small_model
from safetensors.torch import save_file

from adfast import durable
from adfast.errors import CheckpointError, WriteError
from adfast.models import checkpoint
from adfast.models.checkpoint import (
    describe_model,
    load_model,
    load_weights,
    read_tensors,
    save_model,
    write_tensors,
)


def test_a_saved_model_comes_back_whole(tmp_path):
    model = small_model(attention_window=[4, None], qk_norm=True, seed=5)
    save_model(tmp_path / "model.safetensors", model)
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.config == model.config
    assert loaded.schema == SCHEMA
    assert not loaded.training
    batch = random_histories(2, 12)
    assert torch.equal(loaded(batch), model(batch))


def test_a_model_that_names_no_attention_backend_is_one_of_auto(tmp_path):
    model = small_model()
    description = describe_model(model)
    del description["model"]["attention_backend"]  # as earlier versions wrote it
    write_tensors(tmp_path / "model.safetensors", model.state_dict(), description)
    assert load_model(tmp_path / "model.safetensors").attention_backend == "auto"
    save_model(tmp_path / "named.safetensors", small_model(attention_backend="banded"))
    assert load_model(tmp_path / "named.safetensors").attention_backend == "banded"


def test_tensors_and_metadata_come_back_as_written(tmp_path):
    path = tmp_path / "state.safetensors"
    shared = torch.arange(6.0)
    tensors = {
        "a": shared.view(2, 3).t(),  # neither contiguous nor the only owner of its memory
        "b": shared,
        "step": torch.tensor(7),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "empty": torch.zeros(0, 4),
    }
    write_tensors(path, tensors, {"update": 3, "nested": {"x": [1, 2.5, None]}})
    found, metadata = read_tensors(path)
    assert metadata == {"update": 3, "nested": {"x": [1, 2.5, None]}}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_weights_of_another_shape_name_the_tensor_and_both_shapes(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, small_model(feed_forward_width=32))
    tensors, _ = read_tensors(path)
    with pytest.raises(
        CheckpointError,
        match=r"model\.safetensors: .*blocks\.0\.feed_forward_in must be torch\.float32 "
        r"\(48, 16\), found torch\.float32 \(32, 16\); build the model with the configuration",
    ):
        load_weights(small_model(feed_forward_width=48), tensors, path)


def test_missing_and_superfluous_weights_are_refused_and_change_nothing(tmp_path):
    path = tmp_path / "model.safetensors"
    model = small_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    deep, shallow = small_model(num_layers=3, seed=1), small_model(num_layers=1, seed=1)
    with pytest.raises(CheckpointError, match=r"blocks\.2\.\S+ is not part of this model"):
        load_weights(model, deep.state_dict(), path)
    with pytest.raises(CheckpointError, match=r"blocks\.1\.\S+ \(.*\) is missing"):
        load_weights(model, shallow.state_dict(), path)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, small_model())
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
            load_model(path)


def test_no_flipped_bit_changes_what_is_read(tmp_path):
    path = tmp_path / "state.safetensors"
    written = torch.randn(4, generator=torch.Generator().manual_seed(0))
    write_tensors(path, {"a": written}, {"update": 3})
    whole = path.read_bytes()
    noticed = 0
    bits = range(0, 8 * len(whole), 7)
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            tensors, metadata = read_tensors(path)
        except CheckpointError:
            noticed += 1
        else:  # for example a space between two tokens of the header that became a tab
            assert torch.equal(tensors["a"], written)
            assert metadata == {"update": 3}
    assert noticed > 0.9 * len(bits)


def test_missing_foreign_and_newer_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(CheckpointError, match="no such checkpoint; train first"):
        load_model(tmp_path / "none.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not written by adfast"):
        load_model(tmp_path / "foreign.safetensors")
    write_tensors(tmp_path / "state.safetensors", {"a": torch.ones(1)}, {"update": 1})
    with pytest.raises(CheckpointError, match="describes no model"):
        load_model(tmp_path / "state.safetensors")
    monkeypatch.setattr(checkpoint, "FORMAT_VERSION", 99)
    save_model(tmp_path / "newer.safetensors", small_model())
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"format 99 is newer than 1.*update adfast"):
        load_model(tmp_path / "newer.safetensors")


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_model(path, small_model(seed=1))
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(durable.os, "fsync", fail)
    with pytest.raises(WriteError, match=r"cannot write .* disk full; free space"):
        save_model(path, small_model(seed=2))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
