"""Provenance: on what, and with what, a figure was made. Imports none of what it names."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from adfast.machine.processor import describe_processor
from adfast.machine.processor_quota import granted_cores

COMMIT = "ADFAST_COMMIT"  # says the commit where there is no checkout to ask, as in a copy of one
PACKAGES = ("adfast", "numpy", "numba", "torch", "triton", "safetensors")


def collect_provenance() -> dict[str, Any]:
    """A JSON-ready description of the code, the versions and the machine."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": source_commit(),
        "versions": {"python": platform.python_version()} | package_versions(),
        "platform": platform.platform(),
        "processor": processor_name(),
        **describe_processor(),
        "cores": available_cores(),
        "memory_gigabytes": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1
        ),
    }


def available_cores() -> int:
    """The processor cores' worth of time that this process may use, at least 1.

    Those that it may run on, or fewer where a container's quota says so.
    """
    allowed = len(os.sched_getaffinity(0))
    granted = granted_cores()
    return allowed if granted is None else min(allowed, granted)


def package_versions() -> dict[str, str]:
    """Name -> version of the packages that decide a figure; absent ones are left out."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def source_commit() -> str | None:
    """The commit of the checkout that adfast runs from, with "+changes" if it has any; or None.

    Where it runs from no checkout it is what the variable `ADFAST_COMMIT` says.
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return os.environ.get(COMMIT)
    git = ["git", "-C", str(root)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    except FileNotFoundError:  # no git on this machine
        return None
    if commit.returncode != 0:
        return None
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def processor_name() -> str:
    """The processor's model name."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
