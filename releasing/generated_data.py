"""Generates data with the adfast that this Python has installed, and with what it brought alone.

It stands by itself: a bare environment runs it as a file, and cibuildwheel beside every wheel.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

# A run that goes through every stage in a moment and learns nothing.
TINY = (
    "collection.histories_per_task=2",
    "collection.episodes=24",
    "model.attention_window=20",
    "training.updates=2",
    "training.warmup_updates=0",
    "training.batch_size=2",
    "training.context_length=40",
    "training.threads=1",
    "training.evaluate_every=none",
    "evaluation.episodes=2",
    "evaluation.seeds=1",
    "evaluation.train_tasks=1",
)
SETTINGS = tuple(part for setting in TINY for part in ("--set", setting))
NOT_OF_DATA = ("torch", "triton", "matplotlib", "plotly", "scipy")


def main() -> None:
    """Collect, verify and read a few histories; raises `AssertionError` with what is wrong."""
    import adfast

    installed = Path(sysconfig.get_path("platlib"))
    assert Path(adfast.__file__).is_relative_to(installed), f"another adfast: {adfast.__file__}"
    there = [package for package in NOT_OF_DATA if find_spec(package) is not None]
    assert not there, f"generating data needs none of {there}, and they are installed"
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        assert call("collect", "dark-room", "--run", run, *SETTINGS)[0] == 0
        assert "all as written" in call("histories", "verify", run / "histories")[1]
        store = adfast.Run.open(run).histories
        assert store.num_transitions > 0, store
        status, said = call("run", "dark-room", "--run", run, *SETTINGS)
        assert status == 1, said
        assert 'pip install "adfast[train,report]"' in said, said
    print(f"adfast {adfast.__version__} generates data: {store}")


def call(*arguments: object) -> tuple[int, str]:
    """The status of `adfast ARGUMENTS`, and what it printed."""
    command = [sys.executable, "-m", "adfast", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


if __name__ == "__main__":
    main()
