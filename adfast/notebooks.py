"""How a run, an evaluation and a finding show themselves in a notebook.

IPython asks an object for `_repr_html_`. What draws is the report, a layer above what is drawn, so
it is found by its name when a notebook asks, as the catalogues find what they name, and never
imported from here.
"""

from __future__ import annotations

from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from adfast.packages import describe_missing

DRAWING = "adfast.report.inline"
NEEDED = ("matplotlib", "plotly")


def as_html(kind: Literal["run", "evaluation", "finding"], value: Any) -> str:
    """`value` as HTML; where what draws is not installed, its `repr` and the line that installs it.

    Raises what its files raise where they are damaged.
    """
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        return f"<pre>{escape(repr(value))}</pre><p>{escape(describe_missing(*missing))}</p>"
    drawn: str = getattr(import_module(DRAWING), f"{kind}_html")(value)
    return drawn
