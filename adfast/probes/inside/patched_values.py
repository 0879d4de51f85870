"""Patched values: what a model does when rewarded moments of its history are read as another's.

Queries and keys stay, so it looks where it looked; what it finds there, in every layer, is the
value of a moment that showed a reward in another history.

Axes: N histories, T transitions, H heads, D channels per head.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from adfast.baselines.agents.room import Room
from adfast.models.inspection import Place, Watch
from adfast.models.transformer import Transformer
from adfast.probes.attended.attention import spread
from adfast.probes.attended.reading import read_histories
from adfast.probes.inside.pushes import towards
from adfast.probes.inside.reading_heads import RewardedRuns

MAX_TOKENS = 65_536  # of one pass
MAX_GIVERS = 4  # tasks whose values each run is given


def effect_of_patch(
    room: Room, model: Transformer, runs: RewardedRuns, temperature: float
) -> np.ndarray:
    """float64 `[tasks]`: how much more probable moves to another task's goal become.

    Rewarded moments have the values of a run on another task, in turn of at most `MAX_GIVERS`;
    compared are those of another run on the same task. Counted are moments after the first reward,
    in neither goal, where no move leads to both. Tasks without any are left out; without any task
    there is one 0.
    """
    tasks = len(runs.task_ids)
    rows = np.arange(tasks * runs.seeds).reshape(tasks, runs.seeds)
    own = np.roll(rows, -1, axis=1).reshape(-1)
    goal = np.repeat(runs.task_ids, runs.seeds)
    has_seen: np.ndarray = np.logical_or.accumulate(runs.shows, axis=1)
    sham = probabilities(model, runs, own, temperature)
    count, total = np.zeros(tasks), np.zeros(tasks)
    for shift in 1 + spread(tasks - 1, MAX_GIVERS):
        giver = np.roll(rows, -shift, axis=0).reshape(-1)
        counted, to_other = moments_between(room, runs, goal, goal[giver])
        is_given = np.logical_and(runs.shows[giver].any(axis=1), runs.shows[own].any(axis=1))
        counted &= has_seen & is_given[:, None]
        patched = probabilities(model, runs, giver, temperature)
        moved = ((patched - sham) * to_other).sum(axis=-1)
        count += counted.reshape(tasks, -1).sum(axis=1)
        total += np.where(counted, moved, 0.0).reshape(tasks, -1).sum(axis=1)
    return total[count > 0] / count[count > 0] if count.any() else np.zeros(1)


def moments_between(
    room: Room, runs: RewardedRuns, goal: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """bool `[N, T]`: in neither of two cells `[N]`, and no move leads to both.

    And bool `[N, T, A]`: the moves to the other one.
    """
    cell, _ = room.locate(runs.histories["observation"].reshape(-1, 2).astype(np.int64))
    cell = cell.reshape(runs.shows.shape)
    to_other, to_goal = towards(room, cell, other), towards(room, cell, goal)
    leads_to_both: np.ndarray = (to_other & to_goal).any(axis=-1)
    return ~leads_to_both & (cell != goal[:, None]) & (cell != other[:, None]), to_other


def probabilities(
    model: Transformer, runs: RewardedRuns, givers: np.ndarray, temperature: float
) -> np.ndarray:
    """float64 `[N, T, A]` of actions, where the rewards of each run are read as its giver's."""
    length = runs.shows.shape[1]
    rows = max(MAX_TOKENS // (length * model.config.tokens_per_transition), 1)
    found = []
    for first in range(0, len(givers), rows):
        takers = np.arange(first, min(first + rows, len(givers)))
        values = values_shown(model, runs, givers[takers])
        put = patching(values, runs.shows[takers], runs.shows[givers[takers]])
        histories = {name: field[takers] for name, field in runs.histories.items()}
        logits = read_histories(model, histories, watch=put).double() / max(temperature, 1e-3)
        found.append(logits.softmax(dim=-1).cpu().numpy())
    return np.concatenate(found)


def values_shown(model: Transformer, runs: RewardedRuns, rows: np.ndarray) -> Mapping[int, Tensor]:
    """The values of each layer in the histories of `rows`."""
    kept: dict[int, Tensor] = {}

    def keep(layer: int, place: Place, value: Tensor) -> None:
        if place == "value":
            kept[layer] = value

    read_histories(model, {name: f[rows] for name, f in runs.histories.items()}, watch=keep)
    return kept


def patching(values: Mapping[int, Tensor], takes: np.ndarray, gives: np.ndarray) -> Watch:
    """A watch that puts the giver's rewarded `values` where the taker's moments show a reward.

    The i-th such moment of a taker gets the i-th of its giver, which begins anew after its last.
    """
    row, moment = np.nonzero(takes)
    source = np.zeros_like(moment)
    for n in np.unique(row):
        given, mine = np.flatnonzero(gives[n]), row == n
        if len(given):
            source[mine] = given[np.arange(mine.sum()) % len(given)]
        else:
            source[mine] = moment[mine]  # has none to give, and is not counted
    rows, at, of = (torch.from_numpy(index) for index in (row, moment, source))

    def put(layer: int, place: Place, value: Tensor) -> Tensor | None:
        if place != "value":
            return None
        patched, given = value.clone(), values[layer]
        each = value.shape[1] // takes.shape[1]
        for token in range(each):
            patched[rows, at * each + token] = given[rows, of * each + token]
        return patched

    return put
