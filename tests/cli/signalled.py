"""A run in a fork that gets a signal while it trains."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from adfast.training.metrics import read_metrics
from cli.command_line import PROGRAM
from forked_python import ROOT, forked


def assert_signal_can_be_followed(run: Path, number: int, *arguments: Any, rows: int = 0) -> None:
    """Assert that `adfast run ARGUMENTS` on `run` ends by a signal in words, with its way on.

    The signal comes once there are more than `rows` rows of metrics.
    """
    command = [*PROGRAM[1:], "run", *arguments, "--run", run]
    with forked(command, os.environ | {"PYTHONPATH": str(ROOT)}, ROOT) as process:
        while len(read_metrics(run / "metrics.jsonl")) <= rows and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == 128 + number, stderr
    assert f"to continue: adfast run {run}" in stderr
    assert "Traceback" not in stderr
