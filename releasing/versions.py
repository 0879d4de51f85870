"""The version, which stands in adfast/__init__.py, and the places that must say the same."""

from __future__ import annotations

import re
from pathlib import Path

STATED = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
CITED = re.compile(r"^version: (.+)$", re.MULTILINE)
LOGGED = re.compile(r"^## (\d\S*)", re.MULTILINE)


def stated_version(root: Path) -> str:
    """The version of the sources at `root`."""
    (version,) = STATED.findall((root / "adfast" / "__init__.py").read_text(encoding="utf-8"))
    return str(version)


def version_problems(root: Path) -> list[str]:
    """Where another version than that of the sources is said."""
    version = stated_version(root)
    found = {
        "CITATION.cff": CITED.findall((root / "CITATION.cff").read_text(encoding="utf-8"))[:1],
        "CHANGELOG.md": LOGGED.findall((root / "CHANGELOG.md").read_text(encoding="utf-8"))[:1],
    }
    return [
        f"{name} says {said[0] if said else 'no version'}, adfast/__init__.py {version}"
        for name, said in found.items()
        if said != [version]
    ]
