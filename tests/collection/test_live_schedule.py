"""The schedule of a live ring is known before anything is collected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfast.collection.config import CollectionConfig
from adfast.collection.live_schedule import plan_live_schedule
from adfast.errors import InvalidArgument
from collection.small_collection import make_plan

LONGEST = 30  # 3 kept episodes of 10 transitions


def make_schedule(num_draws=20, sampled_transitions=90, **settings):
    return plan_live_schedule(
        make_plan(live=True, **settings),
        num_draws=num_draws,
        sampled_transitions=sampled_transitions,
    )


def test_draws_see_a_first_block_and_then_as_much_again_as_they_sample():
    schedule = make_schedule()
    assert [schedule.committed(draw) for draw in (0, 1, 2, 10)] == [7, 10, 13, 37]
    assert schedule.evicted(10**6) == 0
    slower = make_schedule(fresh_transitions_per_update=10)
    assert [slower.committed(draw) for draw in (0, 2, 3, 6)] == [7, 7, 8, 9]


def test_schedule_ends_with_the_plan_or_with_the_last_draw():
    assert make_schedule(num_draws=1000).num_histories == 120
    assert make_schedule(num_draws=1000).committed(999) == 120
    assert make_schedule(num_draws=20).num_histories == 7 + 19 * 3
    assert make_schedule(block_histories=500).committed(0) == 120


@given(
    block=st.integers(1, 200),
    fresh=st.integers(1, 400),
    capacity=st.none() | st.integers(LONGEST, 5000),
    num_draws=st.integers(1, 300),
)
def test_window_of_a_draw_moves_forward_and_holds_what_the_capacity_says(
    block, fresh, capacity, num_draws
):
    schedule = make_schedule(
        num_draws,
        block_histories=block,
        fresh_transitions_per_update=fresh,
        live_capacity=capacity,
    )
    before = (0, 0)
    for draw in range(num_draws):
        evicted, committed = schedule.evicted(draw), schedule.committed(draw)
        assert before <= (evicted, committed)
        assert 0 <= evicted < committed <= min(120, schedule.num_histories)
        if capacity is not None:
            assert (committed - evicted) * LONGEST <= capacity
            assert evicted == 0 or (committed - evicted + 1) * LONGEST > capacity
        before = (evicted, committed)
    assert before[1] == schedule.num_histories


def test_capacity_below_one_history_is_refused():
    with pytest.raises(InvalidArgument, match=r"live_capacity must be at least 30.*got 29; raise"):
        make_schedule(live_capacity=29)


@pytest.mark.parametrize("setting", ["live_capacity", "fresh_transitions_per_update"])
def test_setting_of_a_ring_without_a_ring_is_refused(setting):
    with pytest.raises(InvalidArgument, match=rf"{setting} is a setting of a live ring, got 50 w"):
        CollectionConfig.from_mapping({setting: 50})
    assert CollectionConfig.from_mapping({setting: "none"}) == CollectionConfig()
