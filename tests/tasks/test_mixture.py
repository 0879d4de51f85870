"""Mixture: its twin, which tasks it has, its schema, its learners, and what cannot be mixed."""

import pickle
from functools import partial

import numpy as np
import pytest

from adfast import check_family, source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.random_streams import MEMBER_TASKS
from adfast.simulators import BatchSimulator
from adfast.tasks.checked_calls import checked_observe, checked_reset, checked_step
from adfast.tasks.observation import RealObservation
from adfast.tasks.permutation import permuted
from adfast.tasks.shared_schema import shared_schema
from adfast.tasks.transition_schema import TransitionSchema
from own_family import Walk
from reference import mixture as twin
from reference.mixture import DEFAULT_MEMBERS, DOORS, HARD, ICE, ROOM, VARIANTS, MixtureReference
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant


def made(*members, **options):
    return tasks.make("mixture", members=list(members), **options)


@every_variant("mixture")
def test_long_random_run_matches_reference(options):
    family = tasks.make("mixture", **options)
    options = {"members": DEFAULT_MEMBERS, **options}
    task_ids = np.arange(17) * 11 % family.num_tasks
    seen = assert_follows_twin(family, partial(MixtureReference, **options), task_ids, 6)
    assert len(set(seen)) > 20


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_tasks_are_allotted_and_drawn_as_in_the_reference(options):
    family = tasks.make("mixture", **options)
    weights = [member.weight for member in family.members]
    assert list(family.allotted) == twin.allotted(weights, family.tasks)
    num_tasks = [member.family.num_tasks for member in family.members]
    kinds, own = family.members_of(np.arange(family.num_tasks))
    skips = [member.skip for member in family.members]
    expected = [
        twin.member_task(task_id, weights, family.tasks, num_tasks, skips)
        for task_id in range(family.num_tasks)
    ]
    assert list(zip(kinds.tolist(), own.tolist(), strict=True)) == expected
    assert len(set(expected)) == family.num_tasks


def test_mixtures_of_what_one_passes_over_share_no_task():
    first = made(ROOM, ICE, tasks=48)
    shares = [member.weight * 16 for member in first.members]
    rest = made({**ROOM, "skip": 16, "weight": 9.0}, {**ICE, "weight": 0.0}, tasks=9)
    kinds, own = first.members_of(np.arange(48))
    assert np.bincount(kinds).tolist() == shares
    _, others = rest.members_of(np.arange(9))
    assert sorted([*own[kinds == 0], *others]) == list(range(25))


@pytest.mark.parametrize("name", sorted({*tasks.names()} - {"mixture", "water-maze"}))
def test_no_task_of_a_member_has_no_parameters(name):
    family = tasks.make("mixture", members=[{"name": name}, ICE], tasks=6)
    is_ice = family.members_of(np.arange(6))[0] == 1
    (ice,) = np.unique(family.task_parameters(np.flatnonzero(is_ice))[:, 0])
    assert ice == 1


@pytest.mark.parametrize("count", [1, 2, 3, 5, 64, 65, 1000])
def test_a_permutation_has_each_number_once(count):
    placed = permuted(np.arange(count), count, MEMBER_TASKS, 3)
    assert sorted(placed.tolist()) == list(range(count))
    assert (
        count < 64 or placed.tolist() != permuted(np.arange(count), count, MEMBER_TASKS, 4).tolist()
    )


def test_a_permutation_of_very_many_is_even():
    for count in (2**40 + 7, 2**62 + 1, 2**63 - 1):
        placed = permuted(np.arange(4000), count, MEMBER_TASKS, 0)
        assert len(set(placed.tolist())) == 4000
        assert abs(placed.astype(np.float64).mean() / count - 0.5) < 0.03


def test_first_tasks_of_a_member_are_spread_evenly():
    counts = np.zeros(81)
    for stream in range(2000):
        counts[permuted(np.arange(1), 81, MEMBER_TASKS, stream)] += 1
    assert abs(counts - 2000 / 81).max() < 5 * (2000 / 81) ** 0.5


def test_schema_holds_every_member_and_members_without_tasks():
    families = [tasks.make("key-to-door"), tasks.make("frozen-lake"), Walk(reward_dtype="int8")]
    schema = shared_schema(families)
    assert (schema.observation.sizes, schema.num_actions) == ((81,), 5)
    assert (schema.episode_length, schema.reward_dtype) == (100, "int16")
    assert shared_schema(families, kinds=3).observation.sizes == (81, 3)
    trained = made(ROOM, {**DOORS, "weight": 0.0}, tasks=20)
    deployed = made({**ROOM, "weight": 0.0}, DOORS, tasks=20)
    assert trained.transition_schema == deployed.transition_schema
    assert trained.members_of(np.arange(20))[0].tolist() == [0] * 20
    assert deployed.members_of(np.arange(20))[0].tolist() == [1] * 20


@pytest.mark.parametrize(
    ("dtypes", "shared"),
    [
        (["uint8"], "uint8"),
        (["uint8", "int8"], "int16"),
        (["uint8", "uint16"], "uint16"),
        (["int8", "uint16"], "int32"),
        (["int32", "float32"], "float32"),
    ],
)
def test_rewards_have_the_narrowest_dtype_that_holds_all(dtypes, shared):
    assert shared_schema([Walk(reward_dtype=name) for name in dtypes]).reward_dtype == shared


def test_a_spare_action_does_nothing_and_takes_time():
    family = tasks.make("mixture", **VARIANTS["three"])
    ice = np.flatnonzero(family.members_of(np.arange(60))[0] == 1)
    simulator = BatchSimulator(family, ice)
    simulator.reset()
    for step in range(30):
        result = simulator.step(np.full(len(ice), 4))
        assert not result.final_observation.any()
        assert not result.reward.any()
        assert not result.terminated.any()
        assert result.truncated.all() == (step == 29)
    assert made(ICE, {**ROOM, "weight": 0.0}, tasks=10).action_label(4) == "spare"


def test_names_are_those_of_the_member():
    family = made(ROOM, ICE, tasks=30)
    assert family.task_label(0).startswith("dark-room: row ")
    assert family.task_label(29).startswith("frozen-lake: lake ")
    assert family.action_label(0) == "no-op / left"
    assert family.action_label(4) == "left"


def test_optimum_is_the_members_and_what_the_expert_earns():
    family = tasks.make("mixture")  # whose second member's ice is firm
    assert family.planner
    ids = np.r_[:20, family.num_tasks - 20 : family.num_tasks]  # of both members
    kinds, own = family.members_of(ids)
    for kind, member in enumerate(family.members):
        where = kinds == kind
        np.testing.assert_array_equal(
            family.optimal_return(ids)[where], member.family.optimal_return(own[where])
        )
    repeated = np.repeat(ids[kinds > 0], 4)  # where starts are not random
    assert len(repeated) == 80
    returns = source_algorithms.make("optimal").returns(family, repeated, repeated, 1, 0)
    np.testing.assert_array_equal(returns[:, 0], family.optimal_return(repeated))


@pytest.mark.thorough  # that of the default: tests/family_check
def test_check_family_accepts_a_mixture():
    checked = check_family(tasks.make("mixture", **VARIANTS["kinds"]), tasks=8)
    assert checked.optimum == "what the best policy earns in 8 tasks"


def test_histories_are_the_members_own_padded():
    """Where neither steps nor the clock differ, a learner does the same in mixture and member."""
    family = made(ROOM, DOORS, tasks=40)
    kinds, own = family.members_of(np.arange(40))
    ids = np.flatnonzero(kinds == 1)
    learner = source_algorithms.make("q-learning")
    mixed = family.transition_schema.allocate(len(ids), 30 * 12)
    learner.learn(family, ids, ids, 30, 0, mixed)
    member = family.members[1].family
    alone = member.transition_schema.allocate(len(ids), 30 * 12)
    learner.learn(member, own[ids], ids, 30, 0, alone)
    for name in ("action", "reward", "boundary", "episode_step"):
        np.testing.assert_array_equal(mixed[name], alone[name])
    number = alone["observation"] @ np.array([3, 1])
    np.testing.assert_array_equal(mixed["observation"][..., 0], number)


def test_as_many_members_as_may_be_are_dispatched():
    rooms = [
        {"name": "dark-room", "options": {"size": 2 + place, "episode_length": 9}}
        for place in range(64)
    ]
    family = made(*rooms, tasks=128)
    for task_id in (0, 1, 77, 127):
        start = checked_reset(family, task_id, 0, 5)
        half = (2 + task_id // 2) // 2
        assert start == (half, half)
        state, *_ = checked_step(family, task_id, start, 1, 5)
        assert state == (half - 1, half)
        assert checked_observe(family, task_id, state) == ((half - 1) * (2 + task_id // 2) + half,)
    with pytest.raises(InvalidArgument, match="members must have at most 64 items"):
        made(*rooms, ROOM)


def test_a_mixture_is_hashable_and_survives_its_files():
    family = made(ROOM, ICE, tasks=30)
    assert hash(family) == hash(made(ROOM, ICE, tasks=30))
    assert pickle.loads(pickle.dumps(family)) == family
    assert tasks.make("mixture", **family.model_dump(mode="json")) == family
    assert family != made(ROOM, {**ICE, "weight": 3.0}, tasks=30)


class Measured(Walk):
    """A walk whose place is measured, not counted."""

    @property
    def transition_schema(self):
        return TransitionSchema(RealObservation("float32", (1,)), 2, self.episode_length)


OWN = f"{__name__}:Measured"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": []}, "members must not be empty; give tables such as"),
        ({"members": [{"name": OWN}]}, "observations of walk must be counted .*, got real numbers"),
        ({"members": [{**ROOM, "weight": 0.0}]}, "weights of members must not all be 0"),
        ({"members": [{**ROOM, "weight": -1.0}]}, r"members\[0\].weight must be greater than or"),
        ({"members": [ROOM, HARD, ROOM]}, r"members\[2\] must differ from members\[0\], another"),
        ({"members": [{"name": "mixture"}]}, "a member must not be a mixture itself; list its"),
        (
            {"members": [ROOM, ICE], "tasks": 120},
            r"members\[0\], dark-room, has 25 tasks, but by its weight 1 of 3 it must have 40 of "
            "the 120 tasks; give it less weight, .*, or take some 75 tasks in all",
        ),
        (
            {"members": [{**ROOM, "skip": 20}], "tasks": 6},
            r"members\[0\], dark-room, has 5 tasks behind the 20 that are passed over, but by its",
        ),
        (
            {"members": [{"name": "dark-room", "options": {"size": 257}}]},
            r"observations of dark-room must be at most 65,536 .*, but \(257, 257\) are 66,049",
        ),
        ({"members": [{"name": "dark-rom"}]}, 'unknown task family "dark-rom"'),
        (
            {"members": [{"name": "dark-room", "options": {"sise": 3}}]},
            'unknown setting "sise".*did you mean "size"',
        ),
        ({"members": [{"name": "dark-room", "wait": 1}]}, r"members\[0\].wait must not be there"),
        ({"members": [{"weight": 1.0}]}, r"members\[0\].name must be there"),
        ({"members": ["dark-room"]}, r"members\[0\] must be a table of settings"),
        ({"members": 3}, "members must be a list"),
        ({"tasks": 0}, "tasks must be greater than or equal to 1"),
    ],
)
def test_what_cannot_be_mixed_is_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("mixture", **options)


@pytest.mark.parametrize(
    ("families", "message"),
    [
        ([], "families must not be empty"),
        (3, "families must be a list of task families, got 3"),
        (["dark-room"], "family must be a task family"),
        ([Measured()], "must be counted"),
    ],
)
def test_what_cannot_share_a_schema_is_refused(families, message):
    with pytest.raises(InvalidArgument, match=message):
        shared_schema(families)


def test_a_member_with_too_many_actions_is_refused_by_its_own_schema():
    with pytest.raises(InvalidArgument, match="num_actions"):
        TransitionSchema(tasks.make("dark-room").transition_schema.observation, 256, 9)


class Leaving(Walk):
    """A walk that leaves its own schema: nine cells are declared as eight."""

    state_sizes = (8,)


def test_a_member_that_leaves_its_schema_is_found_out_in_a_wider_mixture():
    wide = {"name": "dark-room", "options": {"size": 20}}
    family = made({"name": f"{__name__}:Leaving"}, wide, tasks=9, observes_kind=False)
    kinds, own = family.members_of(np.arange(9))
    simulator = BatchSimulator(family, np.flatnonzero((kinds == 0) & (own == 0)))
    simulator.reset()
    for _ in range(7):
        simulator.step([1])
    with pytest.raises(InvalidArgument, match=r"component 0 of state \(-1, 0, 8"):
        simulator.step([1])
