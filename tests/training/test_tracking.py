"""Tracking: curves are those of metrics.jsonl, whatever was killed in between."""

import json
import os
import socket
import struct

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

from adfast.errors import InvalidArgument, MissingPackage
from adfast.training.config import TrainingConfig
from adfast.training.loop import TrainingHooks
from adfast.training.metrics import MetricsLog, read_metrics
from adfast.training.tracking.config import TrackingConfig
from adfast.training.tracking.follower import following, scalars
from adfast.training.tracking.tensorboard_events import TensorBoardEvents
from adfast.training.tracking.wandb_run import WandbRun
from adfast.training.train import train
from killed_process import Worker
from training.tiny_training import MODEL, TRAINING, ModelConfig, random_store

BOTH = TrackingConfig(tensorboard=True, wandb=True)
BLOCK = 1 << 15  # bytes of a block of a .wandb file, after LevelDB's log


def tensorboard_curves(run):
    """Name -> [(update, value)], as TensorBoard reads all event files of a run."""
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    names = events.Tags()["scalars"]
    return {name: [(e.step, e.value) for e in events.Scalars(name)] for name in names}


def wandb_curves(run):
    """Name -> [(update, value)] of all offline runs in a run's folder."""
    curves = {}
    for file in sorted(run.glob("wandb/offline-run-*/*.wandb")):
        for record in map(Record.FromString, log_records(file.read_bytes())):
            items = {
                item.key or ".".join(item.nested_key): json.loads(item.value_json)
                for item in record.history.item
            }
            step = items.pop("_step", None)
            for name in (name for name in items if not name.startswith("_")):
                curves.setdefault(name, []).append((step, items[name]))
    return curves


def log_records(content):
    """The records of a file of LevelDB's log format; a last one that was cut is left out."""
    assert content[:4] == b":W&B"
    place, parts = 7, []
    while place + 7 <= len(content):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        parts.append(content[place + 7 : place + 7 + length])
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield b"".join(parts)
            parts = []


def true_curves(run):
    """Name -> [(update, value)] of metrics.jsonl."""
    curves = {}
    for row in read_metrics(run / "metrics.jsonl"):
        for name, value in scalars(row).items():
            curves.setdefault(name, []).append((row["update"], value))
    return curves


def as_kept(curves):
    """Curves with values as TensorBoard keeps them."""
    return {name: [(step, float(np.float32(x))) for step, x in c] for name, c in curves.items()}


def train_tracked(acknowledge, directory, server):
    """Train on, and acknowledge each row; `server` is where Weights & Biases would report to."""
    os.environ.pop("WANDB_MODE", None)
    os.environ["WANDB_BASE_URL"] = server
    for name in ("CONFIG", "CACHE", "DATA"):  # none of the user's own
        os.environ[f"WANDB_{name}_DIR"] = str(directory.parent / "elsewhere")
    hooks = TrainingHooks(on_update=lambda state, row: row is None or acknowledge(row["update"]))
    train(
        random_store(),
        directory,
        model=ModelConfig.from_mapping(MODEL),
        training=TrainingConfig.from_mapping(
            TRAINING | {"updates": 30, "metrics_every": 2, "checkpoint_every": 7}
        ),
        seed=5,
        resume=True,
        hooks=hooks,
        tracking=BOTH,
        progress=False,
    )


@pytest.mark.slow
def test_training_that_was_killed_twice_is_one_curve(tmp_path):
    run, worker = tmp_path / "run", Worker(train_tracked)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert worker.run(run, address, kill_after=5)[:5] == [2, 4, 6, 8, 10]
        assert worker.run(run, address, kill_after=4)[0] == 8  # again, from the checkpoint at 7
        identity = (run / "wandb" / "run-id").read_text()
        assert worker.run(run, address)[-1] == 30
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):  # nobody has called
            server.accept()
    curves = true_curves(run)
    assert [step for step, _ in curves["loss"]] == list(range(2, 31, 2))
    assert tensorboard_curves(run) == as_kept(curves)
    assert wandb_curves(run) == curves
    assert [path.name.endswith(identity) for path in run.glob("wandb/offline-run-*")] == [True]


def test_lists_and_unknown_values_of_a_row():
    row = {"version": 1, "update": 3, "loss": 0.5, "return_by_episode": [1, None, 2.5], "x": None}
    assert scalars(row) == {"loss": 0.5, "return_by_episode/0": 1.0, "return_by_episode/2": 2.5}


def test_live_tensorboard_forgets_what_is_done_again(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl", keep_updates=0)
    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"scalars": 0})
    only = TrackingConfig(tensorboard=True)
    for kept, updates, value in [(0, (1, 2, 3), 1.0), (2, (3, 4), 0.5), (1, (2, 3, 4), 0.25)]:
        log = MetricsLog(tmp_path / "metrics.jsonl", keep_updates=kept)
        with following(only, tmp_path, {}) as follower:
            follower.catch_up()
            for update in updates:
                log.append({"update": update, "loss": value, "seconds": update / 10})
                follower.catch_up()
                events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [
        (1, 1.0), (2, 0.25), (3, 0.25), (4, 0.25),
    ]  # fmt: skip
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2


@pytest.mark.parametrize("package", ["tensorboard", "wandb"])
def test_missing_library_is_said_before_anything_is_written(tmp_path, monkeypatch, package):
    monkeypatch.setattr(
        "adfast.packages.find_spec", lambda name: None if name == package else object()
    )
    with pytest.raises(
        MissingPackage, match=rf'needs {package} .*pip install "adfast\[tracking\]"'
    ):
        train(random_store(), tmp_path / "run", tracking=TrackingConfig(**{package: True}))
    assert not (tmp_path / "run").exists()


def test_unknown_mode_of_wandb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "onlin")
    with (
        pytest.raises(InvalidArgument, match=r'WANDB_MODE must be one of offline, .*got "onlin"'),
        following(BOTH, tmp_path, {}),
    ):
        pass


@pytest.mark.parametrize("name", ["a/b", "a:b", "100%", "a\nb", "\\"])
def test_project_that_wandb_would_refuse_is_refused_at_once(name):
    with pytest.raises(InvalidArgument, match=r"wandb_project: must be of printable characters"):
        TrackingConfig(wandb_project=name)


def test_files_of_others_beside_the_events_are_left_alone(tmp_path):
    for name in ("events.out.tfevents.1700.host.adfast", "events.out.tfevents.17.adfast"):
        (tmp_path / name).write_bytes(b"of somebody else")
    events = TensorBoardEvents(tmp_path)
    for _ in range(2):
        events.begin([{"update": 1, "loss": 0.5, "seconds": 1.0}])
        events.close()
    assert len(list(tmp_path.iterdir())) == 4
    assert [x.read_bytes() for x in tmp_path.glob("*.17*")] == [b"of somebody else"] * 2


@pytest.mark.parametrize("identity", [b"*", b"", b"../x", b"\xff\xfe"])
def test_damaged_id_of_wandb_is_refused_and_other_runs_are_kept(tmp_path, identity):
    folder = tmp_path / "wandb"
    (folder / "offline-run-20260101_000000-other").mkdir(parents=True)
    (folder / "run-id").write_bytes(identity)
    with pytest.raises(InvalidArgument, match=r"run-id must hold an id of .*; delete it"):
        WandbRun(tmp_path, "adfast", {}).begin([])
    assert len(list(folder.iterdir())) == 2


def test_online_without_an_account_is_said_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    run = WandbRun(tmp_path, "adfast", {})

    def refuse(**_):
        raise run._wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(run._wandb, "init", refuse)
    with pytest.raises(InvalidArgument, match=r"No API key .*online.*tracking\.wandb=false"):
        run.begin([])
