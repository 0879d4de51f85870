"""RunDirectory: the files of one run, and which of its stages are finished.

run.toml           the resolved settings        metrics.jsonl    training, line by line
provenance.json    code, versions, machine      evaluation.json  returns, references, summary
histories/         the store, unless live       trajectories.safetensors
checkpoints/       the newest two               attention.safetensors
evaluations/NAME/  further evaluations          report.html, figures/
probes/NAME.json   what probes found            history_loss.json, where a sweep measured it
.lock              held while worked on         tensorboard/, wandb/  where they are asked for
model_card.md      of what was trained
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from adfast.durable import discard, replace_file, replace_files
from adfast.errors import RunError
from adfast.runs.files.evaluation_files import (
    EVALUATE,
    EVALUATIONS,
    EvaluationFiles,
    evaluation_of_stage,
)
from adfast.runs.files.run_files import SETTINGS, read_settings, require_run, settings_text
from adfast.runs.files.run_folder import delete_contents, holds_nothing, lock_run
from adfast.runs.files.stage_records import StageRecord, forget_stages, read_stages, record_stage
from adfast.runs.probing.findings import FOLDER as FINDINGS
from adfast.runs.probing.findings import PAGE as FINDINGS_PAGE
from adfast.runs.recipe.feasible import check_feasible, check_room
from adfast.runs.recipe.from_recipe import last_checkpoint
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import differences_of
from adfast.training.tracking.config import FOLDERS

CARD = "model_card.md"  # of what was trained, with what it earned
TRACKING = "tracking"  # the section of settings that nothing depends on
STAGES = ("collect", "train", "evaluate", "report")
OUT_OF_TRAINING = ("evaluate", "history_loss", "probes", "report")
# Stage -> those whose results come of its own.
FOLLOWERS = {
    "collect": ("train", *OUT_OF_TRAINING),
    "train": OUT_OF_TRAINING,
    "evaluate": ("probes", "report"),
    "history_loss": (),
    "probes": (),
    "report": (),
}


class RunDirectory:
    """One run on disk. Every file is written whole or not at all."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path = path
        self.recipe = recipe
        self.histories = path / "histories"
        self.checkpoints = path / "checkpoints"
        self.metrics = path / "metrics.jsonl"
        self.history_loss = path / "history_loss.json"
        self.report = path / "report.html"
        self._repeated: Collection[str] = ()  # stages, finished or not, that are to be done again
        self._lock: contextlib.ExitStack | None = None

    @classmethod
    def create(cls, path: Path, recipe: Recipe, *, fresh: bool = False) -> RunDirectory:
        """The directory of a run of `recipe`; one of the same settings is gone on with.

        Where metrics are tracked may differ, and is then as `recipe` says. With `fresh` an earlier
        run there is deleted. Raises `RunError` where `path` holds a run of other settings, or
        something that is no run, `InUse` while another process works on it, and, leaving everything
        as it was, `InvalidArgument` for settings that no run could carry out and `MissingPackage`
        where a tracker is not installed.
        """
        settings = path / SETTINGS
        recipe.tracking.require_packages()
        if fresh or not settings.exists():
            check_feasible(recipe)
            check_room(recipe, path)
        if not settings.exists() and path.exists() and not (path.is_dir() and holds_nothing(path)):
            raise RunError(
                f"{path} is no empty directory and holds no run; give another one with --run"
            )
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path, recipe)
        with contextlib.ExitStack() as lock:
            lock_run(path, lock)
            if settings.exists() and not fresh:
                run.require_settings(
                    "already holds a run with different settings",
                    "give another directory, or --fresh (in Python fresh=True) to delete it and "
                    "start over",
                    but=TRACKING,
                )
                if read_settings(settings).tracking != recipe.tracking:
                    replace_file(settings, [settings_text(recipe)])
            else:
                # Nothing is deleted before the new settings have their place on the disk.
                replace_files(
                    {settings: [settings_text(recipe)]},
                    before=lambda: delete_contents(path, but=SETTINGS) if fresh else None,
                )
        return run

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing run; raises `RunError` where there is none."""
        require_run(path)
        return cls(path, read_settings(path / SETTINGS))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Have the run for oneself until the end; what holds it already goes on holding it.

        Raises `InUse` while another process works on it, and `RunError` where it has become a run
        of other settings since it was opened.
        """
        if self._lock is not None:
            yield
            return
        with contextlib.ExitStack() as lock:
            lock_run(self.path, lock)
            self.require_settings("has other settings than when it was opened", "open it again")
            self._lock = lock
            try:
                yield
            finally:
                self._lock = None

    def require_settings(self, problem: str, way_out: str, *, but: str | None = None) -> None:
        """Raise `RunError` unless `run.toml` holds the settings of this run, `but` a section's."""
        found = differences_of(read_settings(self.path / SETTINGS), self.recipe)
        differences = [text for text in found if but is None or not text.startswith(f"{but}.")]
        if differences:
            raise RunError(f"{self.path} {problem} ({'; '.join(differences)}); {way_out}")

    def evaluation(self, name: str | None = None) -> EvaluationFiles:
        """The files of the run's evaluation, or of a further one by its name."""
        return EvaluationFiles.of_run(
            self.path, name, has_attention=name is None and self.recipe.has_attention
        )

    def record_stage(self, stage: str, seconds: float, **details: Any) -> None:
        """Note that `stage` was finished by this code on this machine."""
        self._repeated = [other for other in self._repeated if other != stage]
        record_stage(self.path, stage, seconds, **details)

    def stages(self) -> dict[str, StageRecord]:
        """The stages that were finished, by name."""
        return read_stages(self.path)

    @property
    def has_checkpoints(self) -> bool:
        """Whether training has begun."""
        return any(self.checkpoints.glob("update-*"))

    def is_finished(self, stage: str) -> bool:
        """Whether `stage` was carried through and what it left is still there, and whole."""
        if stage in self._repeated or stage not in self.stages():
            return False
        is_evaluation = stage.startswith(EVALUATE)
        needed = (
            self.evaluation(evaluation_of_stage(stage)).required
            if is_evaluation
            else self.outputs(stage)
        )
        if not all(output.exists() for output in needed):
            return False
        if stage == "collect":
            from adfast.histories import holds_whole_store

            return holds_whole_store(self.histories)
        if stage == "train":  # an earlier checkpoint is no trained model
            return (self.checkpoints / last_checkpoint(self.recipe)).is_file()
        return True

    def outputs(self, stage: str) -> list[Path]:
        """The files and folders that `stage` leaves."""
        if stage.startswith(EVALUATE):
            return self.evaluation(evaluation_of_stage(stage)).paths
        return {
            "collect": [self.histories],
            "train": [self.checkpoints, self.metrics],
            "history_loss": [self.history_loss],
            "probes": [self.path / FINDINGS, self.path / FINDINGS_PAGE],
            "report": [self.report, self.path / "figures"],
        }[stage]

    def repeat_from(self, stage: str) -> None:
        """Count `stage` and what comes of it as not finished; nothing is deleted before `begin`."""
        self._repeated = self._with_followers(stage)

    def is_to_repeat(self, stage: str) -> bool:
        """Whether `stage` is to be done again, and what an earlier one left is still there."""
        return stage in self._repeated

    def begin(self, stage: str) -> None:
        """Delete what is to be repeated: now that all was tried which could stand in the way."""
        self.forget_from(stage)
        self._repeated = ()

    def write_results(self, stage: str, contents: Mapping[Path, Iterable[bytes]]) -> None:
        """Write what `stage` leaves, in place of what an earlier one and its followers left.

        Nothing is deleted before all of `contents` is on the disk.
        """
        for folder in {path.parent for path in contents}:
            folder.mkdir(parents=True, exist_ok=True)
        replace_files(contents, before=lambda: self.forget_from(stage))
        self._repeated = ()

    def forget_from(self, stage: str) -> None:
        """Delete what `stage` and what comes of it left, so that it is done again."""
        forgotten = self._with_followers(stage)
        # First of all they are no longer finished: whatever is then still there counts for nothing.
        forget_stages(self.path, forgotten)
        for name in reversed(forgotten):
            for output in self.outputs(name):
                discard(output)
        if EVALUATE in forgotten:  # the card says what was earned
            discard(self.path / CARD)
        if "train" in forgotten:
            for name in FOLDERS:
                discard(self.path / name)
        if "evaluate" in FOLLOWERS.get(stage, ()):
            discard(self.path / EVALUATIONS)

    def require(self, stage: str) -> None:
        """Raise `RunError` unless `stage` is finished."""
        if not self.is_finished(stage):
            resume = " --resume" if stage == "train" else ""
            raise RunError(
                f"{self.path}: {stage} is not finished; do it with: "
                f"adfast {stage} {self.path}{resume}"
            )

    def refuse_repeat(self, stage: str) -> None:
        """Raise `RunError` where `stage` is finished or begun: say how to go on or start over."""
        if self.is_finished(stage):
            raise RunError(f"{self.path}: {stage} is finished; to repeat it, add --fresh")
        if stage == "train" and self.has_checkpoints:
            raise RunError(
                f"{self.path}: training has begun; add --resume to continue it, or --fresh to "
                "start over"
            )

    def _with_followers(self, stage: str) -> list[str]:
        """`stage`, and all stages whose results come of its own."""
        followers = FOLLOWERS.get(stage, ("report",))
        further = [name for name in self.stages() if evaluation_of_stage(name) is not None]
        return [stage, *followers, *(further if "evaluate" in followers else ())]
