"""What can be named is listed with what it is; what is broken with why."""

import json

import pytest

from adfast.errors import InvalidArgument, UnknownName
from adfast.runs.listed import KINDS, find_member, listed
from adfast.source_algorithms.tabular.q_learning import QLearning
from adfast.tasks.gridworlds.dark_room import DarkRoom
from own_package import install, run_with

LIST_FAMILIES = """
import dataclasses, json
from adfast.runs.listed import listed
print(json.dumps([dataclasses.asdict(found) for found in listed("families")]))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_shipped_is_listed_with_a_sentence(kind):
    found = listed(kind)
    assert found
    for member in found:
        assert member.problem is None
        assert member.about[-1] in ".?!", member
        assert "\n" not in member.about


def test_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownName, match='did you mean "families"'):
        listed("family")


def test_members_are_found_by_either_name():
    assert find_member("dark-room") is DarkRoom
    assert find_member("q-learning") is QLearning
    assert find_member("adfast.source_algorithms.tabular.q_learning:QLearning") is QLearning


def test_unknown_member_names_the_nearest_of_all_kinds():
    with pytest.raises(UnknownName, match='did you mean "q-learning"'):
        find_member("q-lerning")


@pytest.mark.parametrize("name", ["nowhere:Thing", "json:JSONDecoder", "adfast.config:Nothing"])
def test_full_name_of_no_member_is_refused(name):
    with pytest.raises(InvalidArgument, match="task family"):
        find_member(name)


def test_package_that_fails_to_import_is_listed_with_its_error(tmp_path):
    modules = {"broken": "raise RuntimeError('no luck')\n"}
    install(tmp_path, "own", modules, {"adfast.tasks": {"bad": "own.broken:Broken"}})
    found = {
        member["name"]: member for member in json.loads(run_with(tmp_path, "-c", LIST_FAMILIES))
    }
    assert "no luck" in found["bad"]["problem"]
    assert "own" in found["bad"]["problem"]
    assert found["dark-room"]["problem"] is None
