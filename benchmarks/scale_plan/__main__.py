"""`python -m benchmarks.scale_plan RECIPE [--record FILE]`: does the plan hold on this machine?

Measures the rows that the plan needs, predicts a recipe's collection and training, and measures
both. Exit status 1 where a prediction is more than 20% off.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from adfast.errors import AdfastError
from adfast.provenance import collect_provenance
from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe
from benchmarks.scale_plan.own_machine import compare, measured_record
from benchmarks.scale_plan.trial import WITHIN, Trial


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_plan")
    parser.add_argument("recipe", nargs="?", default="dark-room")
    parser.add_argument("--record", type=Path, help="write what was found as JSON")
    chosen = parser.parse_args(arguments)
    recipe = load_recipe(find_recipe(chosen.recipe))
    record = measured_record(collect_provenance(), lambda: os.getloadavg()[0])
    found = compare(recipe, record)
    print(f"processor seconds of {chosen.recipe}: predicted, measured, ratio")
    for one in found:
        verdict = "" if one.is_near else f", more than {WITHIN:.0%} off"
        print(f"{one.work:12} {one.predicted:10.4f} {one.measured:10.4f} {one.ratio:6.2f}{verdict}")
    if chosen.record is not None:
        Trial(chosen.recipe, record, tuple(found)).write(chosen.record)
    return 0 if all(one.is_near for one in found) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AdfastError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
