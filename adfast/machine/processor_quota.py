"""How much of the processor a control group may use: a container may see more cores than it gets.

Groups nest, and the least of their quotas holds. A container sees its own group as the root, or,
with the first version of control groups, may see the host's path below a folder that has only its
own: what of the path is there is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CONTROLLER = "cpu"


def granted_cores(root: Path = Path("/")) -> int | None:
    """The processor cores that the quotas of this process amount to, rounded up; None: no quota.

    `root` is where `proc` and `sys` are.
    """
    quotas = [quota for folder in group_folders(root) if (quota := read_quota(folder)) is not None]
    return max(1, math.ceil(min(quotas))) if quotas else None


def group_folders(root: Path) -> Iterator[Path]:
    """The folders of this process's groups, and of all groups that they are in."""
    mounts = root / "sys/fs/cgroup"
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers == "":  # the second version; beside the first it has a folder of its own
            bases = [mounts, mounts / "unified"]
        elif CONTROLLER in controllers.split(","):
            bases = [mounts / controllers, mounts / CONTROLLER]
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        for base in bases:
            yield from (base / group for group in (inside, *inside.parents))


def read_quota(folder: Path) -> float | None:
    """The cores' worth of time that the group of `folder` may take, None where it has no quota."""
    files = ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us")  # the first, or the others
    # "max 100000", "150000 100000"; "-1" and "100000" where there is none.
    numbers = " ".join(read_text(folder / file) for file in files).split()
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        return None
    quota, period = map(int, numbers)
    return quota / period if quota and period else None


def read_text(path: Path) -> str:
    """What is in a file, nothing where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
