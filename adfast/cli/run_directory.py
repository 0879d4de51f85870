"""RunDirectory: the files of one run, which of its stages are finished, and what they were made by.

run.toml           the resolved settings        metrics.jsonl    training, line by line
provenance.json    code, versions, machine      evaluation.json  returns, references, summary
histories/         the history store            trajectories.safetensors
checkpoints/       the newest two               report.html, figures/
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from adfast.cli.run_config import RunConfig, check_feasible, find_recipe, load_run_config
from adfast.config import write_toml
from adfast.errors import InvalidArgument, RunError
from adfast.histories.durable import TEMPORARY_SUFFIX, replace_file
from adfast.provenance import collect_provenance

STAGES = ("collect", "train", "evaluate", "report")


class RunDirectory:
    """One run on disk. Every file is written whole or not at all."""

    def __init__(self, path: Path, config: RunConfig) -> None:
        self.path = path
        self.config = config
        self.histories = path / "histories"
        self.checkpoints = path / "checkpoints"
        self.evaluation = path / "evaluation.json"
        self.trajectories = path / "trajectories.safetensors"
        self.report = path / "report.html"
        self.provenance = path / "provenance.json"

    @classmethod
    def create(cls, path: Path, config: RunConfig, *, fresh: bool = False) -> RunDirectory:
        """The directory of a run of `config`; continues one of the same settings.

        With `fresh` an earlier run there is deleted. Raises `RunError` where `path` holds a run of
        other settings, or something that is no run, and `InvalidArgument`, leaving everything as it
        was, for settings that no run could carry out.
        """
        settings = path / "run.toml"
        if fresh or not settings.exists():
            check_feasible(config)
        if fresh and settings.exists():
            shutil.rmtree(path)
        if settings.exists():
            differences = list_differences(cls.open(path).config, config)
            if differences:
                raise RunError(
                    f"{path} holds a run of other settings ({'; '.join(differences)}); "
                    "give another directory with --run, or --fresh to delete it and start over"
                )
        elif path.exists() and not (path.is_dir() and holds_nothing(path)):
            raise RunError(
                f"{path} is no empty directory and holds no run; give another one with --run"
            )
        else:
            path.mkdir(parents=True, exist_ok=True)
            replace_file(settings, [write_toml(config).encode()])
        return cls(path, config)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing run; raises `RunError` where there is none."""
        settings = path / "run.toml"
        if not settings.is_file():
            raise RunError(f"{path} holds no run (no run.toml); start one with: adfast run RECIPE")
        return cls(path, load_run_config(settings))

    def record_stage(self, stage: str, seconds: float, **details: Any) -> None:
        """Note in provenance.json that `stage` was finished by this code on this machine."""
        stages = self.stage_records()
        stages[stage] = {"seconds": round(seconds, 3), **details}
        write_json(self.provenance, collect_provenance() | {"stages": stages})

    def stage_records(self) -> dict[str, dict[str, Any]]:
        """What `record_stage` noted so far, by stage."""
        if not self.provenance.exists():
            return {}
        try:
            stages: dict[str, dict[str, Any]] = json.loads(self.provenance.read_text())["stages"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{self.provenance}: damaged ({error}); delete it, and finished stages are noted "
                "again when they are gone through"
            ) from None
        return stages

    def is_finished(self, stage: str) -> bool:
        """Whether `stage` was carried through and what it left is still there."""
        recorded = stage in self.stage_records()
        return recorded and all(output.exists() for output in self.outputs(stage))

    def outputs(self, stage: str) -> list[Path]:
        """The files and folders that `stage` leaves."""
        return {
            "collect": [self.histories],
            "train": [self.checkpoints, self.path / "metrics.jsonl"],
            "evaluate": [self.evaluation, self.trajectories],
            "report": [self.report, self.path / "figures"],
        }[stage]

    def forget_from(self, stage: str) -> None:
        """Delete what `stage` and those after it left, so that they are done again."""
        records = self.stage_records()
        for later in STAGES[STAGES.index(stage) :]:
            records.pop(later, None)
            for output in self.outputs(later):
                if output.is_dir():
                    shutil.rmtree(output)
                else:
                    output.unlink(missing_ok=True)
        if self.provenance.exists():
            write_json(
                self.provenance, json.loads(self.provenance.read_text()) | {"stages": records}
            )

    def require(self, stage: str) -> None:
        """Raise `RunError` unless `stage` is finished."""
        if not self.is_finished(stage):
            resume = " --resume" if stage == "train" else ""
            raise RunError(
                f"{self.path}: {stage} is not finished; do it with: "
                f"adfast {stage} {self.path}{resume}"
            )


def prepare_run(
    recipe: str, path: Path | None, overrides: list[str], *, fresh: bool
) -> RunDirectory:
    """The run directory of a recipe's name, a TOML file, or a run directory to go on with."""
    if (Path(recipe) / "run.toml").is_file():
        if path is not None:
            raise InvalidArgument(f"{recipe} is a run directory already; leave out --run")
        path, source = Path(recipe), Path(recipe) / "run.toml"
    else:
        source = find_recipe(recipe)
        path = path or Path("runs") / source.stem.replace("_", "-")
    return RunDirectory.create(path, load_run_config(source, overrides), fresh=fresh)


def list_differences(old: RunConfig, new: RunConfig) -> list[str]:
    """The settings that differ, as `section.field: old, asked new`."""
    before, after = flatten(old.model_dump(mode="json")), flatten(new.model_dump(mode="json"))
    return [
        f"{key}: {before.get(key)!r}, asked {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as `section.field` -> value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, replacing what was there at once."""
    replace_file(path, [(json.dumps(value, indent=1) + "\n").encode()])


def holds_nothing(directory: Path) -> bool:
    """Whether there is nothing in `directory` but what a killed process had begun to write."""
    return all(entry.name.endswith(TEMPORARY_SUFFIX) for entry in directory.iterdir())
