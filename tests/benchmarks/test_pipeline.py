"""The simulated pipeline keeps what it is given, and is as fast as theory says where that knows."""

import pytest

from adfast.errors import InvalidArgument
from benchmarks.scale_plan.pipeline import Station, simulate


def station(servers=1, seconds=1.0, **options):
    return Station("station", servers, seconds, **options)


@pytest.mark.parametrize(("servers", "items", "expected"), [(1, 7, 7), (3, 7, 3), (10, 7, 1)])
def test_one_station_takes_its_items_in_turns(servers, items, expected):
    seconds, (flow,) = simulate([station(servers)], items)
    assert seconds == expected
    assert (flow.taken, flow.given) == (items, items)
    assert flow.busy == pytest.approx(items / (servers * expected))


@pytest.mark.parametrize("room", [None, 0, 1, 5])
@pytest.mark.parametrize("slow", [0, 1, 2])
def test_slowest_station_sets_the_pace(room, slow):
    rates = [4.0, 4.0, 4.0]
    rates[slow] = 1.0
    stations = [station(2, 2 / rate, room=room) for rate in rates]
    seconds, flows = simulate(stations, 400)
    assert seconds == pytest.approx(400, rel=0.02)
    busy = [flow.busy for flow in flows]
    assert max(busy) == busy[slow] > 0.98
    is_held_up = room is not None
    assert all((flow.blocked > 0.5) == is_held_up for flow in flows[:slow])
    assert all(flow.blocked == 0 for flow in flows[slow:])


@pytest.mark.parametrize("gives", [0.1, 1.0, 2.5, 3.0])
@pytest.mark.parametrize("room", [0, 2, None])
def test_nothing_is_lost_or_made_up(gives, room):
    stations = [
        station(3, 0.7, times="exponential"),
        station(2, 0.3, room=room, gives=gives, times="exponential"),
        station(4, 0.5, room=room, times="exponential"),
    ]
    _, flows = simulate(stations, 501, seed=3)
    assert [flow.taken for flow in flows] == [501, 501, int(501 * gives + 1e-9)]
    assert [flow.given for flow in flows] == [501, flows[2].taken, flows[2].taken]
    assert all(0 < flow.busy + flow.blocked <= 1 + 1e-9 for flow in flows)


def test_two_random_stations_without_room_hold_each_other_up_as_theory_says():
    """Of equal exponential times and no room between them: two thirds of the rate (Hunt 1956)."""
    stations = [station(times="exponential"), station(times="exponential", room=0)]
    seconds, flows = simulate(stations, 8_000, seed=1)
    assert 8_000 / seconds == pytest.approx(2 / 3, rel=0.02)
    assert flows[0].blocked == pytest.approx(1 / 3, rel=0.04)
    again, _ = simulate(stations, 8_000, seed=1)
    other, _ = simulate(stations, 8_000, seed=2)
    assert seconds == again != other


def test_room_gives_the_rate_back():
    rates = []
    for room in (0, 2, 8, 32):
        stations = [station(times="exponential"), station(times="exponential", room=room)]
        rates.append(5000 / simulate(stations, 5000, seed=1)[0])
    assert rates == sorted(rates)
    assert rates[-1] > 0.93


def test_nothing_to_simulate_is_refused():
    for stations, items in (([], 1), ([station()], 0)):
        with pytest.raises(InvalidArgument, match="at least one station and one item"):
            simulate(stations, items)
