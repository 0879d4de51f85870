"""The findings of a run's probes: `probes/NAME.json`, one file each, which the report reads."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from adfast.durable import replace_file
from adfast.probes.finding import Finding
from adfast.runs.files.result_files import json_text, read_json, validated

FOLDER = "probes"
PAGE = "probes.html"  # of findings alone, where there is no page of a run


def write_finding(directory: Path, finding: Finding) -> Path:
    """Write a finding into a run's directory, in place of an earlier one; returns its path."""
    path = directory / FOLDER / f"{file_name(finding.probe)}.json"
    path.parent.mkdir(exist_ok=True)
    replace_file(path, [json_text(finding.model_dump(mode="json"))])
    return path


def file_name(probe: str) -> str:
    """What its file is called: a name may be a class in full, and a package's may be anything."""
    return probe.replace("/", "_")


def read_findings(directory: Path, but: Collection[str] = ()) -> dict[str, Finding]:
    """The findings of a run by the names of their files, sorted, but those of the probes `but`.

    Raises `RunError` with the file, the rule and the way out.
    """
    others = {file_name(probe) for probe in but}
    paths = sorted((directory / FOLDER).glob("*.json"))
    return {path.stem: read_finding(path) for path in paths if path.stem not in others}


def read_finding(path: Path) -> Finding:
    """The finding in a file; raises `RunError`."""
    way_out = "ask the probe again, or remove the file"
    return validated(Finding, read_json(path, way_out), path, way_out)
