"""Rivals that need not be there: left out where they are not, held to their work where they are."""

import numpy as np
import pytest

from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.gridworlds.frozen_lake import DOWN, RIGHT
from benchmarks.contest import Contest, NotEquivalent
from benchmarks.frozen_lake import CHECKED_ENVIRONMENTS, lakes_of_adfast, require_same_episodes
from benchmarks.pair_timer import Contender
from benchmarks.ring_buffer import copy_slices
from benchmarks.rivals import c_compiler, c_dark_room
from benchmarks.rivals.optional import (
    OPTIONAL,
    Rival,
    availability,
    is_installed,
    rival_of,
    versions,
    with_rivals,
)
from benchmarks.rivals.window_samplers import require_windows
from benchmarks.workloads import select

WORKLOADS_OF = {
    "gymnax": "dark-room-step-64",
    "envpool": "frozen-lake-step-1024",
    "miniworld": "water-maze-frames",
    "flashbax": "ring-sample-400",
    "cpprb": "ring-sample-400",
    "torchrl": "ring-sample-400",
}


def nothing():
    pass


CONTEST = Contest(Contender("subject", nothing, 1), (Contender("rival", nothing, 1),), nothing)


def test_rival_that_is_not_installed_is_left_out():
    assert rival_of("no_such_package", "no_module.no_function") == []
    assert with_rivals(CONTEST, []).rivals == CONTEST.rivals


def test_added_rival_is_checked():
    def fail():
        raise NotEquivalent("added: differs")

    contest = with_rivals(CONTEST, [Rival(Contender("added", nothing, 1), fail)])
    assert [rival.label for rival in contest.rivals] == ["rival", "added"]
    with pytest.raises(NotEquivalent, match="added: differs"):
        contest.check()


def test_rival_in_c_is_left_out_in_words_where_nothing_compiles_it(monkeypatch, capsys, tmp_path):
    (workload,) = select(["dark-room-step-64"])
    monkeypatch.setattr(c_compiler.shutil, "which", lambda name: None)
    with workload.prepare(small=True) as contest:
        assert not any(rival.label.startswith("C,") for rival in contest.rivals)
    assert "no C compiler: dark_room.c is not timed" in capsys.readouterr().err
    assert ("Dark Room in C", "no compiler: install gcc or clang") in availability()
    assert "C" not in versions()


def test_source_that_does_not_compile_is_left_out_in_words(capsys, tmp_path):
    if c_compiler.compiler() is None:
        pytest.skip("no C compiler")
    broken = tmp_path / "broken.c"
    broken.write_text("int;x")
    assert c_compiler.compile_source(broken) is None
    assert "failed: broken.c is not timed: " in capsys.readouterr().err


def test_rival_in_c_does_the_same_work():
    if c_compiler.compiler() is None:
        pytest.skip("no C compiler")
    actions = np.random.default_rng(0).integers(5, size=(45, 7))
    (rival,) = c_dark_room.step_rivals(DarkRoom(), np.arange(7) * 11, actions)
    rival.check()
    (wrong,) = c_dark_room.step_rivals(DarkRoom(episode_length=19), np.arange(7) * 11, actions)
    with pytest.raises(NotEquivalent, match="C: "):
        wrong.check()


@pytest.mark.parametrize("package", OPTIONAL)
def test_installed_rival_does_the_same_work(package):
    if not is_installed(package):
        pytest.skip(f"{package} is not installed; pip install {OPTIONAL[package]}")
    (workload,) = select([WORKLOADS_OF[package]])
    with workload.prepare(small=True) as contest:
        assert len(contest.rivals) > 1
        contest.check()


def slices(draw):
    """A sampler of windows whose lanes and starts `draw(lanes, starts)` may spoil."""

    def make(arrays, batch_size, length):
        def sample():
            generator = np.random.default_rng(0)
            num_lanes, capacity = arrays["action"].shape
            lanes = generator.integers(num_lanes, size=batch_size)
            starts = generator.integers(capacity - length + 1, size=batch_size)
            out = {
                name: np.empty((batch_size, length, *a.shape[2:]), a.dtype)
                for name, a in arrays.items()
            }
            copy_slices(arrays, *draw(lanes, starts), out)
            return out

        return sample

    return make


def test_windows_from_everywhere_pass():
    require_windows("slices", slices(lambda lanes, starts: (lanes, starts)))


@pytest.mark.parametrize(
    "draw",
    [lambda lanes, starts: (lanes * 0, starts), lambda lanes, starts: (lanes, starts * 0)],
)
def test_windows_of_a_few_places_are_refused(draw):
    with pytest.raises(NotEquivalent, match="do not come from everywhere"):
        require_windows("slices", slices(draw))


def test_windows_that_are_not_consecutive_are_refused():
    def make(arrays, batch_size, length):
        whole = slices(lambda lanes, starts: (lanes, starts))(arrays, batch_size, length)
        return lambda: whole() | {"action": whole()["action"][:, ::-1]}

    with pytest.raises(NotEquivalent, match="action is not that of consecutive"):
        require_windows("reversed", make)


def test_other_physics_is_noticed():
    lakes = lakes_of_adfast(CHECKED_ENVIRONMENTS)

    def step_all(actions):
        return lakes(np.where(actions == DOWN, RIGHT, actions))

    with pytest.raises(NotEquivalent, match="never down"):
        require_same_episodes("never down", step_all)
