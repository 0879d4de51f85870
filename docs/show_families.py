"""Write docs/families.md from the families themselves: `python docs/show_families.py`.

The paragraphs are the docstrings of the families' modules, the table is what `adfast.family_facts`
finds for the family of every recipe: some minutes. With `--text` the table stays as it is.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adfast
from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe, recipe_names
from adfast.tasks.catalogue import FAMILIES

PAGE = Path(__file__).resolve().parent / "families.md"
COMMAND = "python docs/show_families.py"
BEGIN, END = "<!-- The table begins. -->", "<!-- The table ends. -->"
INTRODUCTION = f"""\
<!-- Written by `{COMMAND}`, from the docstrings of the families' modules. -->

# Task families

What is shipped, and how different its tasks are. Options are in
[the settings](settings.md#task-families); one of your own takes
[one class](add-a-family.md).

## How different are these tasks?

For the family of every recipe, by `{COMMAND}`; of any other by
`adfast.family_facts(family)`:

- **bits**: the binary logarithm of the number of tasks, what it takes to name one.
- **left**: the entropy of the task, all being equally probable at first, for who knows the family
  and saw all that uniformly random actions brought, episode after episode, up to the first reward
  other than 0, and with it, or for 1,000 episodes. The mean over 128 histories of random tasks,
  each counted exactly by Bayes' rule over all tasks. Of more than 16,384 tasks so many are
  compared and stand for all (marked ~): one that is left among them counts as the bits between both
  numbers. Where what steps can come to is not finite, it is not counted. 0 means
  that one reward says all, and that what is left to learn is to go there again.
- **random**, **optimum**: mean return of an episode, of uniformly random actions and of who knows
  the task.
- **best learner**: what the best known that starts ignorant earns in episodes 1, 10 and 40: a plan
  for the family if it has one, else Thompson sampling of arms, else posterior sampling on 64 tasks,
  both Bayesian and not optimal. Where neither fits, nobody is known.
"""


def page(table: str) -> str:
    """The whole page around the table."""
    return "\n\n".join([INTRODUCTION.rstrip(), BEGIN, table, END, *paragraphs()]) + "\n"


def paragraphs() -> Iterator[str]:
    """A part for every family: what its module says, and what its parameters are."""
    for name, spelling in FAMILIES.shipped.items():
        module = importlib.import_module(spelling.partition(":")[0])
        family = FAMILIES.find(name)
        yield f"## {name}"
        yield without_twin(inspect.getdoc(module) or "")
        picture = PAGE.parent / "images" / f"{name.replace('-', '_')}.png"
        if picture.exists():
            yield f"![{name}](images/{picture.name})"
        yield f"`task_parameters`: {parameters_of(family)} [Options](settings.md#{name})."


def without_twin(text: str) -> str:
    """`text` without the sentence about the twin, which no user has."""
    return re.sub(r"\s*Twins?:[^`]*`[^`]*`(,\s+`[^`]*`)*\.", "", text).rstrip()


def parameters_of(family: Any) -> str:
    """What the columns of the parameters are, on one line."""
    method = getattr(family, "plain_parameters", family.task_parameters)
    return " ".join(inspect.cleandoc(method.__doc__ or "").split("\n\n")[0].split())


def kept_table() -> str:
    """The table that the page has."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def facts_table() -> str:
    """A row for the family of each recipe that has one."""
    rows = [
        "| recipe | family | tasks | bits | left | random | optimum | best learner | 1 | 10 | 40 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in recipe_names():
        family = load_recipe(find_recipe(name)).family
        made = adfast.tasks.make(family.name, **family.options)
        facts = adfast.family_facts(made, histories=128)
        rows.append("| " + " | ".join([name, *cells(facts)]) + " |")
        print(rows[-1], flush=True)
    return "\n".join(rows)


def cells(facts: Any) -> Iterator[str]:
    """The cells of a row."""
    yield from (facts.family, f"{facts.num_tasks:,}", f"{facts.bits:.1f}")
    if facts.bits_left is None:
        yield "not counted"
    else:
        yield f"{'~' if facts.is_sampled else ''}{facts.bits_left:.1f}"
    yield from (f"{facts.random:.3g}", f"{facts.optimum:.4g}", facts.learner or "nobody known")
    for episode in (0, 9, 39):
        yield "" if facts.learned is None else f"{facts.learned[episode]:.3g}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write docs/families.md.")
    parser.add_argument("--text", action="store_true", help="leave the table as it is")
    PAGE.write_text(page(kept_table() if parser.parse_args().text else facts_table()), "utf-8")
