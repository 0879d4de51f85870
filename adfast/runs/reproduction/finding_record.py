"""FindingRecord: `parts/NAME.json` of a question, what a probe found on the runs of parts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from adfast.config import list_differences
from adfast.probes.finding import Finding
from adfast.provenance import collect_provenance
from adfast.runs.files.result_files import Results
from adfast.runs.probing.probing import ask
from adfast.runs.probing.subjects import subject_of, subject_of_agent
from adfast.runs.reproduction.identity import differences_from, settings_hash
from adfast.runs.reproduction.part_record import WAY_OUT
from adfast.runs.reproduction.study_table import Question

if TYPE_CHECKING:
    from adfast.runs.run import Run


class FindingRecord(Results):
    """What a probe found, on whom: `subjects` are the settings of each run, by the part's name."""

    name: str
    hash: str
    probe: str
    options: Mapping[str, Any]
    subjects: Mapping[str, Mapping[str, Any]] = Field(min_length=1)
    finding: Finding
    seconds: Mapping[str, float]
    computed_on: Mapping[str, Mapping[str, Any]]
    provenance: Mapping[str, Any]

    @property
    def run(self) -> str:
        """What its seconds are counted by."""
        return self.name

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.hash != hash_of(self.probe, self.options, self.subjects):
            raise ValueError("hash must be that of the settings: one of them was changed by hand")
        return self


def differences_of_question(question: Question, record: FindingRecord) -> list[str]:
    """In what a record is of other settings than are asked for now."""
    found = list_differences(
        {"probe": record.probe, **record.options}, {"probe": question.probe, **question.resolved}
    )
    if others := sorted(question.subjects.keys() ^ record.subjects.keys()):
        found.append(f"subjects: {', '.join(others)}")
    for name, settings in question.subjects.items():
        if name in record.subjects:
            found += differences_from(record.subjects[name], settings)
    return found


def record_finding(question: Question, runs: Sequence[Run]) -> FindingRecord:
    """What is found when a question is put to the trained `runs` of its parts."""
    started = time.perf_counter()
    subjects = [
        replace(subject_of(run), name=part.name)
        for part, run in zip(question.parts, runs, strict=True)
    ]
    subjects += [
        replace(subject_of_agent(agent, {}, question.recipe, changes), name=name)
        for name, agent, changes in question.asked_agents
    ]
    found = ask({question.probe: question.options}, subjects)[question.probe]
    device = str(subjects[0].model.head.device) if subjects[0].model is not None else "cpu"
    return FindingRecord(
        name=question.name,
        hash=hash_of(question.probe, question.resolved, question.subjects),
        probe=question.probe,
        options=question.resolved,
        subjects=question.subjects,
        finding=found,
        seconds={"probe": time.perf_counter() - started},
        computed_on={"probe": {"device": device, "threads": 1}},
        provenance=collect_provenance(),
    )


def read_finding_record(path: Path) -> FindingRecord:
    """The record in a file; raises `RunError` where it is damaged or was changed."""
    return FindingRecord.read(path, WAY_OUT)


def hash_of(
    probe: str, options: Mapping[str, Any], subjects: Mapping[str, Mapping[str, Any]]
) -> str:
    """The hash of a question: of its probe, its options and the settings of all subjects."""
    settings: dict[str, Any] = {"probe": probe}
    settings |= {f"options.{name}": value for name, value in options.items()}
    for part, of_part in subjects.items():
        settings |= {f"subjects.{part}.{name}": value for name, value in of_part.items()}
    return settings_hash(settings)
