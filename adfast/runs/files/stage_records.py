"""`provenance.json`: the finished stages of a run, how long each took, by what code and where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from adfast.durable import replace_file
from adfast.provenance import collect_provenance
from adfast.runs.files.result_files import Results, Section

FILE_NAME = "provenance.json"
WAY_OUT = "delete it, and finished stages are noted again when they are gone through"


class StageRecord(Section):
    """One finished stage: its seconds of work, and what else it notes."""

    model_config = ConfigDict(extra="allow")

    seconds: float


class Provenance(Results):
    """The code, the versions and the machine of the stage that was finished last, and all stages.

    Version 1 is version 2 without its number.
    """

    model_config = ConfigDict(extra="allow")

    version: int = 2
    stages: Mapping[str, StageRecord] = Field(default_factory=dict)


def read_stages(run: Path) -> dict[str, StageRecord]:
    """The finished stages of the run in a directory, by name, in the order they were finished."""
    provenance = read_provenance(run)
    return {} if provenance is None else dict(provenance.stages)


def read_provenance(run: Path) -> Provenance | None:
    """What the directory of a run says, None where it says nothing; raises `RunError`."""
    path = run / FILE_NAME
    return Provenance.read(path, WAY_OUT) if path.exists() else None


def record_stage(run: Path, stage: str, seconds: float, **details: Any) -> None:
    """Note that `stage` was finished by this code on this machine."""
    stages = read_stages(run)
    stages[stage] = StageRecord(seconds=round(seconds, 3), **details)
    write(run, Provenance(**collect_provenance(), stages=stages))


def forget_stages(run: Path, names: Collection[str]) -> None:
    """Let the stages `names` count as not finished."""
    provenance = read_provenance(run)
    if provenance is None or not provenance.stages.keys() & set(names):
        return
    kept = {name: record for name, record in provenance.stages.items() if name not in names}
    write(run, provenance.model_copy(update={"stages": kept}))


def write(run: Path, provenance: Provenance) -> None:
    """Replace the file."""
    replace_file(run / FILE_NAME, [provenance.to_json()])


def seconds_of(stages: Mapping[str, StageRecord]) -> dict[str, float]:
    """Stage -> how long it took."""
    return {name: record.seconds for name, record in stages.items()}
