"""One thread for torch, no deadlines (tests share their cores), and a card for `-m gpu` alone."""

import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; subprocesses inherit it

import pytest
from hypothesis import settings

pytest_plugins = ["small_run"]

settings.register_profile("shared-cores", deadline=None)
settings.load_profile("shared-cores")


def pytest_configure(config: pytest.Config) -> None:
    """Hide CUDA devices unless GPU tests are asked for: all others mean the processor by "auto"."""
    marks = config.option.markexpr
    if "gpu" not in marks or "not gpu" in marks:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the rows beside one of each kind, unless `-m` names them (`make thorough`).

    A campaign (`make faults`) takes them all. Files with slow tests come first: processes take from
    each other's last tests, so nothing that is shared is made twice, and nobody waits for long.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    if "thorough" in config.option.markexpr or config.getoption("--fault-trials") > 1:
        return
    thorough = [item for item in items if item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=thorough)
    items[:] = [item for item in items if item.get_closest_marker("thorough") is None]


def pytest_collection_finish() -> None:
    """Look for garbage less often: a twelfth of the time to compile."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip GPU tests where there is no card, or none was asked for."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device; where there is one: pytest -m gpu")


@pytest.fixture
def claimed_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has a card, which is never touched."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Card")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """A `torch.compile` that has compiled nothing; what the test compiles is forgotten."""
    import torch

    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, on a file system in memory where there is one: syncing takes no time."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="adfast-test-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How thorough the random faults are."""
    parser.addoption(
        "--fault-trials",
        type=int,
        default=1,
        metavar="N",
        help="N times as many processes killed at random moments, and a table of all faults",
    )


@pytest.fixture
def fault_trials(pytestconfig: pytest.Config) -> int:
    """How many times the usual number of random faults is asked for."""
    return int(pytestconfig.getoption("--fault-trials"))


@pytest.fixture
def count_faults(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """Note that so many faults of a kind were injected, each with its check."""
    return lambda kind, number: record_property(FAULTS + kind, number)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of faults of a campaign (`make faults`)."""
    if terminalreporter.config.getoption("--fault-trials") == 1:
        return
    injected: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, number in report.user_properties:
            if name.startswith(FAULTS):
                injected[name.removeprefix(FAULTS)] += int(str(number))
    failed = len(terminalreporter.getreports("failed"))
    terminalreporter.section("faults injected")
    for kind, number in sorted(injected.items()):
        terminalreporter.write_line(f"{number:6,}  {kind}")
    verdict = f"in all; tests that found something lost or silently wrong: {failed}"
    terminalreporter.write_line(f"{injected.total():6,}  {verdict}")


FAULTS = "faults: "
