"""What a wheel or an sdist holds, against the list in contents.toml."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

LIST = Path(__file__).with_name("contents.toml")


def content_problems(archive: Path, version: str) -> list[str]:
    """Files of a wheel or an sdist that fit no pattern of the list, and patterns of no file."""
    kind = "wheel" if archive.suffix == ".whl" else "sdist"
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))[kind]["files"]
    allowed = [text.replace("{version}", version) for text in listed]
    patterns = {text: as_expression(text) for text in allowed}
    names = files_of(archive)
    stray = [name for name in names if not any(one.fullmatch(name) for one in patterns.values())]
    lacking = [text for text, one in patterns.items() if not any(map(one.fullmatch, names))]
    return [
        *(f"{archive.name} holds {name}, which is not listed" for name in stray),
        *(f"{archive.name} holds nothing like {text}" for text in lacking),
    ]


def files_of(archive: Path) -> list[str]:
    """The names of the files in an archive; those of an sdist without its one folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return [entry.filename for entry in opened.infolist() if not entry.is_dir()]
    with tarfile.open(archive) as packed:
        return [member.name.partition("/")[2] for member in packed.getmembers() if member.isfile()]


def as_expression(pattern: str) -> re.Pattern[str]:
    """`adfast/**/*.py` as a regular expression for whole names."""
    text = re.escape(pattern).replace(r"\*\*/", "(?:[^/]+/)*").replace(r"\*", "[^/]*")
    return re.compile(text)
