"""A collection or a training as stages: what each passes in a second, in bytes and in dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adfast.models.config import ModelConfig
from benchmarks.scale_plan.assumptions import Assumptions
from benchmarks.scale_plan.measured_rates import CoreRates, operations

HOUR, GIGABYTE = 3600.0, 1e9


@dataclass(frozen=True)
class Data:
    """Histories of one kind: how fast a core makes them, and what a row takes.

    `runs` are the bytes of each of its fields, which lie apart in a shard.
    """

    name: str
    generated: float  # transitions a second of a core
    runs: tuple[float, ...]

    @property
    def row_bytes(self) -> float:
        """Of a transition."""
        return sum(self.runs)


@dataclass(frozen=True)
class Stage:
    """`servers` that pass `rate` transitions a second each."""

    name: str
    server: str
    servers: int
    rate: float
    is_measured: bool

    @property
    def together(self) -> float:
        """Transitions a second of all servers."""
        return self.rate * self.servers


@dataclass(frozen=True)
class Job:
    """So many transitions through stages that work side by side, each as fast as it can."""

    name: str
    transitions: float
    stages: tuple[Stage, ...]
    dollars_per_hour: float

    @property
    def slowest(self) -> Stage:
        """The stage that all others wait for."""
        return min(self.stages, key=lambda stage: stage.together)

    @property
    def hours(self) -> float:
        """Until all have passed."""
        return self.transitions / self.slowest.together / HOUR

    @property
    def dollars(self) -> float:
        """For the fleet, as long as it takes."""
        return self.hours * self.dollars_per_hour


def kinds_of_data(core: CoreRates, counted: Sequence[float], assumed: Assumptions) -> list[Data]:
    """Data of compiled learners with rows of `counted` bytes a field, and recorded pictures."""
    picture = assumed.sizes.picture_bytes  # kept once
    return [
        Data("Dark Room, compiled learner", core.generated, tuple(counted)),
        Data("recorded frames of 84 x 84", assumed.rates.external_steps, (picture, *counted[1:])),
    ]


def collection(data: Data, transitions: float, core: CoreRates, assumed: Assumptions) -> Job:
    """Every core simulates, learns and writes shards of its own, into one shared storage."""
    fleet, rates, row = assumed.fleet, assumed.rates, data.row_bytes
    is_compiled = data.generated == core.generated
    made = 1 / (1 / data.generated + row / core.written_bytes)
    stages = (
        Stage("simulate, learn, write", "core", fleet.cores, made, is_compiled),
        Stage("network", "node", fleet.nodes, rates.network_bytes / row, False),
        Stage("shared storage", "storage", 1, rates.shared_bytes / row, False),
    )
    return Job(data.name, transitions, stages, fleet.cores * assumed.prices.core_hour)


def training(
    name: str,
    data: Data,
    card_rate: tuple[float, bool],
    context_length: int,
    *,
    transitions: float,
    stored: float,
    core: CoreRates,
    assumed: Assumptions,
) -> Job:
    """Windows of `stored` transitions, drawn by one thread a card, from drives if need be.

    `card_rate` is in transitions a second of a card, and whether that was measured.
    """
    fleet, rates, row = assumed.fleet, assumed.rates, data.row_bytes
    stages = [
        Stage("sampler", "thread", fleet.cards, core.drawn_bytes / row, True),
        Stage("copy to the card", "card", fleet.cards, rates.card_copy_bytes / row, False),
        Stage("card", "card", fleet.cards, *card_rate),
    ]
    if stored * row > fleet.nodes * assumed.sizes.memory_bytes:
        rate = drive_rate(data, context_length, assumed)
        stages.insert(0, Stage("drive", "drive", fleet.drives, rate, False))
    prices = assumed.prices
    dollars = fleet.cards * prices.card_hour + fleet.cores * prices.core_hour
    return Job(name, transitions, tuple(stages), dollars)


def drive_rate(data: Data, context_length: int, assumed: Assumptions) -> float:
    """Transitions a second that a drive reads in windows at random places.

    A window is a run of each field, and a run touches a page more than it fills, in the mean.
    """
    page = assumed.sizes.page_bytes
    pages = sum(1 + (context_length * item - 1) / page for item in data.runs)
    reads = min(assumed.rates.drive_reads, assumed.rates.drive_bytes / page)
    return context_length * reads / pages


def assumed_card_rate(model: ModelConfig, context_length: int, assumed: Assumptions) -> float:
    """Transitions a second of a card, for a model that reaches the assumed share of its peak."""
    reached = assumed.rates.card_operations * assumed.shares.card_operations
    return reached / sum(operations(model, context_length))


def storage_dollars(data: Data, transitions: float, assumed: Assumptions) -> tuple[float, float]:
    """What a month of the histories costs, over the network and on drives."""
    gigabytes = transitions * data.row_bytes / GIGABYTE
    prices = assumed.prices
    return gigabytes * prices.gigabyte_month, gigabytes * prices.drive_gigabyte_month
