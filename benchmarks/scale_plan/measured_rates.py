"""What a record says that a core, or a card, does in a second; and what a recipe then takes.

Legend: T transitions of a row of a batch, K keys that a query sees in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from adfast.errors import InvalidArgument
from adfast.models.config import ModelConfig
from benchmarks.card_workloads import MODEL
from benchmarks.record import Measurement, Record

GENERATE, WRITE, DRAW = "dark-room-q-learning", "store-write", "store-sample-400"
SHORT_STEP, LONG_STEP = "training-step-200", "training-step-2048"
CARD_STEP = "cuda-training-step-4096"
ROWS = (GENERATE, WRITE, DRAW, SHORT_STEP, LONG_STEP)

PASSES = 3  # of a product with weights: forward, and back to inputs and weights
ATTENTION_PRODUCTS = 7  # two forward, and back with the scores computed again


@dataclass(frozen=True)
class CoreRates:
    """What one core does in a second, as the rows `ROWS` of a record have it.

    The two training steps differ in how many keys a query sees, so they tell what a product with
    weights takes from what attention takes: `product_operations` and `attention_operations` are
    those of a second, if it did nothing else.
    """

    generated: float  # transitions by a compiled learner
    written_bytes: float  # into a store, its checksum included
    drawn_bytes: float  # of windows, from memory
    product_operations: float
    attention_operations: float

    @classmethod
    def of(cls, record: Record) -> Self:
        """Those of `record`; raises `InvalidArgument` for missing or contradicting rows."""
        rows = {measurement.name: measurement for measurement in record.measurements}
        missing = [name for name in ROWS if name not in rows]
        if missing:
            raise InvalidArgument(
                f"the record must hold the rows {', '.join(ROWS)}, and lacks {', '.join(missing)}; "
                f"make one: adfast bench {' '.join(ROWS)} --record FILE"
            )
        steps = [rows[SHORT_STEP], rows[LONG_STEP]]
        operations = np.array([operations_of_row(step) for step in steps])
        seconds = 1 / np.array([rate_of(step) for step in steps])
        per_operation = np.linalg.solve(operations, seconds)
        if (per_operation <= 0).any():
            raise InvalidArgument(
                f"the record's {SHORT_STEP} and {LONG_STEP} contradict each other: more keys would "
                "cost less; measure them again, on a quieter machine"
            )
        products, attention = (float(rate) for rate in 1 / per_operation)
        return cls(
            rate_of(rows[GENERATE]),
            byte_rate_of(rows[WRITE]),
            byte_rate_of(rows[DRAW]),
            products,
            attention,
        )

    def training_seconds(self, model: ModelConfig, context_length: int) -> float:
        """Of a transition of a batch, in an update of `model`."""
        products, attention = operations(model, context_length)
        return products / self.product_operations + attention / self.attention_operations


def rate_of(measurement: Measurement) -> float:
    """Units a second, the median over the rounds."""
    return measurement.subject.rate.median


def byte_rate_of(measurement: Measurement) -> float:
    """Bytes a second."""
    assert measurement.bytes_per_unit is not None, f"{measurement.name} counts bytes"
    return rate_of(measurement) * measurement.bytes_per_unit


def operations_of_row(measurement: Measurement) -> tuple[float, float]:
    """`operations` of a transition in a row of training steps, whose model is else the default."""
    arguments = measurement.arguments
    model = ModelConfig(attention_window=arguments["attention_window"], **model_of(arguments))
    return operations(model, arguments["context_length"])


def model_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """The settings of the model that a row names: a card's has four layers."""
    return MODEL if arguments.get("device") == "cuda" else {}


def operations(model: ModelConfig, context_length: int) -> tuple[float, float]:
    """Floating-point operations of a transition in an update: with weights, and of attention."""
    tokens = model.tokens_per_transition
    products = PASSES * 2.0 * block_parameters(model) * tokens
    keys = sum(mean_keys(context_length * tokens, window) for window in model.layer_token_windows)
    return products, ATTENTION_PRODUCTS * 2.0 * model.width * keys * tokens


def block_parameters(model: ModelConfig) -> int:
    """Weights of all blocks' matrices."""
    heads = model.num_heads + 2 * model.resolved_num_kv_heads
    attention = model.width * (heads * model.head_dim + model.width)
    return model.num_layers * (attention + 2 * model.width * model.feed_forward_width)


def mean_keys(length: int, window: int | None) -> float:
    """K in a row of `length` tokens, of each of which `window` at most are seen."""
    seen = min(window or length, length)
    return seen - seen * (seen - 1) / 2 / length
