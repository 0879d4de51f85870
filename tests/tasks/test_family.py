"""What every family inherits: checked task ids, options that are values, the catalogue."""

import pickle
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument, UnknownName
from adfast.simulators import BatchSimulator
from adfast.tasks.family import hash_of_sources
from own_family import Walk


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([81], r"task_ids of dark-room must be in 0\.\.80, got 81"),
        ([3, -1], r"must be in 0\.\.80, got -1"),
        ([0.0], "task_ids must be integers, got float64; cast them first"),
        ([[0]], r"one-dimensional array of integers, got shape \(1, 1\)"),
    ],
)
def test_bad_task_ids_are_refused(ids, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("dark-room").task_parameters(ids)


def test_unknown_family_names_the_nearest():
    with pytest.raises(UnknownName, match='unknown task family "dark-rom"; did you mean "dark-ro'):
        tasks.make("dark-rom")


def test_unknown_option_names_the_nearest():
    with pytest.raises(UnknownName, match='dark-room: unknown setting "sise"; did you mean "size"'):
        tasks.make("dark-room", sise=9)


def test_families_are_values():
    assert tasks.make("dark-room", size=9) == tasks.make("dark-room")
    assert hash(tasks.make("dark-room", size=9)) == hash(tasks.make("dark-room"))
    assert tasks.make("dark-room", size=8) != tasks.make("dark-room")


def test_sources_are_those_of_the_class_and_its_bases_and_none_of_libraries(monkeypatch):
    class Mixin:
        __module__ = "a_module_of_mixins"

    class Own(Mixin, Walk):
        pass

    monkeypatch.setattr("adfast.tasks.family.hash_of_sources", lambda *modules: set(modules))
    shared = {"adfast.random_draws", "adfast.random_streams"}
    shared |= {f"adfast.tasks.compiled.{of}" for of in ("components", "planning", "schema_guards")}
    bases = {"a_module_of_mixins", "own_family", "adfast.tasks.family", "adfast.tasks.task_set"}
    assert Own().source_hash == {__name__} | bases | shared


def test_family_that_was_used_is_pickled_as_its_options():
    family = tasks.make("dark-house", size=5, start=[0, 3])
    fresh = pickle.dumps(family)
    assert family.source_hash
    assert family.room.size == 5
    assert pickle.dumps(family) == fresh
    assert pickle.loads(fresh) == family


def test_dataclass_is_told_that_fields_are_options_as_they_are():
    @dataclass(frozen=True)
    class Old(Walk):
        stride: int = 1

    with pytest.raises(InvalidArgument, match="Old must be declared without @dataclass; the anno"):
        Old()


def test_families_are_described_as_stores_have_recorded_them():
    assert repr(tasks.make("dark-house", rooms=3, start=[0, 1])) == (
        "DarkHouse(size=9, episode_length=20, start=(0, 1), reward='every-step', "
        "terminate_at_goal=False, action_order='adfast', rooms=3, houses=1024)"
    )


def test_module_without_source_never_hashes_the_same(monkeypatch):
    module = type(sys)("adfast_notebook")
    monkeypatch.setitem(sys.modules, "adfast_notebook", module)
    assert hash_of_sources("adfast_notebook") != hash_of_sources("adfast_notebook")
    assert hash_of_sources(__name__) == hash_of_sources(__name__)


def test_catalogues_and_schema_load_no_numba_and_data_layers_no_torch():
    script = (
        "import sys, adfast.tasks.transition_schema, adfast.source_algorithms as a\n"
        "assert 'numba' not in sys.modules\n"
        "import adfast.simulators.gymnasium_env, adfast.simulators.random_rollout\n"
        "[a.make(name) for name in a.names()]\n"
        "assert 'torch' not in sys.modules and 'triton' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dark-room", {}),
        ("dark-room", {"size": 5, "action_order": "dpt", "start": "random"}),
        ("dark-house", {"size": 5, "rooms": 3, "houses": 7}),
    ],
)
def test_rewards_are_paid_on_the_goals_of_the_map(name, options):
    family = tasks.make(name, **options)
    task_ids = np.arange(family.num_tasks)[:7]
    maps = [family.task_map(int(task_id)) for task_id in task_ids]
    goals = [{(mark.room, mark.row, mark.column) for mark in plan.landmarks} for plan in maps]
    assert all(mark.name == "goal" for plan in maps for mark in plan.landmarks)
    simulator = BatchSimulator(family, np.repeat(task_ids, 50), seed=1)
    simulator.reset()
    generator = np.random.default_rng(2)
    paid = 0
    for _ in range(3 * family.episode_length):
        result = simulator.step(generator.integers(family.num_actions, size=len(task_ids) * 50))
        for index, seen in enumerate(result.final_observation):
            plan = maps[index // 50]
            row, column, *room = (int(seen[component]) for component in plan.components)
            assert row < plan.rows
            assert column < plan.columns
            is_on_goal = ((room or [0])[0], row, column) in goals[index // 50]
            assert (result.reward[index] > 0) == is_on_goal
            paid += is_on_goal
    assert paid > 0


@pytest.mark.parametrize("order", ["adfast", "dpt"])
def test_actions_are_called_by_what_they_do(order):
    family = tasks.make("dark-room", size=3, action_order=order)
    moves = {"no-op": (1, 1), "up": (0, 1), "right": (1, 2), "down": (2, 1), "left": (1, 0)}
    simulator = BatchSimulator(family, np.zeros(5, int), seed=0)
    simulator.reset()
    reached = simulator.step(np.arange(5)).final_observation
    assert [tuple(cell) for cell in reached.tolist()] == [
        moves[family.action_label(action)] for action in range(5)
    ]
