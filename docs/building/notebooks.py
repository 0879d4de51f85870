"""A notebook as a page: its cells as Markdown and code, in the order in which they stand.

Nothing is carried out; a test does that, and notebooks are kept without outputs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def as_markdown(notebook: dict[str, Any]) -> str:
    """The cells of a notebook's JSON."""
    cells = ((cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"])
    return "\n\n".join(
        f"```python\n{source}\n```" if kind == "code" else source for kind, source in cells
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Read notebooks as Markdown."""

    def read_notebook(app: Sphinx, name: str, content: list[str]) -> None:
        if Path(app.env.doc2path(name)).suffix == ".ipynb":
            content[0] = as_markdown(json.loads(content[0]))

    app.connect("source-read", read_notebook)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
