"""survey: foreign data read once before anything is written, so that what is wrong is said first.

It finds out what data do not say of themselves: how many actions there are, how long episodes
get, which numbers observations and rewards are.

Legend: T transitions of a piece, C numbers of an observation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np
import xxhash

from adfast.errors import ForeignDataError, InvalidArgument
from adfast.histories.interchange.foreign import ForeignReader, Known, Piece
from adfast.histories.interchange.transitions import EpisodeSteps
from adfast.progress import ProgressBar
from adfast.tasks.observation import (
    MAX_SIZE,
    DiscreteObservation,
    ObservationSpec,
    RealObservation,
)
from adfast.tasks.transition_schema import MAX_EPISODE_LENGTH, REWARD_DTYPES, TransitionSchema
from adfast.values import as_array, convert

MAX_COMPONENTS = 64  # of observations that are taken to be counted where nothing says so
MAX_ACTION = 254


@dataclass
class Range:
    """The least and the greatest of many numbers, by component, and whether all are whole."""

    low: np.ndarray | None = None  # [C]
    high: np.ndarray | None = None  # [C]
    is_whole: bool = True

    def take(self, values: np.ndarray) -> None:
        """Count `values` `[T, C]` in."""
        low, high = values.min(axis=0), values.max(axis=0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)
        if values.dtype.kind == "f" and self.is_whole:
            self.is_whole = bool((np.trunc(values) == values).all())

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest of all."""
        assert self.low is not None, "something was counted"
        assert self.high is not None, "something was counted"
        return self.low.min().item(), self.high.max().item()


@dataclass
class Survey:
    """What foreign data hold."""

    lengths: list[int] = field(default_factory=list)  # of each history
    num_episodes: int = 0  # that begin
    longest_episode: int = 0
    shape: tuple[int, ...] | None = None  # of an observation
    dtype: np.dtype | None = None
    observation: Range = field(default_factory=Range)
    action: Range = field(default_factory=Range)
    reward: Range = field(default_factory=Range)
    label: Range = field(default_factory=Range)
    is_labelled: bool = False
    digest: str = ""

    @cached_property
    def starts(self) -> list[int]:
        """The transitions before each history, and last those of all."""
        return [0, *accumulate(self.lengths)]


def survey(reader: ForeignReader, bar: ProgressBar) -> Survey:
    """What the data of `reader` hold; raises `ForeignDataError` for the first thing wrong in them.

    `bar` counts histories.
    """
    if reader.num_histories < 1:
        raise ForeignDataError(f"{reader.path}: holds no history; give other data")
    found = Survey()
    digest = xxhash.xxh3_64()
    for index in range(reader.num_histories):
        steps = EpisodeSteps()
        length = 0
        for piece in reader.pieces(index):
            try:
                numbers = checked(piece)
                if reader.must_count_steps:
                    steps.require_follow(numbers)
                count_in(found, numbers, steps, is_first=index + length == 0)
            except InvalidArgument as error:
                raise ForeignDataError(
                    f"{reader.path}: history {index}, from its transition {length} on: {error}"
                ) from None
            for name, array in piece.arrays().items():
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            length += len(piece.action)
        if length < 1:
            raise ForeignDataError(
                f"{reader.path}: history {index} has no transition; leave it out"
            )
        found.lengths.append(length)
        bar.advance_to(index + 1)
    found.digest = digest.hexdigest()
    return found


def checked(piece: Piece) -> Piece:
    """`piece` with arrays of numbers, as many of each as there are transitions.

    Raises `InvalidArgument`.
    """
    arrays = {name: as_array(name, values) for name, values in piece.arrays().items()}
    count = len(arrays["action"]) if arrays["action"].ndim else 0
    for name, array in arrays.items():
        rows = len(arrays["kept_rows"]) if name == "kept_next" else count
        if name != "kept_rows" and array.shape[:1] != (rows,):
            raise InvalidArgument(f"{name} must have {rows} rows, got shape {array.shape}")
        is_observation = name in ("observation", "next_observation", "kept_next")
        if array.ndim != 1 and not is_observation:
            raise InvalidArgument(
                f"{name} must be one number for each transition, got shape {array.shape}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            place = tuple(np.argwhere(~np.isfinite(array))[0])
            raise InvalidArgument(
                f"{name} must be finite, got {array[place].item()!r} in row {place[0]}; mend the "
                "data or leave such episodes out"
            )
    kept = arrays.get("kept_rows")
    if kept is not None and (kept.ndim != 1 or ((kept < 0) | (kept >= count)).any()):
        raise InvalidArgument(f"kept_rows must be rows of the {count} transitions")
    return Piece(**arrays)


def count_in(found: Survey, piece: Piece, steps: EpisodeSteps, *, is_first: bool) -> None:
    """Count a piece in; raises `InvalidArgument` for one that is unlike those before."""
    shape = piece.observation.shape[1:]
    if is_first:
        found.shape, found.dtype = shape, piece.observation.dtype
        found.is_labelled = piece.label is not None
    if (shape, piece.observation.dtype) != (found.shape, found.dtype):
        raise InvalidArgument(
            f"observations must all be {found.dtype} of shape {found.shape}, got "
            f"{piece.observation.dtype} of shape {shape}"
        )
    if (piece.label is not None) != found.is_labelled:
        raise InvalidArgument("expert actions must be there for all histories, or for none")
    count = len(piece.action)
    for observations in (piece.observation, piece.next_observation, piece.kept_next):
        if observations is not None and len(observations):
            if observations.shape[1:] != shape:
                raise InvalidArgument(
                    f"next observations must have shape {shape}, got {observations.shape[1:]}"
                )
            found.observation.take(observations.reshape(len(observations), -1))
    found.action.take(piece.action.reshape(count, 1))
    found.reward.take(piece.reward.reshape(count, 1))
    if piece.label is not None:
        found.label.take(piece.label.reshape(count, 1))
    numbers = steps.of(piece)
    found.longest_episode = max(found.longest_episode, int(numbers.max()) + 1)
    found.num_episodes += int((numbers == 0).sum())


def schema_of(found: Survey, known: Known) -> TransitionSchema:
    """The schema that holds all that was found, as far as it is `known` just that.

    Raises `InvalidArgument` where what is known does not hold what was found.
    """
    low, high = found.action.bounds
    num_actions = known.num_actions or int(min(max(high, 0), MAX_ACTION)) + 1
    numbers = {"action": found.action} | ({"label": found.label} if found.is_labelled else {})
    for name, range_ in numbers.items():
        low, high = range_.bounds
        if not range_.is_whole or low < 0 or high >= num_actions:
            raise InvalidArgument(
                f"{name} must be whole numbers in 0..{num_actions - 1}, got numbers from {low} to "
                f"{high}; give num_actions, which is at most {MAX_ACTION + 1}"
            )
    length = known.episode_length or found.longest_episode
    if found.longest_episode > length:
        raise InvalidArgument(
            f"episode_length must be at least {found.longest_episode}, the longest episode there "
            f"is, got {length}; leave it out"
        )
    if length > MAX_EPISODE_LENGTH:
        raise InvalidArgument(f"episodes must have at most {MAX_EPISODE_LENGTH} steps")
    observation = observation_of(found, known)
    reward_dtype = known.reward_dtype or reward_dtype_of(found.reward)
    if reward_dtype != "float32" and not (
        found.reward.is_whole and holds(reward_dtype, found.reward)
    ):
        low, high = found.reward.bounds
        raise InvalidArgument(
            f"reward_dtype must hold rewards from {low} to {high}, got {reward_dtype}; "
            'leave it out, or give "float32"'
        )
    require_fits("reward", found.reward, np.dtype(reward_dtype))
    return TransitionSchema(
        observation, num_actions, length, reward_dtype, labelled=found.is_labelled
    )


def observation_of(found: Survey, known: Known) -> ObservationSpec:
    """What observations are: as is known, else counted if they look it, else real numbers."""
    assert found.shape is not None, "something was counted"
    assert found.dtype is not None, "something was counted"
    range_ = found.observation
    assert range_.high is not None, "something was counted"
    low, high = range_.bounds
    is_counted = range_.is_whole and low >= 0 and high < MAX_SIZE
    if known.observation is None:
        if is_counted and len(found.shape) < 2 and range_.high.size <= MAX_COMPONENTS:
            return DiscreteObservation(tuple(int(value) + 1 for value in range_.high))
        return RealObservation(found.dtype.name, found.shape)
    field_ = known.observation.stored
    if range_.high.size != math.prod(field_.shape):
        raise InvalidArgument(
            f"observations must be of {math.prod(field_.shape)} numbers, got shape {found.shape}; "
            "leave observation_sizes out, or give one for each number"
        )
    if field_.sizes is not None:
        sizes = np.array(field_.sizes)
        if not is_counted or (range_.high >= sizes).any():
            raise InvalidArgument(
                f"observations must be whole numbers from 0 below {list(field_.sizes)}, got "
                f"numbers up to {range_.high.tolist()}; give greater observation_sizes"
            )
    else:
        require_fits("observation", range_, field_.dtype)
    return known.observation


def require_fits(name: str, found: Range, dtype: np.dtype) -> None:
    """Raise `InvalidArgument` where `dtype` does not hold all that was `found`."""
    low, high = found.bounds
    are_held = all(convert(np.asarray(bound), dtype)[1].all() for bound in (found.low, found.high))
    if not are_held or (dtype.kind != "f" and not found.is_whole):
        whole = "" if found.is_whole else ", not all of them whole"
        raise InvalidArgument(f"{name} must be {dtype}, got numbers from {low} to {high}{whole}")


def reward_dtype_of(rewards: Range) -> str:
    """The narrowest dtype that holds all rewards, "float32" where they are no whole numbers."""
    names = [name for name in REWARD_DTYPES if name != "float32" and holds(name, rewards)]
    return names[0] if names and rewards.is_whole else "float32"


def holds(name: str, rewards: Range) -> bool:
    """Whether the integers of dtype `name` reach from the least to the greatest reward."""
    low, high = rewards.bounds
    limits = np.iinfo(name)
    return bool(limits.min <= low and high <= limits.max)
