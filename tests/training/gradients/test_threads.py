"""The thread count is measured without leaving a trace."""

import torch

from adfast.provenance import available_cores
from adfast.training.gradients.threads import measured_thread_count
from training.tiny_training import make_trainer


def test_measuring_changes_neither_model_nor_thread_count(tmp_path):
    trainer = make_trainer(tmp_path, model={"dropout": 0.1})
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    threads = torch.get_num_threads()
    assert 1 <= measured_thread_count(trainer.model, trainer.batch_of(0)) <= available_cores()
    assert torch.get_num_threads() == threads
    for name, parameter in trainer.model.named_parameters():
        assert torch.equal(parameter, before[name])
        assert parameter.grad is None
