"""README.md is true: its tree is the project's, and all pages' links lead somewhere.

What the code on the pages does: `tests/snippets`.
"""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    """The fenced blocks of README.md in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def tree_paths(tree: str) -> list[str]:
    """The paths that an annotated tree names, `adfast/tasks/` for an entry below `adfast/`."""
    paths: list[str] = []
    folders: list[str] = []
    for line in tree.splitlines():
        drawing, name = re.match(r"((?:│   |    )*[├└]── )(\S+)", line).groups()
        folders = [*folders[: len(drawing) // 4 - 1], name]
        paths.append("".join(folders))
    return paths


def visible_folders(folder: Path) -> set[str]:
    """The folders directly in `folder` that belong to the project, each with a slash behind it."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    return {
        f"{entry.relative_to(ROOT)}/"
        for entry in folder.iterdir()
        if entry.is_dir()
        and not entry.name.startswith(".")
        and not any(fnmatch.fnmatch(f"{entry.name}/", pattern) for pattern in ignored)
        and f"/{entry.relative_to(ROOT)}/" not in ignored
    }


def test_every_entry_of_the_tree_exists():
    missing = [path for path in tree_paths(blocks("text")[-1]) if not (ROOT / path).exists()]
    assert missing == []


def test_tree_names_every_folder_of_the_project_and_of_the_package():
    named = set(tree_paths(blocks("text")[-1]))
    assert visible_folders(ROOT) | visible_folders(ROOT / "adfast") <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file = page if not path else (page.parent / path).resolve()
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors that a Markdown page's headings make."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
