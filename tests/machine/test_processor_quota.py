"""A container's quota as the kernel tells it, in both versions of control groups."""

import os

import pytest

from adfast import provenance
from adfast.machine.processor_quota import granted_cores


@pytest.fixture
def machine(tmp_path):
    """Makes the files that the kernel would show; path below the root -> content."""

    def make(**files):
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return tmp_path

    return make


V1 = "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n1:name=systemd:/\n"
CPU = "sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize(
    ("maximum", "cores"),
    [
        ("max 100000\n", None), ("200000 100000\n", 2), ("150000 100000\n", 2),
        ("20000 100000\n", 1), ("", None), ("0 0\n", None), ("some nonsense\n", None),
    ],
)  # fmt: skip
def test_quota_of_a_container_of_the_second_version(machine, maximum, cores):
    root = machine(**{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": maximum})
    assert granted_cores(root) == cores


def test_least_quota_of_the_groups_around_holds(machine):
    root = machine(
        **{
            "proc/self/cgroup": "0::/system/job/step\n",
            "sys/fs/cgroup/system/cpu.max": "400000 100000",
            "sys/fs/cgroup/system/job/cpu.max": "300000 100000",
            "sys/fs/cgroup/system/job/step/cpu.max": "max 100000",
        }
    )
    assert granted_cores(root) == 3


@pytest.mark.parametrize(("quota", "cores"), [("-1", None), ("250000", 3)])
@pytest.mark.parametrize("folder", [f"{CPU}/docker/ab", CPU, "sys/fs/cgroup/cpu"])
def test_quota_of_the_first_version(machine, quota, cores, folder):
    """Where the host's path is shown, and where the container sees its own group alone."""
    root = machine(
        **{
            "proc/self/cgroup": V1,
            f"{folder}/cpu.cfs_quota_us": f"{quota}\n",
            f"{folder}/cpu.cfs_period_us": "100000\n",
        }
    )
    assert granted_cores(root) == cores


def test_second_version_beside_the_first(machine):
    root = machine(
        **{"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/unified/job/cpu.max": "100000 50000"}
    )
    assert granted_cores(root) == 2


@pytest.mark.parametrize("groups", [None, "", "nonsense\n", "0::/absent\n"])
def test_machine_without_control_groups_has_no_quota(machine, groups):
    assert granted_cores(machine(**({"proc/self/cgroup": groups} if groups else {}))) is None


def test_available_cores_are_the_fewer_of_affinity_and_quota(monkeypatch):
    allowed = len(os.sched_getaffinity(0))
    for granted, cores in ((None, allowed), (allowed + 1, allowed), (1, 1)):
        monkeypatch.setattr(provenance, "granted_cores", lambda granted=granted: granted)
        assert provenance.available_cores() == cores
