"""Links of pages to what is no page of the site lead to the repository instead.

`../README.md`, `results/parts/x.json`, `../benchmarks/workloads.py`: in the repository they are
read as they stand; on the site they would break.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
PAGES = (".md", ".ipynb")
PICTURES = (".png", ".gif", ".svg")
# Pages of the site that show a file from outside docs/, by that file.
SHOWN = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_the_site(text: str, file: Path, page: Path, repository: str) -> str:
    """The text of `file` with its links as `page`, which shows it, needs them.

    A link to a page stays one, a picture stays where it is, and what else the repository has is
    found there. A link to nothing is left as it is, and fails the build.
    """

    def placed(link: re.Match[str]) -> str:
        target, anchor = (file.parent / link[1]).resolve(), link[2] or ""
        if not target.is_relative_to(ROOT) or not target.exists():
            return link[0]
        name = target.relative_to(ROOT).as_posix()
        if name in SHOWN and not anchor:
            target = DOCS / SHOWN[name]
        if target.is_relative_to(DOCS) and target.suffix in (*PAGES, *PICTURES):
            return f"]({os.path.relpath(target, page.parent)}{anchor})"
        kind = "tree" if target.is_dir() else "blob"
        return f"]({repository}/{kind}/main/{name}{anchor})"

    return LINK.sub(placed, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite what is read: the pages, and the files that they include."""

    def read_page(app: Sphinx, name: str, content: list[str]) -> None:
        page = Path(app.env.doc2path(name))
        if page.suffix == ".md":
            content[0] = on_the_site(content[0], page, page, app.config.repository)

    def read_included(app: Sphinx, file: Path, including: str, content: list[str]) -> None:
        included = (app.srcdir / file).resolve()
        page = Path(app.env.doc2path(including))
        content[0] = on_the_site(content[0], included, page, app.config.repository)

    def look_for_gallery(app: Sphinx) -> None:
        if (Path(app.outdir) / "gallery" / "index.html").is_file():
            app.tags.add("gallery")

    app.connect("builder-inited", look_for_gallery)
    app.add_config_value("repository", "", "env", str)
    app.connect("source-read", read_page)
    app.connect("include-read", read_included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
