"""How workloads find what they use of adfast, here and in an older commit."""

import re
import subprocess
import sys
from inspect import getmembers, isfunction

import pytest

from benchmarks import ROOT, engine


def test_every_name_is_at_its_first_place():
    for name, places in engine.NAMES.items():
        assert getattr(engine, name) is engine.bind(places[0]), name


def test_every_name_is_used():
    used = set()
    for file in (ROOT / "benchmarks").rglob("*.py"):
        for names in re.findall(r"from benchmarks\.engine import (\([^)]*\)|.*)", file.read_text()):
            used |= set(re.findall(r"\w+", names))
    own = {
        name
        for name, made in getmembers(engine, isfunction)
        if made.__module__ == "benchmarks.engine"
    }
    assert used - own == set(engine.NAMES)


def test_listing_and_collecting_workloads_imports_nothing_heavy():
    probe = "import sys; from benchmarks import conftest, test_workloads; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT)
    assert {"torch", "numba"}.isdisjoint(run.stdout.split()), run.stderr


@pytest.fixture
def name_at(monkeypatch):
    """Gives the name `thing` these places."""

    def place(*places):
        monkeypatch.setitem(engine.NAMES, "thing", places)

    yield place
    vars(engine).pop("thing", None)


@pytest.mark.parametrize(
    "place",
    [
        "adfast.no_such_module",
        "adfast.no.such.package:name",
        "adfast.errors:NoSuchError",
        "adfast/no_such_file.py:name",
    ],
)
def test_later_places_are_tried_where_an_earlier_one_is_not_there(name_at, place):
    name_at(place, "adfast/tasks/task_map.py:TaskMap")
    assert engine.thing.__name__ == "TaskMap"


def test_name_at_none_of_its_places_is_said(name_at):
    name_at("adfast.gone:Name", "adfast.errors:Name")
    with pytest.raises(ImportError, match=r"adfast has no thing: looked for adfast\.gone:Name, "):
        engine.thing  # noqa: B018 - it is looking that fails


def test_module_that_lacks_another_is_not_passed_over(name_at, monkeypatch):
    name_at("adfast.tasks.gridworlds.dark_room:DarkRoom", "adfast.errors:UnknownName")
    monkeypatch.delitem(sys.modules, "adfast.tasks.gridworlds.dark_room")
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ModuleNotFoundError, match="numba"):
        engine.thing  # noqa: B018
