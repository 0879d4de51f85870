"""A disk that is too small, then larger, again and again: each time the run gets further."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

TESTS = Path(__file__).resolve().parent.parent
SIZES = (4, 16, 48, 72, 96, 128, 160, 224, 320, 512, 2048, 32768)  # KB

# Carried out in a mount namespace of its own, which ends with it.
PROGRAM = f"""
import subprocess, sys
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from cli.command_line import adfast
from faults.whole_files import assert_no_half_result, assert_same_run

disk, recipe, expected = map(Path, sys.argv[1:])
for size in {SIZES}:
    subprocess.run(["mount", "-o", f"remount,size={{size}}k", disk], check=True)
    ended = adfast("run", recipe, "--run", disk / "run")
    if (disk / "run").exists():
        assert_no_half_result(disk / "run", expected)
    if ended.status == 2:  # the histories would not fit: nothing is begun
        assert "the disk of" in ended.stderr, ended.stderr
    elif ended.status != 0:
        assert ended.status == 1, ended
        assert "No space left on device" in ended.stderr, ended.stderr
        assert "give the same command again: what is finished is kept" in ended.stderr
    stage = max((n for n in ("collect", "train", "evaluate", "report")
                 if n in ended.stderr), key=ended.stderr.rfind, default="nothing")
    print(ended.status, stage)
assert_same_run(disk / "run", expected)
"""


def test_run_on_a_disk_that_fills_up_goes_on_when_there_is_room(
    tmp_path, finished_run, recipe, count_faults
):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={SIZES[0]}k tmpfs {disk}"
    if shutil.which("unshare") is None:
        pytest.skip("no unshare, so no small file system can be mounted")
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True).returncode != 0:
        pytest.skip("this process may not mount a small file system")
    command = f'{mount} && exec "$@"'
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, "sh", sys.executable, "-c", PROGRAM,
         str(disk), str(recipe), str(finished_run)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    answers = [line.split() for line in ended.stdout.splitlines() if line[:2] in ("0 ", "1 ", "2 ")]
    assert len(answers) == len(SIZES)
    assert answers[-1][0] == "0"
    full = [stage for status, stage in answers if status == "1"]
    assert len(set(full)) >= 3  # the disk was full in most stages
    count_faults("disk full for real", len(full))
