"""Plan: the jobs of the scaling plan, from a record, a card's record and what is assumed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.models.config import ModelConfig
from benchmarks.figures import CARD_RECORDS
from benchmarks.record import Record, newest_records
from benchmarks.scale_plan.assumptions import Assumptions
from benchmarks.scale_plan.measured_rates import CARD_STEP, ROWS, CoreRates, rate_of
from benchmarks.scale_plan.stages import (
    Data,
    Job,
    assumed_card_rate,
    collection,
    kinds_of_data,
    training,
)

COLLECTED, TRAINED = 1e12, 1e11  # transitions
CONTEXT_LENGTH, WINDOW = 4096, 256
MODELS = {
    "4 layers of 64 (the card's benchmark)": ModelConfig(num_layers=4, num_heads=4),
    "4 layers of 512": ModelConfig(num_layers=4, width=512, num_heads=8, feed_forward_width=2048),
    "12 layers of 768": ModelConfig(
        num_layers=12, width=768, num_heads=12, feed_forward_width=3072
    ),
    "24 layers of 2,048": ModelConfig(
        num_layers=24, width=2048, num_heads=16, feed_forward_width=8192
    ),
}


@dataclass(frozen=True)
class Plan:
    """All that the page is computed from."""

    record: Record
    card: Record
    assumed: Assumptions

    @property
    def core(self) -> CoreRates:
        """What a core does."""
        return CoreRates.of(self.record)

    @property
    def data(self) -> list[Data]:
        """The kinds of histories, the compiled learner's first."""
        fields = tasks.make("dark-room").transition_schema.fields
        items = [field.item_bytes for field in fields.values()]
        return kinds_of_data(self.core, items, self.assumed)

    def collections(self) -> list[Job]:
        """Of each kind of data."""
        return [collection(data, COLLECTED, self.core, self.assumed) for data in self.data]

    def trainings(self, data: Data) -> list[Job]:
        """Of each model."""
        return [
            training(
                name,
                data,
                self.card_rate(number, model),
                CONTEXT_LENGTH,
                transitions=TRAINED,
                stored=COLLECTED,
                core=self.core,
                assumed=self.assumed,
            )
            for number, (name, model) in enumerate(MODELS.items())
        ]

    def card_rate(self, number: int, model: ModelConfig) -> tuple[float, bool]:
        """Transitions a second, and whether they were measured: of the first model alone."""
        if number == 0:
            rows = {row.name: row for row in self.card.measurements}
            return rate_of(rows[CARD_STEP]), True
        return assumed_card_rate(model, CONTEXT_LENGTH, self.assumed), False


def newest_plan(assumed: Assumptions, record: Path | None = None) -> Plan:
    """From `record`, or the newest that has the rows; and from the newest record of a card."""
    if record is not None:
        chosen = Record.read(record)
    else:
        read = [Record.read(path) for path in newest_records().values()]
        whole = [one for one in read if {*ROWS} <= {row.name for row in one.measurements}]
        if not whole:
            raise InvalidArgument(
                f"no record in benchmarks/records/ holds the rows {', '.join(ROWS)}; make one: "
                "adfast bench --record"
            )
        chosen = max(whole, key=lambda one: one.date)
    card = Record.read([*newest_records(CARD_RECORDS).values()][-1])
    return Plan(chosen, card, assumed)
