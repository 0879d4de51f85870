"""Killed, or refused the disk, at each operation on files: nothing lost, nothing half taken."""

import errno
import os
import shutil

import pytest

from adfast.errors import AdfastError
from faults import scenarios
from faults.enumeration import Scenario, kill_everywhere
from faults.fault_points import fault_at, refuse, refuse_half_way
from killed_process import Worker

pytestmark = pytest.mark.faults

SCENARIOS = ["ReplacedFile", "NewStore", "StoreCommit", "Training", "FreshRun", "ForgottenStage"]
ERRORS = {
    "full disk": refuse(errno.ENOSPC),
    "full disk, half written": refuse_half_way(errno.ENOSPC),
    "input/output error": refuse(errno.EIO),
    "input/output error, done all the same": refuse_half_way(errno.EIO),
    "read-only file system": refuse(errno.EROFS),
    "no permission": refuse(errno.EACCES),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_kill_at_every_operation_loses_nothing(name, memory_folder, count_faults):
    trials = Worker(kill_everywhere).run(f"faults.scenarios:{name}", memory_folder)
    problems = {trial[:2]: trial[2] for trial in trials if trial[2]}
    assert not problems, "\n".join(map(str, next(iter(problems.items()))))
    assert len(trials) >= 9  # a file is replaced by eight operations
    count_faults("killed at every operation", len(trials))


# Each kind of error at what is written, each scenario with the two that differ most.
EVERY_KIND = ("ReplacedFile", "NewStore", "StoreCommit")
TWO_KINDS = ("full disk, half written", "read-only file system")
REFUSED = [
    pytest.param(
        name,
        kind,
        marks=() if name in EVERY_KIND or kind in TWO_KINDS else pytest.mark.thorough,
    )
    for name in SCENARIOS
    if name != "Training"
    for kind in ERRORS
]


@pytest.mark.parametrize(("name", "kind"), REFUSED)
def test_disk_that_refuses_an_operation_loses_nothing(name, kind, memory_folder, count_faults):
    number = refused_trials(getattr(scenarios, name)(), kind, memory_folder)
    count_faults(kind, number)


@pytest.mark.parametrize("kind", ["full disk, half written", "input/output error"])
def test_training_goes_on_behind_a_disk_that_refused(kind, memory_folder, count_faults):
    count_faults(kind, refused_trials(scenarios.Training(), kind, memory_folder))


def refused_trials(scenario: Scenario, kind, root) -> int:
    """Refuse each operation of the scenario in turn; how many there were."""
    scenario.prepare(root / "template")
    shutil.copytree(root / "template", root / "counted")
    with fault_at(root / "counted", None) as count:
        scenario.work(root / "counted", lambda number: None)
    errors = []
    for number in range(len(count.names)):
        folder = root / "trial"
        shutil.copytree(root / "template", folder)
        acknowledged = []
        try:
            with fault_at(folder, number, ERRORS[kind]):
                scenario.work(folder, acknowledged.append)
        except (AdfastError, OSError) as error:
            errors.append(error)
        scenario.check(folder, acknowledged)
        shutil.rmtree(folder)
    assert len(errors) > 0.5 * len(count.names)  # what a lock says of its holder fails unheard
    for error in errors:
        if isinstance(error, AdfastError):  # in words: the file, what happened, the way out
            assert str(root) in str(error)
            assert "Errno" not in str(error)
        else:
            assert error.errno in (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
    return len(count.names)


def test_fault_is_where_it_was_asked_for(tmp_path):
    """The instrument itself: it counts, hits once, and lets everything else be."""
    scenario = scenarios.ReplacedFile()
    scenario.prepare(tmp_path / "a")
    with fault_at(tmp_path / "a", None) as count:
        scenario.work(tmp_path / "a", lambda number: None)
    assert count.names == [
        "open", "posix_fallocate", "write", "write", "fsync", "close", "rename", "open", "fsync",
        "close",
    ]  # fmt: skip
    with pytest.raises(AdfastError), fault_at(tmp_path / "a", 3, refuse(errno.EIO)) as count:
        scenario.work(tmp_path / "a", lambda number: None)
    assert count.names[-1] == "unlink"
    assert os.open.__module__ == "posix"


class SlipshodFile(scenarios.ReplacedFile):
    """A file that is written in place."""

    def work(self, folder, acknowledge):
        descriptor = os.open(folder / "file", os.O_WRONLY | os.O_TRUNC)
        os.write(descriptor, self.contents[1])
        os.close(descriptor)


def test_campaign_finds_a_file_that_is_written_in_place(memory_folder):
    trials = Worker(kill_everywhere).run(f"{__name__}:SlipshodFile", memory_folder)
    assert sum(bool(problem) for _, _, problem in trials) == 2
