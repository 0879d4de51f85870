"""Every family's optimum, plan and counted chances against plain Python, in all their options."""

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.random_streams import mix32_array
from adfast.tasks.checked_calls import checked_reset, checked_step
from adfast.tasks.compiled.outcomes import equally_likely
from adfast.tasks.compiled.planning import planned_returns
from reference import value_iteration
from reference.plain_casts import plain_casts
from tasks.twins import CASES, marks_of

WITHOUT = {
    *(case for case in CASES if case[0] == "bandit"),  # chances are no finite number
    *(case for case in CASES if case[0] == "water-maze"),  # too many places to plan from
    ("mixture", "kinds"),  # nobody has counted its starts
    *(("keys-and-boxes", variant) for variant in ("keys-and-boxes", "dark-room")),
    ("mixture", "mixture"),  # like these minutes in plain Python
    ("mixture", "others"),  # members that begin in ways of their own
}
FAMILIES = {case: CASES[case].options for case in CASES if case not in WITHOUT}
# Plans that take seconds: a mixture's members have optima of their own (test_mixture.py), and what
# is varied in all gridworlds alike is planned in Dark Room and two others.
SLOW = {
    ("mixture", "three"),
    *((name, "varied, all") for name in ("dark-house", "key-to-door", "keys-and-boxes")),
}
EVERY_FAMILY = pytest.mark.parametrize(
    ("name", "variant"),
    [
        pytest.param(*of, marks=(pytest.mark.thorough,) if of in SLOW else marks_of(*of))
        for of in FAMILIES
    ],
)
# Their optimum is a formula or the plan of a plainer family, so their own plan would be compiled
# for this test alone; and what they vary, another row of their family plans.
NOT_PLANNED = {
    *(("dark-room", variant) for variant in ("hard", "dpt")),
    *(("dark-room", f"varied, {variant}") for variant in ("slips", "permuted", "noisy", "moving")),
    *(("dark-house", variant) for variant in ("one-room", "hard", "varied, all")),
    *(("key-to-door", variant) for variant in ("key-to-door", "explicit-start", "varied, moving")),
    *((name, "varied, all") for name in ("cliff-walking", "keys-and-boxes")),
    ("frozen-lake", "varied, noisy"),
}
SAMPLED_KEYS = 1024


def some_tasks(family, count):
    return np.unique(np.linspace(0, family.num_tasks - 1, count).astype(np.int64))


@EVERY_FAMILY
def test_optimum_and_plan_are_those_of_plain_value_iteration(name, variant):
    family = tasks.make(name, **FAMILIES[name, variant])
    ids = some_tasks(family, 3)
    expected = [value_iteration.optimum(family, int(task_id)) for task_id in ids]
    if (name, variant) not in NOT_PLANNED:
        np.testing.assert_allclose(planned_returns(family, ids), expected, rtol=1e-13)
    np.testing.assert_allclose(family.optimal_return(ids), expected, rtol=1e-13)


@EVERY_FAMILY
def test_chances_are_those_of_random_keys(name, variant):
    """As often as their probabilities say, within three and a half standard errors."""
    family = tasks.make(name, **FAMILIES[name, variant])
    task_id = int(some_tasks(family, 3)[-1])
    keys = mix32_array(np.arange(SAMPLED_KEYS, dtype=np.uint32)).tolist()
    first = checked_reset(family, task_id, 0, 0)
    calls = [(family.starts, lambda key: checked_reset(family, task_id, 0, key))] + [
        (family.outcomes, lambda key, action=a: checked_step(family, task_id, first, action, key))
        for a in range(family.num_actions)
    ]
    for chances, call in calls:
        expected = {}
        for key, probability in chances:
            result = call(key)
            expected[result] = expected.get(result, 0) + probability
        if len(chances) == 1:
            continue
        with plain_casts():
            drawn = [call(key) for key in keys]
        assert set(drawn) <= set(expected)
        for result, probability in expected.items():
            probability = min(probability, 1.0)  # a sum of thirds may be a bit more
            error = (probability * (1 - probability) / SAMPLED_KEYS) ** 0.5
            assert abs(drawn.count(result) / SAMPLED_KEYS - probability) <= 3.5 * error + 1e-9


def test_rows_that_are_not_planned_are_rows():
    assert set(FAMILIES) >= NOT_PLANNED


def test_plan_does_not_depend_on_the_other_tasks_asked_for():
    family = tasks.make("frozen-lake", episode_length=20)
    ids = np.array([7, 3, 7, 900])
    alone = [planned_returns(family, [task_id])[0] for task_id in ids]
    np.testing.assert_array_equal(planned_returns(family, ids), alone)


def test_plan_of_too_many_states_is_refused():
    with pytest.raises(InvalidArgument, match=r"at most 4,194,304, but dark-room .* 16,777,216 st"):
        planned_returns(tasks.make("dark-room", size=4096), [0])


def test_keys_that_cannot_be_found_are_refused():
    with pytest.raises(InvalidArgument, match=r"every number in 0\.\.3 as often .* but 3 did not"):
        equally_likely(4, lambda keys: keys % np.uint32(3))
