"""`pytest benchmarks` with pytest-benchmark's own options: what a user's CI sees."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from planted_trees import ROLLOUT, copy_package, plant_slow_down

from benchmarks import ROOT

# Between the saved record and what is compared with it others may take a core, or leave it:
# unchanged code may seem twice as slow, and a slow-down of eight times hides behind nothing.
COMPARE = ("--benchmark-compare", "--benchmark-compare-fail=min:100%")
PLANTED_PERCENT = 700
ATTEMPTS = 3


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout of its own, with a record of its rollout."""
    tree = tmp_path_factory.mktemp("checkout")
    copy_package(tree)
    for folder in ("benchmarks", "tests/reference"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("records"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    saved = benchmark(tree, "--benchmark-autosave")
    assert saved.returncode == 0, saved.stdout + saved.stderr
    return tree


def benchmark(tree, *options):
    """Run the rollout's subject and rival in `tree`, at small size."""
    chosen = ["benchmarks", "--small", "--benchmark-only", "-k", ROLLOUT]
    command = [sys.executable, "-m", "pytest", *chosen, "--benchmark-max-time=0.5", *options]
    return subprocess.run(command, cwd=tree, env=environment(tree), capture_output=True, text=True)


def environment(tree):
    """That of this process, without what belongs to the run of tests that it is in."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return others | {"PYTHONPATH": str(tree)}


def test_record_says_what_was_timed_and_on_what(checkout):
    (path,) = checkout.glob(".benchmarks/*/0001_*.json")
    record = json.loads(path.read_text())
    assert {"processor", "cores", "versions"} <= record["machine_info"].keys()
    subject, rival = record["benchmarks"]
    assert subject["group"] == rival["group"] == f"{ROLLOUT}-small"
    assert [one["extra_info"]["role"] for one in (subject, rival)] == ["subject", "rival"]
    for member in (subject, rival):
        said, stats = member["extra_info"], member["stats"]
        assert said["unit"] == "environment steps"
        assert said["same_work"] == ["return: equal"]
        assert said["units_per_second"] == pytest.approx(1 / stats["median"])
        assert stats["rounds"] >= 5
    assert subject["stats"]["median"] * 60 < rival["stats"]["median"]


def test_plugins_own_command_compares_what_was_saved(checkout):
    run = subprocess.run(
        [shutil.which("pytest-benchmark", path=Path(sys.executable).parent), "compare"],
        cwd=checkout,
        capture_output=True,
        text=True,
    )
    assert f"test_workload[{ROLLOUT}-small-plain Python]" in run.stdout, run.stderr


def test_record_of_another_machine_is_compared_with_a_warning(checkout):
    (path,) = checkout.glob(".benchmarks/*/0001_*.json")
    record = json.loads(path.read_text())
    record["machine_info"]["processor"] = "Another CPU"
    (path.parent / "0000_elsewhere.json").write_text(json.dumps(record))
    compared = benchmark(checkout, "--benchmark-compare=0000", "--collect-only")
    assert compared.returncode == 0
    assert "machine_info is different" in compared.stderr
    assert "Another CPU" in compared.stderr


@pytest.mark.slow
@pytest.mark.thorough  # `adfast bench --against` finds a planted one in tests/benchmarks/guard
def test_unchanged_code_passes_and_a_planted_slow_down_fails(checkout):
    for _ in range(ATTEMPTS):
        unchanged = benchmark(checkout, *COMPARE)
        if unchanged.returncode == 0:
            break
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    assert f"test_workload[{ROLLOUT}-small-adfast] (NOW)" in unchanged.stdout
    plant_slow_down(checkout, PLANTED_PERCENT)
    planted = benchmark(checkout, *COMPARE)
    assert planted.returncode != 0
    assert "Performance has regressed" in planted.stderr
    assert f"{ROLLOUT}-small-adfast" in planted.stderr.partition("regressed")[2]
