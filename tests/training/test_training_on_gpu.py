"""On a card training learns, resumes, and waits for the device only where something is due."""

import numpy as np
import pytest
import torch

from adfast.training.batches.batches import BatchSource
from adfast.training.batches.prefetch import BatchPrefetcher
from adfast.training.batches.transfer import CudaTransfer
from adfast.training.checkpoints.checkpoints import TrainingState
from adfast.training.config import TrainingConfig
from adfast.training.gradients.captured_update import CapturedUpdate
from adfast.training.gradients.undivided_gradient import UndividedGradient
from adfast.training.metrics import read_metrics
from adfast.training.optimizers.optimizer import OptimizerGroup
from training.tiny_training import TRAINING, make_trainer, random_store

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("fresh_compiler")]

MODEL = {"width": 32, "num_heads": 2}  # heads of 16, the narrowest that the kernels take


@pytest.fixture(scope="module")
def store():
    return random_store()


def test_prefetched_batches_are_those_of_the_processor(store):
    source = BatchSource(store, TrainingConfig.from_mapping(TRAINING), seed=2)
    device = torch.device("cuda", torch.cuda.current_device())
    with BatchPrefetcher(source.fill, range(50), source(0), CudaTransfer(device)) as batch_of:
        for update in range(50):
            batch = batch_of(update)
            expected = source(update)
            assert all(torch.equal(batch[name].cpu(), expected[name]) for name in expected)


@pytest.mark.parametrize(
    "settings", [{}, {"optimizer": "adamw"}, {"packed": True}, {"precision": "float32"}]
)
def test_training_lowers_the_loss_as_on_the_processor(tmp_path, store, settings):
    settings = {"updates": 60, "metrics_every": 10, "store": store, "model": MODEL} | settings
    losses = {}
    for device in ("cpu", "cuda"):
        on_device = settings if device == "cuda" else settings | {"precision": "float32"}
        make_trainer(tmp_path / device, device=device, **on_device).run()
        losses[device] = [row["loss"] for row in read_metrics(tmp_path / device / "metrics.jsonl")]
    np.testing.assert_allclose(losses["cuda"], losses["cpu"], atol=0.1)
    assert losses["cuda"][-1] < 0.5 * losses["cuda"][0]


def test_checkpoint_of_either_device_resumes_on_the_other(tmp_path, store):
    settings = {"store": store, "model": MODEL, "precision": "float32", "compile": False}
    make_trainer(tmp_path / "whole", device="cpu", **settings).run()
    for name, first, then in (("there", "cpu", "cuda"), ("back", "cuda", "cpu")):
        make_trainer(tmp_path / name, device=first, **settings).run()
        newest = max((tmp_path / name / "checkpoints").iterdir())
        newest.unlink()  # to go on from the one before
        state = make_trainer(tmp_path / name, device=then, **settings).run(resume=True)
        assert state.update == TRAINING["updates"]
    losses = [
        read_metrics(tmp_path / name / "metrics.jsonl")[-1]["loss"]
        for name in ("whole", "there", "back")
    ]
    np.testing.assert_allclose(losses[1:], losses[0], atol=0.02)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_captured_updates_do_what_uncaptured_ones_do(tmp_path, store, dropout):
    """Of the same seeds they draw the same dropout, so losses part by rounding alone."""
    losses = {}
    for name in ("captured", "plain"):
        trainer = make_trainer(
            tmp_path / name, store=store, model=MODEL | {"dropout": dropout}, device="cuda"
        )
        gradient = UndividedGradient(trainer.model.train(), torch.bfloat16, compiler="inductor")
        captured = CapturedUpdate(gradient, trainer.optimizer)
        losses[name] = []
        for update in range(12):
            batch = {key: values.cuda() for key, values in trainer.batch_of(update).items()}
            if name == "captured":
                loss, _, norm = captured(update, batch, 7 + update)
            else:
                loss, _ = gradient(batch, 7 + update)
                norm = trainer.optimizer.step(update)
            losses[name].append([float(loss), float(norm)])
    np.testing.assert_allclose(losses["captured"], losses["plain"], rtol=0.02, atol=0.01)


@pytest.mark.parametrize("compiler", [None, "inductor"])
def test_an_update_waits_for_nothing(tmp_path, store, compiler):
    trainer = make_trainer(tmp_path, store=store, model=MODEL, device="cuda")
    device, state = trainer.execution.device, TrainingState()
    gradient = UndividedGradient(trainer.model.train(), torch.bfloat16, compiler=compiler)
    group = OptimizerGroup(trainer.model, trainer.config)
    captured = CapturedUpdate(gradient, group) if compiler is not None else None

    fill = trainer.batch_of.fill
    with BatchPrefetcher(fill, range(6), trainer.batch_of(0), CudaTransfer(device)) as batch_of:
        for update in range(6):
            batch = batch_of(update)
            # The first update compiles; the third is captured, which waits once.
            waits = update in (0, 1, 2)
            torch.cuda.set_sync_debug_mode("default" if waits else "error")
            try:
                if captured is not None:
                    state.accumulate(*captured(update, batch, 7)[:2])
                else:
                    state.accumulate(*gradient(batch, 7))
                    group.step(update)
            finally:
                torch.cuda.set_sync_debug_mode("default")
    assert np.isfinite(state.take_means()).all()
