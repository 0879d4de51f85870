"""RunDirectory: the files of one run, which of its stages are finished, and what they were made by.

run.toml           the resolved settings        metrics.jsonl    training, line by line
provenance.json    code, versions, machine      evaluation.json  returns, references, summary
histories/         the store, unless live       trajectories.safetensors
checkpoints/       the newest two               attention.safetensors
.lock              held while worked on         report.html, figures/
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from adfast.closing import Closing
from adfast.config import list_differences
from adfast.durable import discard, replace_files
from adfast.errors import InvalidArgument, RunError
from adfast.provenance import collect_provenance
from adfast.runs.feasible import check_feasible, check_room
from adfast.runs.recipe import Recipe, find_recipe, load_recipe
from adfast.runs.run_files import (
    SETTINGS,
    read_evaluation,
    read_settings,
    read_stage_records,
    require_whole,
    settings_text,
    write_json,
)
from adfast.runs.run_folder import delete_contents, holds_nothing, lock_run

STAGES = ("collect", "train", "evaluate", "report")


class RunDirectory(Closing):
    """One run on disk, which this process has for itself until it is closed; a context manager.

    Every file is written whole or not at all.
    """

    def __init__(self, path: Path, config: Recipe) -> None:
        self.path = path
        self.config = config
        self.histories = path / "histories"
        self.checkpoints = path / "checkpoints"
        self.evaluation = path / "evaluation.json"
        self.trajectories = path / "trajectories.safetensors"
        self.attention = path / "attention.safetensors"
        self.report = path / "report.html"
        self.provenance = path / "provenance.json"
        self._repeated: Sequence[str] = ()  # stages, finished or not, that are to be done again
        self._lock = contextlib.ExitStack()

    @classmethod
    def create(cls, path: Path, config: Recipe, *, fresh: bool = False) -> RunDirectory:
        """The directory of a run of `config`; continues one of the same settings.

        With `fresh` an earlier run there is deleted. Raises `RunError` where `path` holds a run of
        other settings, or something that is no run, `InUse` while another process works on it, and
        `InvalidArgument`, leaving everything as it was, for settings that no run could carry out.
        """
        settings = path / SETTINGS
        if fresh or not settings.exists():
            check_feasible(config)
            check_room(config, path)
        if not settings.exists() and path.exists() and not (path.is_dir() and holds_nothing(path)):
            raise RunError(
                f"{path} is no empty directory and holds no run; give another one with --run"
            )
        path.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as lock:
            lock_run(path, lock)
            if settings.exists() and not fresh:
                differences = list_differences(
                    read_settings(settings).model_dump(mode="json"), config.model_dump(mode="json")
                )
                if differences:
                    raise RunError(
                        f"{path} already holds a run with different settings "
                        f"({'; '.join(differences)}); give "
                        "another directory with --run, or --fresh to delete it and start over"
                    )
            else:
                # Nothing is deleted before the new settings have their place on the disk.
                replace_files(
                    {settings: [settings_text(config)]},
                    before=lambda: delete_contents(path, but=SETTINGS) if fresh else None,
                )
            return cls(path, config)._keep(lock)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing run; raises `RunError` where there is none, `InUse` if it is worked on."""
        settings = path / SETTINGS
        if not settings.is_file():
            raise RunError(f"{path} holds no run (no run.toml); start one with: adfast run RECIPE")
        with contextlib.ExitStack() as lock:
            lock_run(path, lock)
            return cls(path, read_settings(settings))._keep(lock)

    def close(self) -> None:
        """Let another process work on the run."""
        self._lock.close()

    def _keep(self, lock: contextlib.ExitStack) -> Self:
        self._lock = lock.pop_all()
        return self

    def record_stage(self, stage: str, seconds: float, **details: Any) -> None:
        """Note in provenance.json that `stage` was finished by this code on this machine."""
        stages = self.stage_records()
        stages[stage] = {"seconds": round(seconds, 3), **details}
        self._repeated = [other for other in self._repeated if other != stage]
        write_json(self.provenance, collect_provenance() | {"stages": stages})

    def stage_records(self) -> dict[str, dict[str, Any]]:
        """What `record_stage` noted so far, by stage."""
        return read_stage_records(self.provenance)

    @property
    def has_checkpoints(self) -> bool:
        """Whether training has begun."""
        return any(self.checkpoints.glob("*.safetensors"))

    def is_finished(self, stage: str) -> bool:
        """Whether `stage` was carried through and what it left is still there, and whole."""
        if stage in self._repeated or stage not in self.stage_records():
            return False
        if not all(output.exists() for output in self.outputs(stage)):
            return False
        if stage == "collect":
            from adfast.histories import holds_whole_store

            return holds_whole_store(self.histories)
        if stage == "train":  # an earlier checkpoint is no trained model
            return (self.checkpoints / self.config.training.last_checkpoint).is_file()
        return True

    def read_evaluation(self) -> dict[str, Any]:
        """What the stage evaluate found; raises `RunError` where that is not whole."""
        way_out = f"evaluate again with: adfast evaluate {self.path} --fresh"
        return read_evaluation(self.evaluation, way_out)

    def outputs(self, stage: str) -> list[Path]:
        """The files and folders that `stage` leaves."""
        return {
            "collect": [self.histories],
            "train": [self.checkpoints, self.path / "metrics.jsonl"],
            "evaluate": [self.evaluation, self.trajectories, self.attention],
            "report": [self.report, self.path / "figures"],
        }[stage]

    def stages_of(self, names: Sequence[str]) -> list[str]:
        """Those of the stages `names` that this run has: a live one does not collect."""
        return [name for name in names if not (self.config.collection.live and name == "collect")]

    def repeat_from(self, stage: str) -> None:
        """Count `stage` and those after it as not finished; nothing is deleted before `begin`."""
        self._repeated = STAGES[STAGES.index(stage) :]

    def is_to_repeat(self, stage: str) -> bool:
        """Whether `stage` is to be done again, and what an earlier one left is still there."""
        return stage in self._repeated

    def begin(self, stage: str) -> None:
        """Delete what is to be repeated: now that all was tried which could stand in the way."""
        self.forget_from(stage)
        self._repeated = ()

    def write_results(self, stage: str, contents: Mapping[Path, Iterable[bytes]]) -> None:
        """Write what `stage` leaves, in place of what an earlier one and later stages left.

        Nothing is deleted before all of `contents` is on the disk.
        """
        replace_files(contents, before=lambda: self.forget_from(stage))
        self._repeated = ()

    def forget_from(self, stage: str) -> None:
        """Delete what `stage` and those after it left, so that they are done again."""
        records = self.stage_records()
        later_stages = STAGES[STAGES.index(stage) :]
        # First of all they are no longer finished: whatever is then still there counts for nothing.
        kept = {name: record for name, record in records.items() if name not in later_stages}
        if kept != records:
            write_json(self.provenance, json.loads(self.provenance.read_text()) | {"stages": kept})
        for later in reversed(later_stages):
            for output in self.outputs(later):
                discard(output)

    def require(self, stage: str) -> None:
        """Raise `RunError` unless `stage` is finished."""
        if not self.is_finished(stage):
            resume = " --resume" if stage == "train" else ""
            raise RunError(
                f"{self.path}: {stage} is not finished; do it with: "
                f"adfast {stage} {self.path}{resume}"
            )


def prepare_run(
    recipe: str,
    path: Path | None,
    overrides: list[str],
    *,
    fresh: bool,
    but_live: bool = False,
) -> RunDirectory:
    """The run directory of a recipe's name, a TOML file, or a run directory to go on with.

    With `but_live` a live run is not begun anew, whatever `fresh` says.
    """
    if (Path(recipe) / SETTINGS).is_file():
        if path is not None:
            raise InvalidArgument(f"{recipe} is a run directory already; leave out --run")
        path, source = Path(recipe), Path(recipe) / SETTINGS
    else:
        source = find_recipe(recipe)
        path = path or Path("runs") / source.stem.replace("_", "-")
    if source.name == SETTINGS and source.parent == path:
        require_whole(source)
    config = load_recipe(source, overrides)
    fresh = fresh and not (but_live and config.collection.live)
    return RunDirectory.create(path, config, fresh=fresh)
