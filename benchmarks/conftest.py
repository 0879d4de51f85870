"""What `pytest benchmarks` knows beyond pytest-benchmark: small sizes, marks, and the machine."""

from __future__ import annotations

import os
import warnings
from typing import Any, get_args

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: "one core" is one

import pytest
from pytest_benchmark.logger import PytestBenchmarkWarning

from adfast.provenance import collect_provenance
from benchmarks.contest import Role
from benchmarks.device import name_of, why_absent
from benchmarks.workloads import WORKLOADS

ROLES = get_args(Role)
CHANGING = ("date", "commit")  # the plugin notes both beside the machine


def pytest_addoption(parser: pytest.Parser) -> None:
    """Small sizes."""
    parser.addoption(
        "--small",
        action="store_true",
        help="small sizes: shows in three minutes that all works, not how fast it is",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The roles of members as marks, and the layers and devices of workloads.

    What the plugin warns of when it compares, another machine or nothing saved, is no error here.
    """
    warnings.filterwarnings("default", category=PytestBenchmarkWarning)
    for role in ROLES:
        config.addinivalue_line("markers", f"{role}: a {role} of a workload")
    for layer in sorted({workload.layer for workload in WORKLOADS}):
        config.addinivalue_line("markers", f"{layer}: a workload of this layer")
    for device in sorted({workload.device for workload in WORKLOADS}):
        config.addinivalue_line("markers", f"{device}: a workload that this device computes")


def pytest_benchmark_generate_machine_info(config: pytest.Config) -> dict[str, Any]:
    """What the figures were made on and with, the same in every run: it is compared."""
    provenance = collect_provenance()
    if why_absent("cuda") is None:
        provenance["card"] = name_of("cuda")
    return {name: value for name, value in provenance.items() if name not in CHANGING}
