"""TaskSplit: which tasks a model is trained on, which choices are made by, and which are held out.

Tasks are drawn in an order that is a function of the split's seed: the first ones are held out, the
next ones for validation. They are drawn from all tasks, or from those of the right half of a room,
whose left half is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast import random_streams
from adfast.errors import InvalidArgument, byte_size

RANDOM, HALF_ROOM = "random", "half-room"
MAX_SPLIT_TASKS = 2**27
MAX_LEAK = 30


@dataclass(frozen=True)
class TaskSplit:
    """Three disjoint, sorted sets of task ids."""

    train: np.ndarray
    validation: np.ndarray
    held_out: np.ndarray


def drawn_order(family: str, num_tasks: int, seed: int) -> np.ndarray:
    """int64: all task ids in an order that `seed` draws; raises `InvalidArgument`."""
    if num_tasks > MAX_SPLIT_TASKS:
        raise InvalidArgument(
            f"split sorts all tasks, at most {MAX_SPLIT_TASKS:,}, but {family} has "
            f"{num_tasks:,}, which take {byte_size(num_tasks * 24)}; choose "
            "task ids of your own, or a smaller family"
        )
    offset, mask = random_streams.stream_keys(seed, random_streams.TASK_SPLIT, [0])
    keys = random_streams.step_keys(offset[0], mask[0], num_tasks)
    return np.argsort(keys, kind="stable").astype(np.int64)


def random_split(order: np.ndarray, held_out: int, validation: int) -> TaskSplit:
    """All that is not drawn is to train on."""
    drawn, validated, others = np.split(order, [held_out, held_out + validation])
    return TaskSplit(np.sort(others), np.sort(validated), np.sort(drawn))


def half_room_split(
    family: str, order: np.ndarray, half: np.ndarray, held_out: int, validation: int, leak: int
) -> TaskSplit:
    """Tasks of the left half are to train on, and `leak` of the right one, drawn after the others.

    `half` is -1 for a task of `order` in the left half, 1 in the right one.
    """
    left, right = order[half < 0], order[half > 0]
    if not len(left) or not len(right):
        raise InvalidArgument(
            f'split = "{HALF_ROOM}" needs a task in each half, and {family} has {len(left)} in the '
            f'left one, {len(right)} in the right; take a larger family, or split = "{RANDOM}"'
        )
    check_sizes(f"the right half of {family}", len(right), held_out, validation, leak=leak)
    drawn, validated, leaked, _ = np.split(right, np.cumsum([held_out, validation, leak]))
    train = np.concatenate([left, leaked])
    return TaskSplit(np.sort(train), np.sort(validated), np.sort(drawn))


def refuse_leak(kind: str, leak: int) -> None:
    """Raise `InvalidArgument` for a leak of a split that has no halves."""
    if leak and kind != HALF_ROOM:
        raise InvalidArgument(
            f'leak is a setting of split = "{HALF_ROOM}", got {leak} with "{kind}"; leave it at 0'
        )


def check_sizes(
    whole: str, num_tasks: int, held_out: int, validation: int, *, others: int = 0, leak: int = 0
) -> None:
    """Raise `InvalidArgument` unless the `num_tasks` tasks of `whole` are enough.

    `others` and `leak` must be left to train on, and one for validation where any is asked for.
    """
    kept = f"so that {whole}, of {num_tasks:,} tasks, keeps one in each set of the split"
    also = f" and {leak} leaked ones" if leak else ""
    most = num_tasks - others - leak - min(validation, 1)
    if most < 1:
        raise InvalidArgument(
            f"held_out has too few tasks to choose from: {whole} has {num_tasks:,}, and a split "
            f"needs {num_tasks - most + 1}; take a larger family{', or lower leak' if leak else ''}"
        )
    if not 1 <= held_out <= most:
        raise InvalidArgument(f"held_out must be in 1..{most:,} {kept}{also}, got {held_out}")
    most = num_tasks - others - leak - held_out
    if validation > most:
        raise InvalidArgument(
            f"validation must be at most {most:,} {kept}{also} beside {held_out} held-out, got "
            f"{validation}; lower it, or held_out"
        )
