"""Write the table of docs/baselines.md from the methods themselves: `python docs/show_methods.py`.

A test holds the page to what stands in `adfast/runs/recipe/methods.py`.
"""

from __future__ import annotations

from pathlib import Path

from adfast.runs.recipe.methods import METHODS, Method
from adfast.settings.commented_toml import literal

PAGE = Path(__file__).resolve().parent / "baselines.md"
COMMAND = "python docs/show_methods.py"
FIRST, LAST = f"<!-- Written by `{COMMAND}`. -->\n\n", "\n\n<!-- Until here. -->"


def page() -> str:
    """The whole page, its table written anew."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, after = text.partition(FIRST)
    return before + FIRST + table() + LAST + after.partition(LAST)[2]


def table() -> str:
    """A row for each method."""
    heads = ["method", "what changes", "which question it answers", "settings", "needs"]
    rows = [[f"`{name}`", *cells(method)] for name, method in METHODS.items()]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(method: Method) -> list[str]:
    """What stands beside the name of a method."""
    settings = [f"`{path} = {literal(value)}`" for path, value in method.settings.items()]
    return [method.about, method.question, "<br>".join(settings), method.needs]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
