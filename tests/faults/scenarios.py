"""What is killed, and refused the disk, at every operation: commits, checkpoints, runs, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from adfast import histories
from adfast.durable import replace_file
from adfast.models.checkpoint import read_tensors
from adfast.runs.files import stage_records
from adfast.runs.files.run_directory import STAGES, RunDirectory
from adfast.runs.recipe.from_recipe import last_checkpoint
from adfast.runs.recipe.recipe import Recipe
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.metrics import read_metrics
from faults.enumeration import Scenario
from histories.made_histories import SCHEMA, make_block
from training.tiny_training import TRAINING, make_trainer

Acknowledge = Callable[[int], None]


def visible_files(folder: Path) -> dict[str, bytes]:
    """Everything below `folder` but the texts in locks, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.name != ".lock" else b""
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class ReplacedFile(Scenario):
    """A file is replaced: it is the old one or the new one."""

    contents = (b"old" * 9, b"new" * 700)

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "file").write_bytes(self.contents[0])

    def work(self, folder: Path, acknowledge: Acknowledge) -> None:
        replace_file(folder / "file", [self.contents[1][:500], self.contents[1][500:]])
        acknowledge(1)

    def check(self, folder: Path, acknowledged: list[int]) -> None:
        content = (folder / "file").read_bytes()
        assert content in self.contents
        assert content == self.contents[1] or not acknowledged
        self.work(folder, lambda number: None)
        assert visible_files(folder) == {"file": self.contents[1]}


class StoreCommit(Scenario):
    """Blocks are committed to a history store that has one, out of order, and it is finished."""

    whole: dict[str, bytes]
    num_blocks = 3

    def prepare(self, folder: Path) -> None:
        with self.writer(folder) as writer:
            self.append(writer, 1)
        self.work(folder.with_name("uninterrupted"), lambda number: None)
        self.whole = visible_files(folder.with_name("uninterrupted"))

    def writer(self, folder: Path) -> histories.HistoryWriter:
        return histories.create(
            folder, SCHEMA, num_blocks=self.num_blocks, description={"family": "made"}
        )

    def append(self, writer: histories.HistoryWriter, number: int) -> None:
        arrays, lengths = make_block(np.random.default_rng(number), 4, 30)
        writer.append_block(number, arrays, lengths, {"number": number})

    def work(self, folder: Path, acknowledge: Acknowledge) -> None:
        with self.writer(folder) as writer:
            for number in (2, 1, 0):
                if number not in writer.finished_blocks:
                    self.append(writer, number)
                acknowledge(number)

    def check(self, folder: Path, acknowledged: list[int]) -> None:
        store = histories.open(folder, allow_incomplete=True)
        store.verify()
        blocks = set(store.metadata["block"].tolist())
        assert {1, *acknowledged} <= blocks
        assert store.is_complete == (len(blocks) == self.num_blocks)
        assert histories.holds_whole_store(folder) == store.is_complete
        expected = histories.open(folder.with_name("uninterrupted"))
        for index in range(store.num_histories):
            place = int(
                np.flatnonzero(expected.metadata["block"] == store.metadata["block"][index])[0]
            )
            for name, array in store.history(index).items():
                same = expected.history(place + index % 4)[name]
                np.testing.assert_array_equal(array, same)
        self.work(folder, lambda number: None)
        assert visible_files(folder) == self.whole


class NewStore(Scenario):
    """A store is begun in a folder that is not there yet."""

    def prepare(self, folder: Path) -> None:
        folder.mkdir()

    def work(self, folder: Path, acknowledge: Acknowledge) -> None:
        with StoreCommit().writer(folder / "store"):
            acknowledge(0)

    def check(self, folder: Path, acknowledged: list[int]) -> None:
        if (folder / "store" / "manifest.json").exists():
            assert histories.open(folder / "store", allow_incomplete=True).num_histories == 0
        else:
            assert not acknowledged
        self.work(folder, lambda number: None)
        assert set(visible_files(folder)) == {"store/.lock", "store/manifest.json"}


class Training(Scenario):
    """Updates with metrics and checkpoints, on behind a checkpoint of an earlier process."""

    def __init__(self) -> None:
        self.settings = TRAINING | {"updates": 4, "checkpoint_every": 1, "metrics_every": 1}

    def prepare(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.train(folder.with_name("uninterrupted"), self.settings["updates"])
        self.expected = self.outcome(folder.with_name("uninterrupted"))
        self.train(folder, 2)

    def train(self, folder: Path, until: int, acknowledge: Acknowledge | None = None) -> None:
        from adfast.training.loop import TrainingHooks, TrainingInterrupted

        done = []

        def on_update(state, row):
            done.append(state.update)
            if acknowledge is not None:
                acknowledge(state.update)

        stop = TrainingHooks(
            on_update=on_update, should_stop=lambda: len(done) > 0 and done[-1] + 1 >= until
        )
        try:
            make_trainer(folder, hooks=stop, **self.settings).run(resume=True)
        except TrainingInterrupted:
            assert until < self.settings["updates"]

    def work(self, folder: Path, acknowledge: Acknowledge) -> None:
        self.train(folder, self.settings["updates"], acknowledge)

    def outcome(self, folder: Path):
        tensors, metadata = read_tensors(newest_checkpoint(folder / "checkpoints"))
        rows = read_metrics(folder / "metrics.jsonl")
        for timed in (metadata["training"], *rows):
            del timed["seconds"], timed["waiting_seconds"]
        return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}, metadata, rows

    def check(self, folder: Path, acknowledged: list[int]) -> None:
        checkpoints = sorted((folder / "checkpoints").glob("update-*"))
        assert checkpoints
        for path in checkpoints:
            read_tensors(path)
        _, metadata = read_tensors(checkpoints[-1])
        update = metadata["training"]["update"]
        assert update >= max([2, *acknowledged])
        rows = [row["update"] for row in read_metrics(folder / "metrics.jsonl")]
        assert rows[:update] == list(range(1, update + 1))
        self.train(folder, self.settings["updates"])
        assert self.outcome(folder) == self.expected
        assert {path.name for path in folder.rglob("*")} == {
            path.name for path in folder.with_name("uninterrupted").rglob("*")
        }


class FreshRun(Scenario):
    """A finished run is deleted and begun anew with other settings."""

    old, new = Recipe(seed=1), Recipe(seed=2)

    def prepare(self, folder: Path) -> None:
        run = RunDirectory.create(folder, self.old)
        with run.locked():
            self.finish(run, "old")

    def finish(self, run: RunDirectory, text: str) -> None:
        """What the stages leave, in their order."""
        # Provenance asks git for the commit, which takes longer than all else here.
        with mock.patch.object(stage_records, "collect_provenance", dict):
            self.finish_stages(run, text)

    def finish_stages(self, run: RunDirectory, text: str) -> None:
        """`finish` on an unknown machine."""
        with histories.create(run.histories, SCHEMA, num_blocks=1) as writer:
            if not writer.is_complete:
                StoreCommit().append(writer, 0)
        run.record_stage("collect", 1.0)
        run.checkpoints.mkdir(exist_ok=True)
        replace_file(run.checkpoints / last_checkpoint(run.recipe), [text.encode()])
        replace_file(run.metrics, [text.encode()])
        run.record_stage("train", 1.0)
        for output in run.outputs("evaluate"):
            replace_file(output, [text.encode()])
        run.record_stage("evaluate", 1.0)

    def work(self, folder: Path, acknowledge: Acknowledge) -> None:
        run = RunDirectory.create(folder, self.new, fresh=True)
        with run.locked():
            acknowledge(0)
            self.finish(run, "new")
            acknowledge(1)

    def check(self, folder: Path, acknowledged: list[int]) -> None:
        run = RunDirectory.open(folder)
        with run.locked():
            assert run.recipe in (self.old, self.new)
            assert run.recipe == self.new or not acknowledged
            text = "old" if run.recipe == self.old else "new"
            if run.is_finished("collect"):
                assert histories.open(run.histories).num_histories == 4
            if run.is_finished("train"):
                path = run.checkpoints / last_checkpoint(run.recipe)
                assert path.read_text() == (run.metrics).read_text() == text
            if run.is_finished("evaluate"):
                files = run.evaluation()
                assert files.results.read_text() == files.trajectories.read_text() == text
            assert run.is_finished("evaluate") or 1 not in acknowledged
        # One goes on with the new run, or deletes again what is left of the old one.
        run = RunDirectory.create(folder, self.new, fresh=run.recipe == self.old)
        with run.locked():
            self.finish(run, "new")
            assert run.is_finished("evaluate")
            results = {path.name for stage in STAGES[:-1] for path in run.outputs(stage)}
        names = {path.name for path in folder.iterdir()}
        assert names == {".lock", "run.toml", "provenance.json"} | results


class ForgottenStage(FreshRun):
    """Training is forgotten in a finished run, and with it what came of it."""

    def work(self, folder: Path, acknowledge: Acknowledge) -> None:
        run = RunDirectory.open(folder)
        with run.locked():
            run.forget_from("train")
            acknowledge(0)

    def check(self, folder: Path, acknowledged: list[int]) -> None:
        run = RunDirectory.open(folder)
        with run.locked():
            assert run.is_finished("collect")
            for stage in ("train", "evaluate"):
                assert not (run.is_finished(stage) and acknowledged)
            if not acknowledged and run.is_finished("train"):
                path = run.checkpoints / last_checkpoint(run.recipe)
                assert path.read_text() == "old"
            run.forget_from("train")
            self.finish(run, "new")
            assert run.is_finished("evaluate")
            assert run.evaluation().results.read_text() == "new"
