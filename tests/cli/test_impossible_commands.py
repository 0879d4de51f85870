"""A command that cannot be carried out changes no byte of a finished run, whatever is in its way.

The ways are those that the fault tests know: files that are missing, empty, cut or damaged, a disk
that is full, a run that another process works on, settings that no run could have.
"""

import errno
import os
import shutil
from contextlib import contextmanager, nullcontext
from unittest import mock

import pytest

from adfast.locks import LOCK_NAME, folder_lock
from adfast.runs.sweep.sweep import Sweep
from cli.command_line import adfast

REPEATING = ("train {run} --fresh", "evaluate {run} --fresh", "report {run}")
STARTING_OVER = ("run {run} --fresh", "collect {run} --fresh")
GOING_ON = ("run {run}", "collect {run}", "train {run} --resume", "evaluate {run} --json")
EVERY = (*REPEATING, *STARTING_OVER, *GOING_ON)
ALL_BUT_STARTING_OVER = (*REPEATING, *GOING_ON)


def empty(content):
    return b""


def half(content):
    return content[: len(content) // 2]


def cut_at_a_line(content):
    return b"".join(content.splitlines(keepends=True)[:-4])


def zeros(content):
    return bytes(len(content))


def damaged(name, change):
    """A way: the file `name` becomes what `change` makes of it; missing with None."""

    def prepare(run):
        (path,) = run.glob(name)
        if change is not None:
            path.write_bytes(change(path.read_bytes()))
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        return nullcontext()

    return prepare


def files_are_damaged(names, changes, commands):
    return [
        pytest.param(
            damaged(name, change), commands, id=f"{name} {getattr(change, '__name__', '-')}"
        )
        for name in names
        for change in changes
    ]


@contextmanager
def full_disk():
    def refuse(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with mock.patch.object(os, "posix_fallocate", refuse):
        yield


NEWEST = "checkpoints/update-00000012.safetensors"
BLOCK = "histories/block-000001.safetensors"
WAYS = [
    *files_are_damaged(["run.toml"], [empty, half, cut_at_a_line, zeros], EVERY),
    *files_are_damaged(["provenance.json"], [empty, half, zeros], ALL_BUT_STARTING_OVER),
    *files_are_damaged(["histories", "histories/manifest.json"], [None], REPEATING[:1]),
    *files_are_damaged(
        ["histories/manifest.json"], [empty, half, zeros],
        ("train {run} --fresh", "run {run}", "collect {run}"),
    ),
    *files_are_damaged([BLOCK], [empty, half], REPEATING[:1]),
    *files_are_damaged(["checkpoints", NEWEST], [None], REPEATING[1:2]),
    *files_are_damaged([NEWEST], [empty, half, zeros], REPEATING[1:2]),
    *files_are_damaged(
        ["evaluation.json"], [empty, half, zeros],
        ("run {run}", "evaluate {run} --json", "report {run}"),
    ),
    *files_are_damaged(["evaluation.json"], [None], REPEATING[2:]),
    *files_are_damaged(
        ["trajectories.safetensors", "attention.safetensors"], [empty, half], REPEATING[2:]
    ),
    *files_are_damaged(["metrics.jsonl"], [empty, half, cut_at_a_line, zeros], REPEATING[2:]),
    pytest.param(lambda run: folder_lock(run), EVERY, id="another process works on it"),
    pytest.param(lambda run: full_disk(), (*REPEATING, *STARTING_OVER), id="full disk"),
]  # fmt: skip


def content_of(folder):
    """Every byte below `folder`, and every name, but the holder's name in the locks."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != LOCK_NAME
    }


@pytest.mark.parametrize(("prepare", "commands"), WAYS)
def test_command_that_is_impossible_changes_no_byte(run_copy, prepare, commands):
    with prepare(run_copy):
        before = content_of(run_copy)
        for command in commands:
            ended = adfast(*command.format(run=run_copy).split())
            assert ended.status in (1, 2), (command, ended)
            assert content_of(run_copy) == before, command
            assert "Traceback" not in ended.stderr
            told = [line for line in ended.stderr.splitlines() if "finished before" not in line]
            assert len(told) <= 2, ended.stderr


SETTINGS = [
    "evaluation.temperature=inf",
    "evaluation.temperature=nan",
    "evaluation.temperature=-1",
    "training.updates=0",
    "training.updates=1000000000000",
    "training.learning_rate=inf",
    "training.learning_rate=1e300",
    "training.betas=[0.9,1.0]",
    "training.batch_size=2000000000",
    "training.context_length=101",
    "training.warmup_updates=13",
    "training.threads=100000",
    "training.device=cuda",
    "training.precision=float16",
    "model.width=2000000000",
    "model.attention_window=long",
    "model.num_heads=3",
    "model.rope_base=inf",
    "collection.histories_per_task=100000000000",
    "collection.histories_per_task=2000000000",
    "collection.episodes=2000000000",
    "collection.held_out=25",
    "collection.keep_every=0",
    "collection.algorithm=sarza",
    "collection.options.discount=nan",
    "collection.options.colour=red",
    "collection.live_capacity=5",
    "evaluation.seeds=2000000000",
    "evaluation.episodes=2000000000",
    "evaluation.monitor_episodes=2000000000",
    "family.name=dark-rom",
    "family.options.size=1",
    "family.options.episode_length=2000000000",
    "family.options.colour=red",
    "seed=-1",
    "seed=10000000000000000000000",
    "sead=1",
    "training=3",
    "training.updates",
]


def test_settings_that_no_run_could_have_change_no_byte(run_copy, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("adfast.runs.recipe.memory_needs.memory_bytes", lambda: 2**34)
    before = content_of(run_copy)
    for setting in SETTINGS:
        ended = adfast("run", run_copy, "--fresh", "--set", setting)
        assert ended.status == 2, (setting, ended)
        assert ended.stderr.count("\n") == 1, ended.stderr
        for word in ("pydantic", "http", "Input should", "constrained", "Traceback"):
            assert word not in ended.stderr
        assert content_of(run_copy) == before, setting
    for command in ("run", "collect"):
        assert adfast(command, "dark-room", "--run", run_copy).status == 1  # of other settings
        assert adfast(command, run_copy, "--run", run_copy).status == 2
    assert adfast("train", run_copy, "--fresh", "--resume").status == 2
    assert content_of(run_copy) == before


def test_live_run_has_nothing_to_collect_and_keeps_all(run_copy):
    live = ("--set", "collection.live=true")
    before = content_of(run_copy)
    assert adfast("collect", run_copy, "--fresh", *live).status == 1  # a run of other settings
    assert content_of(run_copy) == before


def test_settings_say_how_to_go_on_where_they_were_cut(run_copy):
    (run_copy / "run.toml").write_bytes(b"")
    ended = adfast("report", run_copy)
    assert f"{run_copy / 'run.toml'}: cut: seed is missing" in ended.stderr
    assert "restore it from a copy, or start over with --fresh" in ended.stderr


def test_settings_of_an_older_version_are_whole_where_their_end_is(run_copy):
    settings = (run_copy / "run.toml").read_text()
    assert "monitor_seeds = 1\n" in settings
    (run_copy / "run.toml").write_text(settings.replace("monitor_seeds = 1\n", ""))
    assert adfast("run", run_copy).status == 0


@pytest.fixture
def sweep(recipe, tmp_path):
    """The settings of a sweep, and files that stand for what its runs left."""
    path = tmp_path / "sweep"
    with Sweep.prepared(recipe, path, vary=[{"model.attention_window": [5, 20]}]):
        pass
    (path / "histories").mkdir()
    for name in ("sweep.json", "sweep.html", "histories/block"):
        (path / name).write_bytes(b"kept")
    return path


def test_sweep_that_is_impossible_changes_no_byte(sweep, recipe):
    before = content_of(sweep)
    for arguments in (
        ["--vary", "model.attention_window=5,0"],
        ["--vary", "collection.algorithm=q-learning,sarza"],
        ["--vary", "training.context_length=20,101"],
        ["--set", "evaluation.temperature=inf"],
        ["--seeds", "1000000000"],
        [
            "--vary",
            "{model.attention_window=[5,7], family.options.start=['" + "x" * 300 + "', 'corner']}",
        ],
        ["--set", "seed=4"],
    ):
        fresh = ["--fresh"] if "seed=4" not in arguments else []
        ended = adfast("sweep", sweep, *arguments, *fresh)
        assert ended.status in (1, 2), (arguments, ended)
        assert content_of(sweep) == before, arguments
    for way in (folder_lock(sweep), full_disk()):
        with way:
            assert adfast("sweep", sweep, "--fresh").status == 1
        assert content_of(sweep) == before
    for change in (empty, half, cut_at_a_line, zeros):
        (sweep / "sweep.toml").write_bytes(change(before["sweep.toml"]))
        changed = content_of(sweep)
        for arguments in ([], ["--fresh"]):
            assert adfast("sweep", sweep, *arguments).status in (1, 2)
            assert content_of(sweep) == changed
