"""Counter-based randomness: a draw is a function of (seed, purpose, random stream, step).

There is no generator and no state, so batch width, order, threads and processes cannot change a
draw. A stream is keyed by two independent 32-bit words (SplitMix64 of seed, purpose and stream); a
step's key mixes the step, one of 2**32, into them with `lowbias32`. Here are the purposes and the
array forms that host code takes, which need NumPy alone; `random_draws` has the scalar functions of
compiled loops. The plain-integer twin is `tests/reference/random_streams.py`.

Source: Steele, Lea & Flood 2014 (SplitMix64); Wellons 2018, "Prospecting for hash functions"
(lowbias32).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.errors import InvalidArgument
from adfast.values import INTEGERS, as_array, as_seed

# Purposes: two draws of different purpose never share a key.
TASK_SPLIT = 1
ENVIRONMENT_RESET = 2
ENVIRONMENT_STEP = 3
BEHAVIOUR = 4  # the actions of a source algorithm
EVALUATION_ACTION = 5  # the actions of a trained model
RANDOM_POLICY = 6
BOOTSTRAP = 7
MODEL_INITIALISATION = 8
DROPOUT = 9
TASK_CONTENT = 10  # what makes up a task that is drawn rather than counted out
ENVIRONMENT_SEED = 11  # what a Gymnasium environment is seeded with
MEMBER_TASKS = 12  # which tasks of its members a mixture has
TRIAL_TASK = 20  # the task of a trial of RL2
TRIAL_ACTION = 21  # what its policy does there
MINIBATCH = 22  # which trials it learns from together
EPISODE_ORDER = 30  # of a history that is read with its episodes shuffled
FOREIGN_REWARDS = 31  # whose rewards a history is read with
CONTEXT_ORDER = 32  # of the transitions of an unordered context
PROBE_DIRECTION = 40  # in which a residual stream is pushed for comparison
CONTEXT_WALK = 45  # who walks through a context that a probe makes
NUCLEUS_ACTION = 46  # actions of a probe that leaves out the unlikely ones

GOLDEN_32 = 0x9E3779B9
GOLDEN_64 = 0x9E3779B97F4A7C15


def stream_keys(seed: int, purpose: int, streams: Any) -> tuple[np.ndarray, np.ndarray]:
    """uint32 `[N]` offsets and masks: `stream_key` of each stream, for code that is not compiled.

    Raises `InvalidArgument` for a seed or a stream outside 0 .. 2**64 - 1.
    """
    words = as_streams("random streams", streams)
    seed = as_seed("seed", seed)
    word = mix64_array(np.array([seed], np.uint64) + np.uint64(GOLDEN_64))
    word = mix64_array((word ^ np.uint64(purpose)) + np.uint64(GOLDEN_64))
    word = mix64_array((word ^ words.astype(np.uint64)) + np.uint64(GOLDEN_64))
    return word.astype(np.uint32), (word >> np.uint64(32)).astype(np.uint32)


def as_streams(name: str, streams: Any) -> np.ndarray:
    """`streams` as an array of integers; raises `InvalidArgument` for what are no streams."""
    words = as_array(name, streams, INTEGERS)
    if words.dtype.kind == "i" and words.size and words.min() < 0:
        raise InvalidArgument(f"{name} must be integers in 0..2**64-1, got {words.min()}")
    return words


def step_keys(offset: Any, mask: Any, num_steps: int) -> np.ndarray:
    """uint32 `[num_steps]`: the keys of steps 0 .. num_steps - 1 of one stream."""
    steps = np.arange(num_steps, dtype=np.uint32)
    return keys_at(np.asarray([offset]), np.asarray([mask]), steps)


def keys_at(offsets: np.ndarray, masks: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """uint32 `[N]`: `step_key` of N streams, each at a step of its own."""
    words = steps.astype(np.uint32, copy=False) + offsets.astype(np.uint32)
    words *= np.uint32(GOLDEN_32)
    words ^= masks.astype(np.uint32)
    return mix32_array(words)


def subkeys_at(offsets: np.ndarray, masks: np.ndarray, steps: np.ndarray, index: int) -> np.ndarray:
    """uint32 `[N]`: `subkey` `index` of `keys_at`."""
    further = (GOLDEN_32 * (index + 1)) % 2**32
    return mix32_array(keys_at(offsets, masks, steps) + np.uint32(further))


def mix32_array(words: np.ndarray) -> np.ndarray:
    """`mix32` of each uint32 of an array, which it overwrites."""
    words ^= words >> np.uint32(16)
    words *= np.uint32(0x7FEB352D)
    words ^= words >> np.uint32(15)
    words *= np.uint32(0x846CA68B)
    words ^= words >> np.uint32(16)
    return words


def mix64_array(words: np.ndarray) -> np.ndarray:
    """`mix64` of each uint64 of an array."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))
