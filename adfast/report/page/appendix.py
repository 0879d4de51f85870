"""The sections behind the results: time, configuration, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from adfast.report.page.section import PageSection, remark
from adfast.report.page.wording import duration, setting
from adfast.runs.run_record import RunRecord


def timings_section(seconds: Mapping[str, float]) -> PageSection:
    """How the time was spent, stage by stage."""
    stages = {name: value for name, value in seconds.items() if value > 0}
    if not stages:
        return PageSection("timings", "Time", remark("This run has recorded no timings."))
    total = sum(stages.values())
    bar, entries = [], []
    for index, (name, value) in enumerate(stages.items()):
        kind = f"stage-{index % 4}"
        bar.append(f'<i class="{kind}" style="flex-grow:{value / total:.4f}"></i>')
        entries.append(
            f'<li><i class="{kind}"></i><b>{escape(name)}</b> {duration(value)}, '
            f"{value / total:.0%}</li>"
        )
    return PageSection(
        "timings",
        f"Time: {duration(total)} in all",
        f'<div class="stages">{"".join(bar)}</div><ul class="stage-names">{"".join(entries)}</ul>',
        "Wall time of each stage, on the machine named under Provenance.",
    )


def configuration_section(run: RunRecord) -> PageSection:
    """The resolved configuration."""
    absent = remark("This run has no run.toml.")
    body = absent if run.configuration is None else definitions(run.configuration)
    return PageSection("configuration", "Configuration", body)


def provenance_section(run: RunRecord) -> PageSection:
    """Code, versions and machine."""
    absent = remark("This run has no provenance.json.")
    body = absent if run.provenance is None else definitions(run.provenance)
    return PageSection("provenance", "Provenance", body)


def definitions(values: Mapping[str, Any]) -> str:
    """Groups of names and values; each nested mapping is a group of its own."""
    plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    groups = [("", plain)] if plain else []
    groups += [
        (name, dict(leaves(value))) for name, value in values.items() if isinstance(value, Mapping)
    ]
    return f'<div class="groups">{"".join(_group(*group) for group in groups)}</div>'


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings, with dotted names."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _group(title: str, entries: Mapping[str, Any]) -> str:
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(setting(value))}</dd></div>"
        for name, value in entries.items()
    )
    return f'<div class="group">{heading}<dl>{rows}</dl></div>'
