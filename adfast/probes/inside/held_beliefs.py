"""Beliefs: what one subject holds of where the goal may be, on held-out tasks.

Read-outs are fitted on training tasks, what is chosen is chosen on validation tasks, and held-out
tasks are measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.models.transformer import Transformer
from adfast.probes.attended.attention import spread
from adfast.probes.inside.pushes import (
    Effect,
    effect_of_goal,
    effect_of_open_cells,
    goal_directions,
    is_away,
    is_searching,
    moments,
    open_directions,
    some_of,
)
from adfast.probes.inside.readouts import ReadOut, ordered_rightly, place_of, score_of_cells
from adfast.probes.inside.residual_streams import Streams, untrained
from adfast.probes.inside.searches import (
    Searches,
    known_room,
    new_cells,
    new_cells_of_others,
    preference,
    require_dark_room,
    searches,
)
from adfast.probes.subject import Subject

SEARCHING, KNOWN = "searching", "goal known"
PHASES = (SEARCHING, KNOWN)
OWN = "the model"
MAX_TRAINING_TASKS = 64  # that read-outs are fitted on


@dataclass(frozen=True)
class Told:
    """What the read-outs of a network are right in: float64 `[tasks]` at each depth of its stream.

    `best` is the depth that is read.
    """

    by_depth: list[np.ndarray]
    best: int

    @property
    def read(self) -> np.ndarray:
        """float64 `[tasks]`: at that depth."""
        return self.by_depth[self.best]


@dataclass(frozen=True)
class Pushed:
    """What pushes at a `depth` did: float64 `[tasks]`, along the belief, and at random."""

    own: np.ndarray
    random: np.ndarray
    depth: int


@dataclass(frozen=True)
class Beliefs:
    """Of one subject, by phase: what is told, of itself and untrained, and what pushes did.

    `new_cells` float64 `[tasks]` are those per searching step, also of others; `preference` is that
    of its search for goals of training.
    """

    told: dict[str, Told]
    untrained: dict[str, Told]
    pushed: dict[str, Pushed]
    new_cells: dict[str, np.ndarray]
    preference: np.ndarray

    def beyond(self, phase: str) -> np.ndarray:
        """float64 `[tasks]`: what is told beyond what an untrained network tells."""
        return np.asarray(self.told[phase].read - self.untrained[phase].read)


@dataclass(frozen=True)
class Sets:
    """The searches by which something is fitted, chosen, and tested."""

    fit: Searches
    choose: Searches
    test: Searches


def beliefs_of(subject: Subject, seeds: int, episodes: int) -> Beliefs:
    """What `subject` holds, by `seeds` searches of `episodes` on each task."""
    family, split, model = require_dark_room(subject), subject.split, subject.model
    assert model is not None, "required"
    fitted = split.train[spread(len(split.train), MAX_TRAINING_TASKS)]
    chosen_on = split.validation if len(split.validation) else fitted
    sets = Sets(
        *(searches(subject, ids, seeds, episodes) for ids in (fitted, chosen_on, split.held_out))
    )
    told, streams = told_by(model, sets, family.size)
    return Beliefs(
        told=told,
        untrained=told_by(untrained(model), sets, family.size)[0],
        pushed=pushed_along(subject, sets, streams),
        new_cells={
            OWN: new_cells(sets.test),
            **new_cells_of_others(subject, split.held_out, seeds, episodes),
        },
        preference=preference(
            sets.test, known_room(family), np.isin(np.arange(family.size**2), split.train)
        ),
    )


def told_by(
    network: Transformer, sets: Sets, size: int
) -> tuple[dict[str, Told], list[np.ndarray]]:
    """What read-outs of `network` are right in, by phase; and its streams where they are fitted."""
    fit, choose, test = (
        Streams(network, found.histories).read() for found in (sets.fit, sets.choose, sets.test)
    )
    told = {}
    for phase in PHASES:
        chosen, tested = [], []
        for at in range(len(fit)):
            read_out = fitted_read_out(phase, sets.fit, fit[at], size)
            chosen.append(rightly_told(phase, read_out, sets.choose, choose[at], size).mean())
            tested.append(rightly_told(phase, read_out, sets.test, test[at], size))
        told[phase] = Told(tested, int(np.argmax(chosen)))
    return told, fit


def fitted_read_out(phase: str, found: Searches, stream: np.ndarray, size: int) -> ReadOut | None:
    """A read-out of the open cells, or of the goal once it is known; None where it never is."""
    some = some_of(counted_in(phase, found))
    if not len(some):
        return None
    if phase == SEARCHING:
        targets = found.is_open.reshape(-1, size * size)[some].astype(np.float64)
    else:
        goals = np.broadcast_to(found.goal[:, None], found.cell.shape)
        targets = place_of(goals.reshape(-1)[some], size)
    return ReadOut.fit(moments(stream)[some], targets)


def counted_in(phase: str, found: Searches) -> np.ndarray:
    """bool `[N, T]`: the moments of a phase."""
    return is_searching(found) if phase == SEARCHING else is_away(found)


def rightly_told(
    phase: str, read_out: ReadOut | None, found: Searches, stream: np.ndarray, size: int
) -> np.ndarray:
    """float64 `[tasks]`: pairs in order, of a cell that may be the goal and another."""
    counted = counted_in(phase, found)
    right = np.full(counted.shape, 0.5)
    if read_out is not None and counted.any():
        told = read_out(stream[counted])
        possible = found.is_open[counted]
        if phase == KNOWN:
            told = score_of_cells(told, size)
            goals = np.broadcast_to(found.goal[:, None], counted.shape)[counted]
            possible = goals[:, None] == np.arange(size * size)
        share = ordered_rightly(told, possible)
        right[counted] = np.where(np.isnan(share), 0.5, share)  # no cell is left: all is right
    return found.by_task(right, counted)


def pushed_along(subject: Subject, sets: Sets, streams: list[np.ndarray]) -> dict[str, Pushed]:
    """What pushes along the beliefs do, at the depth where they do most on validation tasks."""
    family, model = require_dark_room(subject), subject.model
    assert model is not None, "required"
    room = known_room(family)
    temperature = subject.settings.get("evaluation", {}).get("temperature", 1.0)
    toward = {
        SEARCHING: [open_directions(sets.fit, at) for at in streams],
        KNOWN: [goal_directions(sets.fit, at, family.size) for at in streams],
    }
    choosing, testing = (
        Streams(model, found.histories, temperature) for found in (sets.choose, sets.test)
    )

    def effect(phase: str, pushed: Streams, found: Searches, depth: int) -> Effect:
        if phase == KNOWN:
            return effect_of_goal(room, pushed, found, depth, toward[phase][depth])
        return effect_of_open_cells(family, pushed, found, depth, toward[phase][depth])

    found = {}
    for phase in PHASES:
        gains = []
        for depth in range(1, testing.depth):  # before the first layer nothing was attended to
            tried = effect(phase, choosing, sets.choose, depth)
            gains.append(sets.choose.by_task(tried.own - tried.random, tried.counted).mean())
        depth = 1 + int(np.argmax(gains))
        seen = effect(phase, testing, sets.test, depth)
        own, random = (sets.test.by_task(of, seen.counted) for of in (seen.own, seen.random))
        found[phase] = Pushed(own, random, depth)
    return found
