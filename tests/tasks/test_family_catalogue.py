"""Families are made by name, one's own by module and class."""

import pytest

from adfast import tasks
from adfast.errors import InvalidArgument, UnknownName


def test_family_of_ones_own_is_made_by_module_and_class():
    family = tasks.make("own_family:Walk", episode_length=5)
    assert (family.name, family.episode_length) == ("walk", 5)
    with pytest.raises(UnknownName, match='own_family:Walk: unknown setting "size"'):
        tasks.make("own_family:Walk", size=5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "dark-rom",
            r'did you mean "dark-room"\? valid: .*, or one of your own as "package.module:',
        ),
        ("nowhere:Walk", "cannot be imported: No module named 'nowhere'; its module"),
        ("own_family:Run", "cannot be imported: module 'own_family' has no attribute 'Run'"),
        ("own_family:TASKS", "must be a class derived from adfast.tasks.family.TaskFamily"),
        ("adfast.tasks.family:TaskFamily", "must define name, num_tasks, reset, state_sizes, step"),
    ],
)
def test_family_that_is_not_there_is_refused(name, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make(name)
