"""Copies of adfast whose random rollout does some of its work twice, with the same results."""

import shutil
from pathlib import Path

from benchmarks import ROOT

ROLLOUT = "dark-room-random-rollout"
FILE = "adfast/simulators/random_rollout.py"
LOOP = "        for episode in range(num_episodes):\n"


def copy_package(tree: Path) -> Path:
    """`tree` with a copy of adfast in it."""
    return Path(shutil.copytree(ROOT / "adfast", tree / "adfast"))


def plant_slow_down(tree: Path, percent: int) -> None:
    """Have the rollout of `tree` play so many per cent of its episodes again."""
    longer = (
        f"        again = num_episodes * uint64({percent}) // uint64(100)\n"
        "        for turn in range(num_episodes + again):\n"
        "            episode = turn % num_episodes\n"
    )
    source = (tree / FILE).read_text()
    assert source.count(LOOP) == 1
    (tree / FILE).write_text(source.replace(LOOP, longer))
