"""A run that takes seconds, carried out once; tests that change it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.command_line import Ended, adfast

RECIPE = """
seed = 3
[family]
name = "dark-room"
options = { size = 5, episode_length = 10 }
[collection]
held_out = 5
validation = 3
histories_per_task = 4
episodes = 10
block_histories = 20
threads = 1
[model]
num_layers = 1
width = 16
feed_forward_width = 32
attention_window = 20
[training]
updates = 12
batch_size = 4
context_length = 20
warmup_updates = 2
metrics_every = 3
checkpoint_every = 4
evaluate_every = 6
threads = 1
[evaluation]
episodes = 6
seeds = 2
train_tasks = 3
monitor_episodes = 2
"""


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "tiny_room.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="session")
def first_call(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """The directory of a finished run that no test changes, and how `adfast run` ended."""
    directory = tmp_path_factory.mktemp("runs") / "tiny-room"
    return directory, adfast("run", recipe, "--run", directory, draws=True)


@pytest.fixture(scope="session")
def finished_run(first_call: tuple[Path, Ended]) -> Path:
    directory, ended = first_call
    assert ended.status == 0, ended.stderr
    return directory


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "copy"))


@pytest.fixture(scope="session")
def collected_run(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which only the histories are there."""
    directory = tmp_path_factory.mktemp("collected") / "tiny-room"
    assert adfast("collect", recipe, "--run", directory).status == 0
    return directory
