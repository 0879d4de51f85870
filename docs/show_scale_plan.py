"""Write docs/scaling-plan.md from benchmark records: `python docs/show_scale_plan.py`.

Nothing on that page is edited by hand; a test holds it to the records and assumptions that stand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scaling-plan.md"


def main(arguments: list[str] | None = None) -> None:
    """Write the page, or with other figures than the project's print it."""
    parser = argparse.ArgumentParser(prog="python docs/show_scale_plan.py")
    parser.add_argument("--record", type=Path, help="a benchmark record to take rates from")
    parser.add_argument("--assumptions", type=Path, help="a copy of assumptions.toml")
    chosen = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT))  # benchmarks are part of a checkout, not of the package
    from benchmarks.scale_plan.assumptions import FILE, Assumptions
    from benchmarks.scale_plan.page import newest_trial, page
    from benchmarks.scale_plan.plan import newest_plan

    plan = newest_plan(Assumptions.read(chosen.assumptions or FILE), chosen.record)
    written = page(plan, newest_trial())
    if chosen.record is None and chosen.assumptions is None:
        PAGE.write_text(written, encoding="utf-8")
    else:
        print(written)


if __name__ == "__main__":
    main()
