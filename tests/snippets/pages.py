"""The code blocks and the commands of the README and the documentation, in order."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_CODE = {"text", "json"}  # drawings, printed tables, contents of files: nothing to carry out


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line of its fence."""

    page: str
    line: int
    language: str
    source: str

    @property
    def place(self) -> str:
        """Where a reader finds it."""
        return f"{self.page}:{self.line}"

    def commands(self) -> list[list[str]]:
        """The words of every command that a console block types, without prompts and comments."""
        lines = self.source.replace("\\\n", " ").splitlines()
        typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [shlex.split(line, comments=True) for line in typed]


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a Markdown page, in order, without the site's directives."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(name, text[: found.start()].count("\n") + 1, found[1], found[2])
        for found in re.finditer(r"^```(\S*)[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if not found[1].startswith("{")
    ]


def inline_commands(page: Path) -> list[list[str]]:
    """The words of every `adfast ...` that stands in a sentence of a page."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    spans = (" ".join(span.split()) for span in re.findall(r"`(adfast [^`]+)`", prose))
    return [shlex.split(span, comments=True) for span in spans]
