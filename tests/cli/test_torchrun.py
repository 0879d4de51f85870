"""`torchrun -m adfast train`: stopped, bereft of a process and gone on with, it trains the same."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adfast.training.metrics import read_metrics
from cli.command_line import adfast
from forked_python import ROOT, ForkedProcess, forked
from machine.test_launch import TOLD
from small_run import RECIPE

LIMIT_SECONDS = 600  # of one command, beside whatever else runs
NOTICED_SECONDS = 30
# Muon would orthogonalise in another precision in one process, where that is fast.
SETTINGS = (
    "updates=150",
    "metrics_every=1",
    "checkpoint_every=20",
    "evaluate_every=none",
    "optimizer=adamw",
)
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


@pytest.fixture
def collected(tmp_path):
    recipe, run = tmp_path / "small.toml", tmp_path / "run"
    recipe.write_text(RECIPE)
    settings = [text for setting in SETTINGS for text in ("--set", f"training.{setting}")]
    assert adfast("collect", recipe, "--run", run, *settings).status == 0
    return run


@contextmanager
def launched(run: Path, *arguments: str) -> Iterator[ForkedProcess]:
    """torchrun, a fork, with two processes that train `run`."""
    processes = ["--standalone", "--nproc-per-node", "2", "--local-addr", "127.0.0.1"]
    command = ["-m", "torch.distributed.run", *processes, "-m", "adfast", "train", run, *arguments]
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    with forked(command, environment, ROOT) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)  # torchrun ends its processes itself
            process.wait(60)


def wait_for_update(process: ForkedProcess, run: Path, update: int) -> None:
    """Wait until the metrics of `run` reach `update`."""
    while process.poll() is None:
        rows = read_metrics(run / "metrics.jsonl")
        if rows and rows[-1]["update"] >= update:
            return
        time.sleep(0.05)


def process_of_rank(parent: int, rank: int) -> int:
    """The process that torchrun, which is `parent`, started as number `rank`."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    mark = f"RANK={rank}".encode()
    return next(
        int(child)
        for child in children
        if mark in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
    )


def said_by(process: ForkedProcess) -> str:
    """What `process` and all that it started said, once it has ended."""
    return process.communicate(timeout=LIMIT_SECONDS)[1]


@pytest.mark.slow
def test_training_survives_signals_and_lost_processes(collected, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(collected, alone)
    assert adfast("train", alone).status == 0

    with launched(collected) as process:
        wait_for_update(process, collected, 30)
        process.send_signal(signal.SIGTERM)
        said = said_by(process)
    assert said.count("training stopped after update") == 1, said
    assert f"to continue: torchrun ... -m adfast train {collected} --resume" in said

    with launched(collected, "--resume") as process:
        stopped = read_metrics(collected / "metrics.jsonl")[-1]["update"]
        wait_for_update(process, collected, stopped + 25)
        os.kill(process_of_rank(process.pid, 1), signal.SIGKILL)
        killed = time.monotonic()
        said = said_by(process)
        assert time.monotonic() - killed < NOTICED_SECONDS
    assert process.returncode != 0
    assert "adfast: process 0 of 2 stopped: another one has failed or was ended" in said, said

    with launched(collected, "--resume") as process:
        said = said_by(process)
    assert process.returncode == 0, said
    assert said.count("train     100%") == 1  # one of them shows how far it is
    rows, expected = (read_metrics(run / "metrics.jsonl") for run in (collected, alone))
    assert [row["update"] for row in rows] == [row["update"] for row in expected]
    assert max(abs(a["loss"] - b["loss"]) for a, b in zip(rows, expected, strict=True)) < 1e-3
    assert adfast("evaluate", collected).status == 0


def test_processes_do_together_what_train_does_and_no_more(monkeypatch, tmp_path):
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    answer = adfast("run", "dark-room", "--run", tmp_path / "run")
    assert answer.status == 2
    assert 'adfast knows "train" alone, got "run"; give this command without torchrun' in (
        answer.stderr
    )
    assert not (tmp_path / "run").exists()
