"""Write docs/settings.md from the settings themselves: `python docs/show_settings.py`.

Nothing on that page is edited by hand; a test holds it to what stands here and in the docstrings.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from adfast.config import allows_none, section_at
from adfast.runs.listed import CATALOGUES
from adfast.runs.recipe.recipe import Recipe
from adfast.settings.commented_toml import literal
from adfast.settings.described import Setting, describe

PAGE = Path(__file__).resolve().parent / "settings.md"
COMMAND = "python docs/show_settings.py"
INTRODUCTION = f"""\
<!-- Written by `{COMMAND}`, from the docstrings under the fields. -->

# Settings

Every setting of a recipe, and the options of what adfast ships. `adfast show` prints those of one
recipe, each with its value, what it means and accepts, and its default where the recipe differs:
the whole is a recipe to begin one's own from.

```console
$ adfast show dark-room --set training.updates=500
$ adfast show q-learning
$ adfast list algorithms
```

`--set SECTION.FIELD=VALUE` sets what is listed here, and so does a table of a TOML file. TOML has
no null: `"none"` spells it. What an installed package of one's own has is found by the same two
commands ([extending](extending.md)).
"""
HEADINGS = {
    "families": ("Task families", "`family.name` chooses one, `[family.options]` are its options."),
    "algorithms": (
        "Source algorithms",
        "`collection.algorithm` chooses one, `[collection.options]` are its options.",
    ),
    "agents": ("Agents", "Who may act in an evaluation instead of the run's own model."),
    "probes": ("Probes", "What may be asked of trained models ([probes](probes.md))."),
}


def page() -> str:
    """The whole page."""
    return "\n\n".join([INTRODUCTION.rstrip(), *recipe_parts(), *member_parts()]) + "\n"


def recipe_parts() -> Iterator[str]:
    """What lies at the top of a recipe, and a part for each of its sections."""
    yield "## The recipe"
    yield markdown_table(setting for setting in describe(Recipe) if not setting.table)
    for name in Recipe.model_fields:
        section = section_at(Recipe, name)
        if section is not None:
            yield f"## [{name}]"
            yield from described(section)


def member_parts() -> Iterator[str]:
    """A part for everything that is shipped by name."""
    for kind, (title, about) in HEADINGS.items():
        yield f"## {title}"
        yield about
        for name in CATALOGUES[kind].shipped:
            yield f"### {name}"
            yield from described(CATALOGUES[kind].find(name))


def described(config: type[BaseModel]) -> Iterator[str]:
    """The docstring of a class, and its settings."""
    yield inspect.cleandoc(config.__doc__ or "")
    left_out = {
        name: None
        for name in config.model_fields
        if allows_none(config, name) and section_at(config, name)
    }
    settings = describe(config, left_out)
    yield markdown_table(settings) if settings else "It has no options."


def markdown_table(settings: Iterable[Setting]) -> str:
    """A row for each setting: name, default, what it accepts and what it means."""
    lines = ["| setting | default | accepts | meaning |", "|---|---|---|---|"]
    for setting in settings:
        default = "" if setting.default is None else f"`{literal(setting.default)}`"
        cells = [f"`{setting.name}`", default, setting.accepts.replace("*", r"\*"), setting.meaning]
        lines.append(" | ".join(["", *(cell.replace("|", r"\|") for cell in cells), ""]).strip())
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
