"""Contest of the training step on histories shorter than the context: packed rows, or padded ones.

A unit is a transition of a history; what fills a row up is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional

from benchmarks.contest import Contest, require_close, show
from benchmarks.engine import (
    BatchSource,
    HistoryStore,
    ModelConfig,
    OptimizerGroup,
    TrainingConfig,
    Transformer,
    from_arrays,
    tasks,
)
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender
from benchmarks.training import (
    MOST_UPDATES,
    fill_randomly,
    learning_histories,
    training_step,
    updates,
)

SHORTEST, NUM_LENGTHS = 20, 10  # transitions, and how many lengths there are
TOLERANCE = 1e-4
COUNTS = "counts"  # bool [B, T] of a padded batch: where it holds transitions

Batch = dict[str, torch.Tensor]


@contextmanager
def step(
    family: str, context_length: int, batch_size: int, attention_window: int
) -> Iterator[Contest]:
    """Batch, gradient and optimisers of packed rows, against one history in each row.

    Histories end after 20, 40 .. 200 transitions, as many after each. The rival's rows are as many
    and as long, padded and masked, as scripts of the field do it.
    """
    store = short_histories(family)
    config = ModelConfig(attention_window=attention_window)
    training = TrainingConfig(
        updates=MOST_UPDATES,
        batch_size=batch_size,
        context_length=context_length,
        packed=True,
        threads=1,
    )
    packed, padded = BatchSource(store, training, seed=0), PaddedRows(store, context_length)
    filled = min(float(store.lengths.mean()) / context_length, 1.0)

    def check() -> None:
        require_same_losses(Transformer(config, schema, seed=0), store, packed, padded)
        show(f"transitions fill padded rows to {filled:.0%}, packed ones to 100%")

    schema = tasks.make(family).transition_schema
    with one_torch_thread():
        transitions = batch_size * context_length
        subject = training_step(Transformer(config, schema, seed=0), packed, training)
        model = Transformer(config, schema, seed=0)
        rival = updates(
            masked_gradient(model),
            OptimizerGroup(model, training),
            lambda update: padded(drawn_histories(update, batch_size, store.num_histories)),
        )
        yield Contest(
            Contender("packed rows", subject, transitions),
            (Contender("padded rows", rival, transitions * filled),),
            check,
        )


class PaddedRows:
    """Each history of a store in a row of its own, `length` long, padded by its last transition."""

    def __init__(self, store: HistoryStore, length: int) -> None:
        (block,) = store.blocks
        place = np.minimum(np.arange(length), store.lengths[:, None] - 1)
        rows = block.offsets[:-1, None].astype(np.int64) + place
        self._rows = {name: array[rows] for name, array in block.fields.items()}
        self._rows[COUNTS] = np.arange(length) < store.lengths[:, None]

    def __call__(self, histories: np.ndarray) -> Batch:
        """The rows of these histories as a batch."""
        return {name: torch.from_numpy(rows[histories]) for name, rows in self._rows.items()}


def drawn_histories(update: int, batch_size: int, num_histories: int) -> np.ndarray:
    """Those of an update, all equally likely."""
    return np.random.default_rng(update).integers(0, num_histories, batch_size)


def masked_losses(model: Transformer, batch: Batch) -> torch.Tensor:
    """float32 `[N]`: the loss of each transition that counts, row after row."""
    counts = batch.pop(COUNTS)
    logits, action = model(batch)[counts], batch["action"][counts].long()
    return functional.cross_entropy(logits, action, reduction="none")


def masked_gradient(model: Transformer) -> Callable[[Batch], None]:
    """Leaves the gradient of the mean loss of what counts."""

    def gradient(batch: Batch) -> None:
        model.zero_grad(set_to_none=True)
        masked_losses(model, batch).mean().backward()  # type: ignore[no-untyped-call]

    return gradient


def require_same_losses(
    model: Transformer, store: HistoryStore, packed: BatchSource, padded: PaddedRows
) -> None:
    """Raise `NotEquivalent` unless each transition costs the same in rows of either kind.

    Compared are the histories that a packed batch holds from their first transition on.
    """
    fill_randomly(model)
    batch = packed(0)
    size = batch["action"].shape
    everything = torch.ones(size, dtype=torch.bool)
    ours = masked_losses(model, {**batch, COUNTS: everything}).detach().numpy().reshape(size)
    theirs = masked_losses(model, padded(np.arange(store.num_histories))).detach().numpy()
    drawn = store.sample_packed(*size, seed=0, draw=0, align="episode", return_positions=True)
    history, offset = drawn["history_index"], drawn["history_offset"]
    start = drawn["document_start"].astype(np.int64)
    is_whole = np.take_along_axis(offset, start, axis=1) == 0
    place = np.r_[0, np.cumsum(store.lengths)][history] + offset
    require_close("losses", ours[is_whole], theirs[place[is_whole]], TOLERANCE)


def short_histories(family: str) -> HistoryStore:
    """Q-learning histories that end after `NUM_LENGTHS` different numbers of transitions."""
    longest = SHORTEST * NUM_LENGTHS
    whole = learning_histories(family, longest)
    lengths = SHORTEST * (1 + np.arange(whole.num_histories) % NUM_LENGTHS)
    (block,) = whole.blocks
    first = np.repeat(block.offsets[:-1].astype(np.int64) - np.cumsum(lengths) + lengths, lengths)
    rows = first + np.arange(lengths.sum())
    arrays = {name: array[rows] for name, array in block.fields.items()}
    return from_arrays(whole.schema, arrays, lengths)
