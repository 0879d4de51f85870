"""Several processes train the model that one trains, whatever their number and what each has of it.

All trainings are carried out by one program, once (`parallel_program.py`); tests look at what they
left.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adfast.models.checkpoint import OPTIMIZER_PREFIX, load_model, read_tensors
from adfast.training.metrics import read_metrics
from training.tiny_training import TRAINING

pytestmark = pytest.mark.slow  # one program trains twenty models, a process or three at a time

PROGRAM = Path(__file__).with_name("parallel_program.py")
LIMIT_SECONDS = 3600  # of the program, beside whatever else runs
NOTICED_SECONDS = 30  # by which who trained with a process that was killed has ended
NUM_UPDATES = 50
UPDATES = {"updates": NUM_UPDATES, "checkpoint_every": 25}
FSDP = {"data_parallel": "fsdp"}
CUT = {"context_ranks": 2}  # of a window as long as a share
MONITORED = {"evaluate_every": 25}
EXACT = {"dtype": "float64", "model": {"qk_norm": True}}
TWO = {"processes": 2}
# Carried out in this order; where a directory is named again, the training there is gone on with.
CASES = [
    EXACT | {"directory": "float64", "training": UPDATES},
    EXACT | TWO | {"directory": "float64-ddp", "training": UPDATES},
    EXACT | TWO | {"directory": "float64-fsdp", "training": UPDATES | FSDP},
    EXACT | TWO | {"directory": "float64-context", "training": UPDATES | CUT | FSDP | MONITORED},
    EXACT | {"directory": "float64-rows-and-context", "training": UPDATES | CUT, "processes": 4},
    TWO | {"directory": "float32-context", "training": UPDATES | CUT},
    {"directory": "float32", "training": UPDATES | MONITORED},
    TWO | {"directory": "float32-ddp", "training": UPDATES | MONITORED},
    TWO | {"directory": "float32-fsdp", "training": UPDATES | MONITORED | FSDP},
    EXACT | {"directory": "whole"},
    EXACT | {"directory": "resumed", "stop_after": 3},
    EXACT | {"directory": "resumed", "training": FSDP, "processes": 3, "stop_after": 3},
    EXACT | TWO | {"directory": "resumed", "training": FSDP, "stop_after": 2},
    EXACT | {"directory": "resumed"},
    EXACT | TWO | {"directory": "killed", "training": FSDP, "killed_after": 6},
    EXACT | TWO | {"directory": "killed", "training": FSDP},
    EXACT | TWO | {"directory": "killed-context", "training": CUT, "killed_after": 6},
    EXACT | TWO | {"directory": "killed-context", "training": CUT},
    EXACT | TWO | {"directory": "full", "training": FSDP, "full_after": 6},
    EXACT | TWO | {"directory": "full", "training": FSDP},
    EXACT | TWO | {"directory": "poisoned", "poisoned_after": 6},
    {"directory": "rounded", "training": {"precision": "bfloat16"}},
    TWO | {"directory": "rounded-ddp", "training": {"precision": "bfloat16"}},
    TWO
    | {
        "directory": "rounded-fsdp",
        "training": {"precision": "bfloat16", "activation_checkpointing": True} | FSDP,
    },
    {"directory": "dropped", "training": {"threads": 2}, "model": {"dropout": 0.1}},
    TWO | {"directory": "dropped-ddp", "model": {"dropout": 0.1}},
    {"directory": "crowded", "training": {"batch_size": 2}, "processes": 3},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parallel")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    arguments = [json.dumps(case) for case in CASES]
    subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), *arguments],
        env=environment,
        timeout=LIMIT_SECONDS,
        check=True,
    )
    return folder


def rows_of(folder, name):
    assert not [e for e in errors_of(folder, name) if e["type"] != "TrainingInterrupted"]
    return read_metrics(folder / name / "metrics.jsonl")


def errors_of(folder, name):
    file = folder / f"{name}.errors"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def greatest_difference(folder, name, other, number="loss"):
    pairs = zip(rows_of(folder, name), rows_of(folder, other), strict=True)
    return max(abs(row[number] - other_row[number]) for row, other_row in pairs)


def last_tensors(folder, name, updates=TRAINING["updates"]):
    tensors, metadata = read_tensors(
        folder / name / "checkpoints" / f"update-{updates:08d}.safetensors"
    )
    return tensors, metadata["training"]


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-5)])
def test_two_processes_train_as_one_does(folder, dtype, tolerance, parallel):
    name = f"{dtype}-{parallel}"
    rows = rows_of(folder, name)
    assert [row["update"] for row in rows] == list(range(1, NUM_UPDATES + 1))
    assert rows[0]["loss"] - rows[-1]["loss"] > 0.1  # it learns
    assert greatest_difference(folder, name, dtype) < tolerance
    assert greatest_difference(folder, name, dtype, "tokens") == 0
    (tensors, state), (expected, _) = (last_tensors(folder, n, NUM_UPDATES) for n in (name, dtype))
    assert state["processes"] == 2
    assert tensors.keys() == expected.keys()
    for key, tensor in tensors.items():
        assert tensor.shape == expected[key].shape
        torch.testing.assert_close(tensor, expected[key], rtol=0, atol=100 * tolerance)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("float64-context", 1e-9), ("float64-rows-and-context", 1e-9), ("float32-context", 1e-5)],
)
def test_processes_with_a_run_of_each_context_train_as_one_does(folder, name, tolerance):
    alone = name.split("-")[0]
    assert len(rows_of(folder, name)) == NUM_UPDATES
    assert greatest_difference(folder, name, alone) < tolerance
    assert greatest_difference(folder, name, alone, "tokens") == 0
    (tensors, _), (expected, _) = (last_tensors(folder, n, NUM_UPDATES) for n in (name, alone))
    for key, tensor in tensors.items():
        torch.testing.assert_close(tensor, expected[key], rtol=0, atol=100 * tolerance)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_whole_models_are_evaluated_and_loaded(folder, parallel):
    returns = [
        [row["validation_return"] for row in rows_of(folder, name) if "validation_return" in row]
        for name in ("float32", f"float32-{parallel}")
    ]
    assert returns[0] == pytest.approx(returns[1], abs=1e-4)
    assert len(returns[0]) == 2
    model = load_model(
        folder / f"float32-{parallel}" / "checkpoints" / f"update-{NUM_UPDATES:08d}.safetensors"
    )
    assert model.head.shape == (5, 16)


def test_shares_are_resumed_by_any_number_of_processes(folder):
    assert [row["update"] for row in rows_of(folder, "resumed")] == list(range(1, 13))
    assert greatest_difference(folder, "resumed", "whole") < 1e-9
    stopped = errors_of(folder, "resumed")
    assert len(stopped) == 1 + 3 + 2  # all of them, though one alone was asked to
    assert {error["message"].split()[4].rstrip(";") for error in stopped} == {"3", "6", "8"}
    assert ".distributed" in stopped[-1]["message"]
    tensors, state = last_tensors(folder, "resumed")
    expected, expected_state = last_tensors(folder, "whole")
    assert state["processes"] == 1
    assert state["tokens"] == expected_state["tokens"]
    for key, tensor in tensors.items():
        torch.testing.assert_close(tensor, expected[key], rtol=0, atol=1e-9)
    assert any(key.startswith(OPTIMIZER_PREFIX) for key in tensors)


@pytest.mark.parametrize("name", ["killed", "killed-context"])
def test_processes_end_when_one_is_killed_and_go_on_from_what_was_saved(folder, name):
    (error,) = errors_of(folder, name)
    assert error["rank"] == 0
    assert error["type"] == "OtherProcessEnded"
    assert "another one has failed or was ended" in error["message"]
    assert error["time"] - float((folder / f"{name}.time").read_text()) < NOTICED_SECONDS
    expected, _ = last_tensors(folder, "whole")
    for key, tensor in last_tensors(folder, name)[0].items():
        torch.testing.assert_close(tensor, expected[key], rtol=0, atol=1e-9)


def test_full_disk_of_one_process_stops_all_and_costs_nothing_that_was_saved(folder):
    errors = errors_of(folder, "full")
    assert [error["type"] for error in errors] == ["WriteError"] * 2
    assert all("update-00000008.distributed" in error["message"] for error in errors)
    expected, _ = last_tensors(folder, "whole")
    for key, tensor in last_tensors(folder, "full")[0].items():
        torch.testing.assert_close(tensor, expected[key], rtol=0, atol=1e-9)
    assert [row["update"] for row in read_metrics(folder / "full" / "metrics.jsonl")] == list(
        range(1, 13)
    )


def test_all_stop_where_one_meets_what_is_not_finite(folder):
    errors = errors_of(folder, "poisoned")
    assert [error["type"] for error in errors] == ["NotFinite"] * 2
    assert all("training stopped at update 7" in error["message"] for error in errors)
    assert sorted(p.name for p in (folder / "poisoned" / "checkpoints").iterdir()) == [
        "update-00000004.safetensors"
    ]


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_blocks_in_bfloat16_are_trained_as_by_one_process(folder, parallel):
    assert greatest_difference(folder, f"rounded-{parallel}", "rounded") < 0.02


def test_processes_drop_what_as_many_threads_do(folder):
    assert greatest_difference(folder, "dropped-ddp", "dropped") < 1e-5


def test_more_processes_than_rows_are_refused(folder):
    errors = errors_of(folder, "crowded")
    assert [error["type"] for error in errors] == ["InvalidArgument"] * 3
    assert "training.batch_size must be at least 3" in errors[0]["message"]
    assert not (folder / "crowded").exists()
