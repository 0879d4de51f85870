"""Reading heads: those that attend to moments that show a reward, and what is earned without them.

Axes: L layers, H heads, N environments, T transitions, E episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from adfast.errors import InvalidArgument
from adfast.models.inspection import Place, Watch
from adfast.probes.attended.attention import spread
from adfast.probes.attended.weights import AttentionWeights
from adfast.probes.rollouts import family_of, roll_out, streams_of
from adfast.probes.subject import Subject

MAX_CHOICES = 8  # of heads that are silenced for comparison
MAX_ROWS = 1024  # environments that act at once
QUERIES = 4  # of each episode


@dataclass(frozen=True)
class RewardedRuns:
    """Learning histories `[N, T, ...]` of `seeds` runs on each of `task_ids`, ordered by task."""

    histories: dict[str, np.ndarray]
    task_ids: np.ndarray
    seeds: int

    @property
    def shows(self) -> np.ndarray:
        """bool `[N, T]`: moments that show a reward."""
        paid = self.histories["reward"] > 0
        return np.concatenate([np.zeros_like(paid[:, :1]), paid[:, :-1]], axis=1)


def rewarded_runs(
    subject: Subject, task_ids: np.ndarray, seeds: int, episodes: int
) -> RewardedRuns:
    """What `subject` does on each of `task_ids`, `seeds` times, told of its rewards."""
    family = family_of(subject)
    tasks, streams = streams_of(family, task_ids, np.arange(seeds))
    done = roll_out(subject, tasks, streams, episodes)
    if (done.length != family.episode_length).any():
        raise InvalidArgument(
            f"the probe needs episodes of one length, but those of {family.name} with these "
            "options end early; name the probes that do without"
        )
    each = [done.history(row, 0) for row in range(len(tasks))]
    histories = {name: np.stack([history[name] for history in each]) for name in each[0]}
    return RewardedRuns(histories, np.asarray(task_ids), seeds)


def attention_over_time(subject: Subject, runs: RewardedRuns) -> np.ndarray:
    """float64 `[tasks, E, L, H]`: the share of attention on rewards beyond that of the moments.

    By episode, of the first run on each task; NaN where none of its moments in view shows one.
    """
    model, family = subject.model, family_of(subject)
    assert model is not None, "required"
    length = family.episode_length
    found = []
    for row in range(0, len(runs.shows), runs.seeds):
        history = {name: values[row] for name, values in runs.histories.items()}
        weights, shows = AttentionWeights(model, history), runs.shows[row]
        within = spread(length, QUERIES)
        queries = (np.arange(0, len(shows), length)[:, None] + within).reshape(-1)
        excess = np.concatenate(
            [
                beyond_chance(weights, asked, given, shows)
                for asked, given in weights.in_parts(queries)
            ]
        )
        by_episode = excess.reshape(-1, len(within), *excess.shape[1:])
        counted = ~np.isnan(by_episode)
        total = np.where(counted, by_episode, 0.0).sum(axis=1)
        count = counted.sum(axis=1)
        found.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    return np.stack(found)


def beyond_chance(
    weights: AttentionWeights, queries: np.ndarray, given: Tensor, shows: np.ndarray
) -> np.ndarray:
    """float64 `[Q, L, H]`: attention on moments that show a reward, less their share of those seen.

    NaN where a layer sees none.
    """
    share = given[..., torch.from_numpy(shows)].sum(dim=-1).double().cpu().numpy()  # [L, H, Q]
    age = queries[:, None] - np.arange(len(shows))
    windows = np.array([window or len(shows) for window in weights.windows])
    in_view = (age >= 0) & (age < windows[:, None, None])  # [L, Q, T]
    rewarded = in_view[..., shows].sum(axis=-1)
    chance = np.where(rewarded > 0, rewarded / in_view.sum(axis=-1), np.nan)
    return np.moveaxis(share - chance[:, None], 2, 0)


def reading_heads(excess: np.ndarray, share: float) -> np.ndarray:
    """bool `[L, H]`: those of at least `share` of the greatest mean excess `[tasks, E, L, H]`.

    At most half of all heads, and one where none attends to rewards more than by chance. Raises
    `InvalidArgument` where there is but one head.
    """
    known = ~np.isnan(excess)
    mean = np.where(known, excess, 0.0).sum(axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)
    if mean.size < 2:
        raise InvalidArgument(
            "the probe silences some heads and compares with others, but the model has 1; set "
            "model.num_heads or model.num_layers above it, or name the probes that do without"
        )
    flat = mean.reshape(-1)
    count = min(max(int((flat >= share * flat.max()).sum()), 1), flat.size // 2)
    chosen = np.zeros(flat.size, bool)
    chosen[np.argsort(-flat, kind="stable")[: count if flat.max() > 0 else 1]] = True
    return chosen.reshape(mean.shape)


def other_choices(chosen: np.ndarray) -> np.ndarray:
    """bool `[C, L, H]`: choices of as many heads from all the rest, or `MAX_CHOICES` of them."""
    flat = chosen.reshape(-1)
    places = list(combinations(np.flatnonzero(~flat), int(flat.sum())))
    others = np.zeros((min(len(places), MAX_CHOICES), flat.size), bool)
    for row, choice in enumerate(spread(len(places), MAX_CHOICES)):
        others[row, list(places[choice])] = True
    return others.reshape(-1, *chosen.shape)


def returns_without(
    subject: Subject, runs: RewardedRuns, episodes: int, silenced: np.ndarray
) -> np.ndarray:
    """float64 `[C, N]`: mean returns with each choice of `silenced` heads bool `[C, L, H]`.

    Each goes on from the same runs, which it reads with these heads silenced, by the same draws.
    """
    family = family_of(subject)
    tasks, streams = streams_of(family, runs.task_ids, runs.seeds + np.arange(runs.seeds))
    at_once = max(MAX_ROWS // len(tasks), 1)
    found = []
    for first in range(0, len(silenced), at_once):
        part = silenced[first : first + at_once]
        context = {
            name: np.tile(values, (len(part), *(1 for _ in values.shape[1:])))
            for name, values in runs.histories.items()
        }
        done = roll_out(
            subject,
            np.tile(tasks, len(part)),
            np.tile(streams, len(part)),
            episodes,
            context=context,
            watch=silencing(np.repeat(part, len(tasks), axis=0)),
        )
        found.append(done.returns.reshape(len(part), len(tasks), episodes).mean(axis=2))
    return np.concatenate(found)


def by_rewarded_task(runs: RewardedRuns, values: np.ndarray) -> np.ndarray:
    """float64 `[C, tasks]`: means of `values` `[C, N]` over the runs that were ever rewarded.

    Tasks without any are left out.
    """
    counted = runs.shows.any(axis=1).reshape(-1, runs.seeds)
    count = counted.sum(axis=1)
    total = np.where(counted, values.reshape(len(values), -1, runs.seeds), 0.0).sum(axis=2)
    return np.asarray(total[:, count > 0] / count[count > 0])


def silencing(silenced: np.ndarray) -> Watch:
    """A watch that lets heads bool `[N, L, H]` read nothing."""
    keeps = torch.from_numpy(~silenced)

    def silence(layer: int, place: Place, value: Tensor) -> Tensor | None:
        return value * keeps[:, layer, :, None].to(value) if place == "heads" else None

    return silence
