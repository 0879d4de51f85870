"""The table of workloads: one row says what is timed, how large, and which bar it must reach.

A new family is one row more, made of the factories that are there. `small` replaces arguments for
`--quick` and `--small` and for the tests, which check every row's equivalence, ratio and counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from adfast.errors import UnknownName
from benchmarks.card_workloads import CARD_WORKLOADS
from benchmarks.data_workloads import DATA_WORKLOADS
from benchmarks.model_workloads import MODEL_WORKLOADS
from benchmarks.workload import Bar, ContestModule, Workload

start_up = ContestModule("start_up")

of_start_up = partial(Workload, layer="start_up", unit="starts", limit="bare python")

WORKLOADS = (
    *DATA_WORKLOADS,
    *MODEL_WORKLOADS,
    of_start_up(
        "import-adfast",
        "import adfast",
        factory=start_up.import_package,
        bars=(Bar("seconds", at_most=0.3),),
    ),
    of_start_up(
        "adfast-help",
        "adfast --help",
        factory=start_up.help_text,
        bars=(Bar("seconds", at_most=0.3), Bar("share", at_least=0.18)),
    ),
    *CARD_WORKLOADS,
)


def select(names: Iterable[str]) -> list[Workload]:
    """The workloads with these names or of these layers or devices, in the table's order.

    All without names. Raises `UnknownName` for a name that is none of them.
    """
    wanted = list(names)
    valid = {word for workload in WORKLOADS for word in workload.words}
    for name in wanted:
        if name not in valid:
            raise UnknownName("workload, layer or device", name, valid)
    return [w for w in WORKLOADS if not wanted or not w.words.isdisjoint(wanted)]
