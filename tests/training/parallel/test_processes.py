"""Processes share the rows of a batch, and one by itself has all."""

import pytest
import torch

from adfast.errors import InvalidArgument
from adfast.training.config import TrainingConfig
from adfast.training.execution import resolve_execution
from adfast.training.parallel.processes import ALONE, Processes, together


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_row_is_of_one_process(size):
    shares = [Processes(rank, size).rows(7) for rank in range(size)]
    assert [row for share in shares for row in share] == list(range(7))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_process_by_itself_agrees_with_itself():
    with together() as processes:
        assert processes == ALONE
        assert processes.any(True)
        assert not processes.any(False)
        assert processes.first(lambda: 3) == 3
        assert processes.sum(torch.ones(2)).tolist() == [1, 1]
        with pytest.raises(RuntimeError, match="gloo"), processes.noticing_ends():
            raise RuntimeError("gloo")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 1}, "training.batch_size must be at least 2"),
        (
            {"precision": "bfloat16", "activation_checkpointing": True},
            'needs training.data_parallel = "fsdp"',
        ),
    ],
)
def test_what_processes_cannot_do_together_is_refused(settings, message):
    config = TrainingConfig(device="cpu", **settings)
    resolve_execution(config, "auto", 16)
    with pytest.raises(InvalidArgument, match=message):
        resolve_execution(config, "auto", 16, Processes(0, 2, 0, 2))


def test_processes_that_cut_contexts_have_the_same_rows():
    rows = [Processes(rank, 6).rows(7, context_ranks=3) for rank in range(6)]
    assert rows == [range(3)] * 3 + [range(3, 7)] * 3
    assert Processes(1, 2).rows(1, context_ranks=2) == range(1)


@pytest.mark.parametrize(
    ("settings", "processes", "message"),
    [
        (
            {"context_ranks": 2},
            ALONE,
            r"context_ranks must divide .* \(1\), got 2; start a multiple",
        ),
        ({"context_ranks": 3}, Processes(0, 4), r"context_ranks must divide .* \(4\), got 3"),
        (
            {"context_ranks": 4, "context_length": 3},
            Processes(0, 4),
            "must be at most training.con",
        ),
    ],
)
def test_contexts_that_cannot_be_cut_are_refused(settings, processes, message):
    config = TrainingConfig(device="cpu", **settings)
    with pytest.raises(InvalidArgument, match=message):
        resolve_execution(config, "auto", 16, processes)
