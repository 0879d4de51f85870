"""Batches: windows of histories as torch tensors, each a function of (seed, update)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Unpack, runtime_checkable

import numpy as np
import torch

from adfast import random_streams
from adfast.errors import InvalidArgument
from adfast.histories.field_limits import FieldLimits
from adfast.histories.returns_to_go import RETURN_TO_GO
from adfast.histories.schema import DOCUMENT_START, HISTORY_INDEX, HISTORY_OFFSET, Schema
from adfast.histories.windows import WindowSampler
from adfast.models.embedding.step_input import READ_FIELDS, as_batch
from adfast.tasks.transition_schema import LABEL
from adfast.training.config import NO_RETURN_OF_LABELS, OPTIMAL_ACTION, TrainingConfig

if TYPE_CHECKING:
    from adfast.histories.windows import Align, BatchOptions, Undrawn


class Batches(Protocol):
    """Where a training takes its batches from; each is a function of its update."""

    def __call__(self, update: int) -> dict[str, torch.Tensor]:
        """The batch of `update`, name -> `[B, T, ...]`."""

    def fill(self, update: int, out: Mapping[str, np.ndarray]) -> None:
        """Write the same batch into `out`."""

    @property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: what tells these batches from those of other histories."""

    def undrawn(self) -> Undrawn:
        """The histories of which no batch can hold a window; of a live ring, those seen last."""


@runtime_checkable
class Windows(Protocol):
    """Where windows come from: a history store, a ring buffer, or a live ring."""

    def sample(
        self, batch_size: int, length: int, *, seed: int, draw: int, **options: Unpack[BatchOptions]
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: as `adfast.histories.WindowSampler.sample`."""

    @property
    def schema(self) -> Schema:
        """What a row holds."""

    @property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: what tells these histories from others."""

    def sample_packed(
        self, batch_size: int, length: int, *, seed: int, draw: int, **options: Unpack[BatchOptions]
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: as `adfast.histories.WindowSampler.sample_packed`."""

    def undrawn(self, length: int, *, align: Align) -> Undrawn:
        """As `adfast.histories.WindowSampler.undrawn`."""


class BatchSource:
    """Draws the windows `[batch_size, context_length, ...]` that a recipe trains on.

    Packed ones have `document_start` too: where in its row the history of a transition begins. If
    `unordered`, the transitions of each window, or of each history packed into it, are in an order
    drawn for it. With the objective
    "optimal-action" a batch holds labels too, and with `reads_return` the returns to go of
    `with_returns_to_go`. Raises `InvalidArgument` where the histories have no labels; for a batch
    when no history is long enough for its windows, and when one holds a number that is not finite
    or outside the schema. `rows` are those of each batch that it draws (None: all), as processes
    that share batches draw theirs.
    """

    def __init__(
        self,
        histories: Windows,
        config: TrainingConfig,
        seed: int,
        *,
        unordered: bool = False,
        reads_return: bool = False,
        rows: range | None = None,
    ) -> None:
        self.rows = range(config.batch_size) if rows is None else rows
        self.histories = histories
        self.config = config
        self.seed = seed
        self.unordered = unordered
        is_labelled = config.objective == OPTIMAL_ACTION
        if is_labelled and reads_return:
            raise InvalidArgument(NO_RETURN_OF_LABELS)
        further = ((LABEL,) if is_labelled else ()) + ((RETURN_TO_GO,) if reads_return else ())
        self._fields = READ_FIELDS + further
        if LABEL in self._fields and LABEL not in histories.schema.fields:
            raise InvalidArgument(
                f'training.objective = "{OPTIMAL_ACTION}" needs labelled histories, got fields '
                f"{', '.join(histories.schema.fields)}; collect them with collection.labels=true"
            )
        self._limits = read_limits(histories.schema, self._fields)

    def __call__(self, update: int) -> dict[str, torch.Tensor]:
        """The batch of `update`; valid until it is garbage, like any tensor."""
        return as_batch(self._sample(update))

    def fill(self, update: int, out: Mapping[str, np.ndarray]) -> None:
        """Write the batch of `update` into `out`, which has its names, shapes and dtypes."""
        self._sample(update, out)

    @property
    def identity(self) -> dict[str, Any]:
        """What tells the histories from others."""
        return self.histories.identity

    def undrawn(self) -> Undrawn:
        """The histories that hold no window of the context length, or nothing to pack."""
        length = 1 if self.config.packed else self.config.context_length
        return self.histories.undrawn(length, align=self.config.align)

    def _sample(
        self, update: int, out: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        config, histories = self.config, self.histories
        size = len(self.rows), config.context_length
        sample = histories.sample_packed if config.packed else histories.sample
        draw = partial(
            sample,
            *size,
            seed=self.seed,
            draw=update,
            first_row=self.rows.start,
            align=config.align,
        )
        try:
            batch = draw(fields=self._fields, out=out)
        except InvalidArgument as error:
            if config.packed:
                raise InvalidArgument(f"training.packed: {error}") from None
            raise InvalidArgument(
                f"training.context_length: {error}; of a run, histories are longer with more "
                "collection.episodes or a lower collection.keep_every, and training.packed draws "
                "them whatever their length"
            ) from None

        def place(row: int, item: int) -> str:
            if not isinstance(histories, WindowSampler):
                return f"window {row}, transition {item} of update {update}"
            again = draw(fields=("action",), return_positions=True)
            history, offset = again[HISTORY_INDEX][row], again[HISTORY_OFFSET][row]
            if config.packed:  # one of each transition, not of the window
                return f"history {history[item]}, row {offset[item]}"
            return f"history {history}, row {offset + item}"

        self._limits.require([batch[name] for name in self._fields], *size, place)
        if self.unordered:
            order = drawn_orders(self.seed, update, self.rows, size[1], batch.get(DOCUMENT_START))
            for values in batch.values():
                values[...] = values[np.arange(len(order))[:, None], order]
        return batch


def drawn_orders(
    seed: int,
    update: int,
    rows: range,
    length: int,
    document_start: np.ndarray | None = None,
) -> np.ndarray:
    """int64 `[B, L]`: of each window in the `rows` of a batch an order, by the keys of its places.

    With `document_start` `[B, L]` the places of each of its histories stay that history's.
    """
    offset, mask = random_streams.stream_keys(seed, random_streams.CONTEXT_ORDER, [update])
    keys = random_streams.step_keys(offset[0], mask[0], rows.stop * length)
    by_key = (keys.reshape(rows.stop, length)[rows.start :],)
    order: np.ndarray = np.lexsort(
        by_key if document_start is None else (*by_key, document_start), axis=1
    )
    return order


def read_limits(schema: Schema, names: Iterable[str]) -> FieldLimits:
    """What the named fields may hold, in the float32 that models read.

    Stores and rings refuse other numbers, but a store may be another program's.
    """
    fields = schema.fields
    return FieldLimits({name: fields[name] for name in names if name in fields}, in_float32=True)


def describe_undrawn(undrawn: Undrawn, config: TrainingConfig) -> str:
    """A sentence for who trains as `config` says, with the way out."""
    window = f"window of training.context_length = {config.context_length} transitions"
    ways_out = "shorten the context, set training.packed = true, or train on longer histories"
    if config.packed:  # which of one length or another there is nothing to ask
        window, ways_out = "transition", "train on whole histories"
    if config.align == "episode":
        window += " that begins an episode" if config.packed else " that begins with an episode"
        ways_out += '; with training.align = "step" it may begin anywhere'
    return (
        f"{undrawn.histories:,} of {undrawn.all_histories:,} histories ({undrawn.transitions:,} "
        f"of {undrawn.all_transitions:,} transitions) are never drawn: they hold no {window}; "
        f"{ways_out}"
    )
