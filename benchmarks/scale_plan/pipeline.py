"""Stations in a row, simulated event by event: which of them is busy, starved or held up.

Items wait before a station, one of its servers works on each, and what comes of it goes on to the
next. Where there is no room the server keeps it and does nothing (blocking after service).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adfast.errors import InvalidArgument

EPSILON = 1e-9  # of an item: what sums of shares are off by


@dataclass(frozen=True)
class Station:
    """`servers` that take `seconds` for an item each, in the mean or exactly.

    Before it is `room` for items that wait (None: any number). Of each item that it has worked on
    come `gives` for the next station, in the mean.
    """

    name: str
    servers: int
    seconds: float
    room: int | None = None
    gives: float = 1.0
    times: Literal["equal", "exponential"] = "equal"


@dataclass(frozen=True)
class Flow:
    """What went through one station: items, and the shares of its servers' time."""

    taken: int
    given: int
    busy: float
    blocked: float


def simulate(stations: Sequence[Station], items: int, *, seed: int = 0) -> tuple[float, list[Flow]]:
    """Seconds until the last of `items` has left the last station, and the flow of each.

    A function of its arguments.
    """
    if not stations or items < 1:
        raise InvalidArgument("a simulation needs at least one station and one item")
    return Simulation(stations, items, seed).run()


class Simulation:
    """The state of one run; `simulate` makes it."""

    def __init__(self, stations: Sequence[Station], items: int, seed: int) -> None:
        self.stations = stations
        self.draws = [np.random.default_rng((seed, n)) for n in range(len(stations))]
        self.waiting = [items] + [0] * (len(stations) - 1)
        self.idle = [station.servers for station in stations]
        # Of each station: what its blocked servers hold, and since when.
        self.held: list[deque[tuple[int, float]]] = [deque() for _ in stations]
        self.owed = [0.0] * len(stations)
        self.taken, self.given = [0] * len(stations), [0] * len(stations)
        self.busy, self.blocked = [0.0] * len(stations), [0.0] * len(stations)
        self.events: list[tuple[float, int, int]] = []  # when, number, station
        self.now = 0.0

    def run(self) -> tuple[float, list[Flow]]:
        """Until nothing happens any more."""
        number = 0
        while True:
            self.let_go()
            for n, station in enumerate(self.stations):
                while self.waiting[n] and self.idle[n]:
                    seconds = self.service(n, station)
                    heapq.heappush(self.events, (self.now + seconds, number, n))
                    number += 1
                    self.waiting[n] -= 1
                    self.idle[n] -= 1
                    self.taken[n] += 1
                    self.busy[n] += seconds
            if not self.events:
                break
            self.now, _, n = heapq.heappop(self.events)
            self.owed[n] += self.stations[n].gives
            count = int(self.owed[n] + EPSILON)
            self.owed[n] -= count
            self.held[n].append((count, self.now))
        flows = []
        for n, station in enumerate(self.stations):
            time = max(station.servers * self.now, EPSILON)
            shares = self.busy[n] / time, self.blocked[n] / time
            flows.append(Flow(self.taken[n], self.given[n], *shares))
        return self.now, flows

    def service(self, n: int, station: Station) -> float:
        """Seconds of the next item."""
        if station.times == "equal":
            return station.seconds
        return float(self.draws[n].exponential(station.seconds))

    def let_go(self) -> None:
        """Pass on what servers hold, the last station first, as far as there is room."""
        for n in range(len(self.stations) - 1, -1, -1):
            while self.held[n]:
                count, since = self.held[n][0]
                if not self.fits(n + 1, count):
                    break
                self.held[n].popleft()
                self.blocked[n] += self.now - since
                self.idle[n] += 1
                self.given[n] += count
                if n + 1 < len(self.stations):
                    self.waiting[n + 1] += count

    def fits(self, n: int, count: int) -> bool:
        """Whether `count` items may go to station `n`, where free servers take some at once."""
        if n == len(self.stations) or self.stations[n].room is None:
            return True
        is_empty = not self.waiting[n] and self.idle[n] == self.stations[n].servers
        return is_empty or self.waiting[n] + count <= (self.stations[n].room or 0) + self.idle[n]
