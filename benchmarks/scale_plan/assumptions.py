"""What the plan assumes and does not measure: prices, a fleet, networks and drives."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field

from adfast.config import Config, read_toml

FILE = Path(__file__).with_name("assumptions.toml")

Positive = Annotated[float, BeforeValidator(float), Field(gt=0)]


class Prices(Config):
    """US dollars."""

    core_hour: Positive
    card_hour: Positive
    gigabyte_month: Positive
    drive_gigabyte_month: Positive


class Fleet(Config):
    """How many of each are rented."""

    nodes: int = Field(ge=1)
    cores_per_node: int = Field(ge=1)
    cards: int = Field(ge=1)
    drives_per_node: int = Field(ge=1)

    @property
    def cores(self) -> int:
        """Of all nodes."""
        return self.nodes * self.cores_per_node

    @property
    def drives(self) -> int:
        """Of all nodes."""
        return self.nodes * self.drives_per_node


class Rates(Config):
    """Per second, of one."""

    network_bytes: Positive
    shared_bytes: Positive
    drive_bytes: Positive
    drive_reads: Positive
    card_copy_bytes: Positive
    card_operations: Positive
    external_steps: Positive


class Shares(Config):
    """Of a peak, what is reached."""

    card_operations: Positive


class Sizes(Config):
    """Bytes, transitions and counts."""

    memory_bytes: Positive
    memory_maps: Positive
    page_bytes: Positive
    processes_per_node: Positive
    history: Positive
    block_histories: Positive
    picture_bytes: Positive


class Assumptions(Config):
    """`assumptions.toml`, or a copy of it with other figures."""

    date: datetime.date
    prices: Prices
    fleet: Fleet
    rates: Rates
    shares: Shares
    sizes: Sizes

    @classmethod
    def read(cls, path: Path = FILE) -> Self:
        """Those of a TOML file; raises `InvalidArgument` for what is missing, unknown or wrong."""
        return cls.from_mapping(read_toml(path), source=str(path))
