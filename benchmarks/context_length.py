"""Contest of a training step on one long context, against as many transitions in short ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from benchmarks.contest import Contest, require_close
from benchmarks.engine import ModelConfig, TrainingConfig, Transformer, tasks
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender
from benchmarks.training import MOST_UPDATES, TOLERANCE, Batch, fill_randomly, training_step


@contextmanager
def step(
    family: str, context_length: int, short_length: int, attention_window: int
) -> Iterator[Contest]:
    """Gradient, clipping and optimisers on one window of `context_length` transitions.

    The rival has the same transitions as rows of `short_length`, which must be a part of it: with a
    fixed window a transition costs the same in either, and predicts the same where its receptive
    field lies within the short row, which is checked.
    """
    schema = tasks.make(family).transition_schema
    config = ModelConfig(attention_window=attention_window)
    settings = TrainingConfig(updates=MOST_UPDATES, batch_size=1, context_length=context_length)
    generator = torch.Generator().manual_seed(0)

    def numbers(size: int) -> torch.Tensor:
        return torch.randint(size, (1, context_length), generator=generator)

    sizes = schema.observation.stored.sizes
    long: Batch = {
        "observation": torch.stack([numbers(size) for size in sizes], dim=-1),
        "next_observation": torch.stack([numbers(size) for size in sizes], dim=-1),
        "action": numbers(schema.num_actions),
        "reward": numbers(2).to(torch.uint8),
        "episode_step": (torch.arange(context_length) % schema.episode_length)[None],
    }
    short: Batch = {
        name: values.reshape(-1, short_length, *values.shape[2:]) for name, values in long.items()
    }

    def check() -> None:
        model = Transformer(config, schema, seed=0)
        fill_randomly(model)
        with torch.no_grad():
            in_long, in_short = (
                model(long).view(len(short["action"]), short_length, -1),
                model(short),
            )
        seen = config.receptive_field
        require_close("logits", in_long[:, seen:], in_short[:, seen:], TOLERANCE)

    with one_torch_thread():
        contenders = []
        for label, batch in (("one context", long), ("short contexts", short)):
            model, given = Transformer(config, schema, seed=0), partial(always, batch)
            update = training_step(model, given, settings)
            contenders.append(Contender(label, update, context_length))
        yield Contest(contenders[0], (contenders[1],), check)


def always(batch: Batch, update: int) -> Batch:
    """`batch` in every update."""
    return batch
