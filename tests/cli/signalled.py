"""A run in a process of its own that gets a signal while it trains."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from adfast.training.metrics import read_metrics
from cli.command_line import PROGRAM


def assert_signal_can_be_followed(run: Path, number: int, *arguments: Any, rows: int = 0) -> None:
    """Assert that `adfast run ARGUMENTS` on `run` ends by a signal in words, with its way on.

    The signal comes once there are more than `rows` rows of metrics.
    """
    process = subprocess.Popen(
        [*PROGRAM, "run", *arguments, "--run", run],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while len(read_metrics(run / "metrics.jsonl")) <= rows and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 128 + number, stderr
    assert f"to continue: adfast run {run}" in stderr
    assert "Traceback" not in stderr
