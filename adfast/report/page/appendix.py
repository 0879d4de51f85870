"""The sections behind the results: time, configuration, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from adfast.report.page.section import PageSection, remark
from adfast.report.page.wording import duration, setting
from adfast.runs.files.run_record import RunRecord
from adfast.runs.recipe.recipe_settings import recipe_settings


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
    """The resolved configuration; what differs from the defaults is marked."""
    if run.configuration is None:
        return PageSection("configuration", "Configuration", remark("This run has no run.toml."))
    settings = recipe_settings(run.configuration)
    return PageSection(
        "configuration",
        "Configuration",
        definitions(run.configuration, {known.path: known.default for known in settings}),
        "Marked are the settings that differ from their defaults.",
    )


def provenance_section(run: RunRecord) -> PageSection:
    """Code, versions and machine."""
    absent = remark("This run has no provenance.json.")
    body = absent if run.provenance is None else definitions(run.provenance)
    return PageSection("provenance", "Provenance", body)


def definitions(values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> str:
    """Groups of names and values; each nested mapping is a group of its own.

    What is not as in `defaults`, by dotted name, is marked; what has none there, or None, is not.
    """
    plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    groups = [("", plain)] if plain else []
    groups += [
        (name, dict(leaves(value))) for name, value in values.items() if isinstance(value, Mapping)
    ]
    drawn = "".join(_group(*group, defaults or {}) for group in groups)
    return f'<div class="groups">{drawn}</div>'


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings, with dotted names."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _group(title: str, entries: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    prefix = f"{title}." if title else ""
    rows = "".join(_row(name, value, defaults, prefix) for name, value in entries.items())
    return f'<div class="group">{heading}<dl>{rows}</dl></div>'


def _row(name: str, value: Any, defaults: Mapping[str, Any], prefix: str) -> str:
    path, shown, mark = prefix + name, setting(value), ""
    known = defaults.get(path)
    if known is not None and (default := setting(known)) != shown:
        mark = f' class="changed" title="default: {escape(default)}"'
    return f"<div{mark}><dt>{escape(name)}</dt><dd>{escape(shown)}</dd></div>"
