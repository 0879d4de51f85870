"""Agent: a trained model as an in-context learner in any environment loop.

Weights stay frozen; what the agent learns is in its cache of past transitions. A batch of
environments acts at once, each with its own history and its own random stream.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from adfast.errors import CheckpointError, InvalidArgument
from adfast.evaluation.device_step import DeviceStep
from adfast.evaluation.episode_ends import EpisodeEnds
from adfast.evaluation.host_step import Acting, HostStep, Outcome
from adfast.models.checkpoint import load_model
from adfast.models.config import CachePrecision, Device, Precision
from adfast.models.device import in_precision, resolve_cache, resolve_device, resolve_precision
from adfast.models.transformer import Transformer
from adfast.random_streams import EVALUATION_ACTION, stream_keys

Autoreset = Literal["same-step", "next-step"]


class Agent:
    """Acts in `num_environments` environments and improves in each from episode to episode.

    `temperature` divides the logits (0 takes the likeliest action). Environment n draws its actions
    from the random stream `random_streams[n]` (default: n) of `seed`, so that what it does depends
    neither on its neighbours nor on their number.

    `autoreset` says how the environments begin the episode after one that ended. "same-step": with
    the observation that the ending step returns (or that the caller gets by a reset of its own),
    beside the final one. "next-step": the ending step returns the final observation, and the one
    after it ignores its action, earns nothing and returns the first; that is no transition, and the
    agent leaves it out.

    `device` and `precision` say where and in what the model computes; it is copied where it is not
    there yet, as it is now. `cache` is what the processor keeps keys and values in: "bfloat16"
    rounds them, and halves the memory that a step reads; blocks in bfloat16 keep them so anyway.
    """

    def __init__(
        self,
        model: Transformer,
        num_environments: int = 1,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        random_streams: np.ndarray | None = None,
        autoreset: Autoreset = "same-step",
        device: Device = "auto",
        precision: Precision = "auto",
        cache: CachePrecision = "float32",
    ) -> None:
        self.num_environments = num_environments
        if not temperature >= 0:  # nan is refused too
            raise InvalidArgument(f"temperature must not be negative, got {temperature}")
        self.device = resolve_device(device, "device")
        schema = model.schema
        self.autoreset = autoreset
        precision_used = resolve_precision(precision, self.device, "precision")
        self.model = in_precision(model, self.device, precision_used).eval()
        self.temperature = float(temperature)
        streams = np.arange(num_environments) if random_streams is None else random_streams
        if np.shape(streams) != (num_environments,):
            raise InvalidArgument(
                f"random_streams must have one entry for each of the {num_environments} "
                f"environments, got shape {np.shape(streams)}"
            )
        keys = stream_keys(seed, EVALUATION_ACTION, streams)
        step = HostStep if self.device.type == "cpu" else DeviceStep
        cache_dtype = resolve_cache(cache, self.device, precision_used, "cache")
        self._step: Acting = step(self.model, self.temperature, *keys, cache_dtype)
        self._is_new = np.ones(num_environments, bool)  # environments that begin a history
        self._observation_shape = (num_environments, *schema.observation_shape)
        self._has_real_observations = schema.real_observation is not None
        self._no_final = self._observed(
            "observation", np.zeros(self._observation_shape, schema.observation_dtype)
        )
        self._reward_dtype = np.dtype(schema.reward_dtype)

    @property
    def autoreset(self) -> Autoreset:
        """How the environments begin the episode after one that ended; set it between histories."""
        return "same-step" if self._ends is None else "next-step"

    @autoreset.setter
    def autoreset(self, mode: Autoreset) -> None:
        if mode not in ("same-step", "next-step"):
            raise InvalidArgument(f'autoreset must be "same-step" or "next-step", got {mode!r}')
        self._ends = EpisodeEnds(self.num_environments) if mode == "next-step" else None

    def reset(self, mask: np.ndarray | None = None) -> None:
        """Forget everything in the environments of `mask` (bool `[N]`), or in all: a new task."""
        chosen = None if mask is None else np.asarray(mask)
        self._step.reset(chosen)
        self._is_new[... if chosen is None else chosen] = True
        if self._ends is not None:
            self._ends.forget(chosen)

    def act(
        self,
        observation: np.ndarray,
        reward: np.ndarray | None = None,
        terminated: np.ndarray | None = None,
        truncated: np.ndarray | None = None,
        final_observation: np.ndarray | None = None,
    ) -> np.ndarray:
        """The actions int64 `[N]` to take on `observation` `[N, C]` (real ones: `[N, *shape]`).

        The other arguments are what the last actions brought, as an auto-resetting environment
        returns it: `reward`, `terminated` and `truncated` `[N]`, and `final_observation` `[N, C]`,
        the last observation of the episodes that ended: other rows are not read, and may be None as
        in the object array that Gymnasium's vector environments return. They are left out on the
        first call; environments that were reset since ignore theirs.

        Raises `InvalidArgument` for a wrong shape or a missing or out-of-range value.
        """
        observation = self._observed("observation", observation)
        outcome, active = None, None
        if not self._is_new.all():
            if self._ends is not None:
                final_observation = observation
            outcome = self._outcome(reward, terminated, truncated, final_observation)
            if self._ends is not None:
                outcome, active = self._ends.delayed(outcome)
        if active is not None and not active.any():
            return np.zeros(self.num_environments, np.int64)
        actions = self._step(observation, outcome, active)
        if active is not None:
            actions[~active] = 0  # which the environments ignore
        self._is_new[:] = False
        return actions

    def _outcome(
        self,
        reward: np.ndarray | None,
        terminated: np.ndarray | None,
        truncated: np.ndarray | None,
        final_observation: np.ndarray | None,
    ) -> Outcome:
        """What the last actions brought to the environments that were not reset."""
        shape = (self.num_environments,)
        if reward is None or terminated is None or truncated is None:
            raise InvalidArgument(
                "reward, terminated and truncated must be given after the first call; "
                "call reset() to begin a new task instead"
            )
        continues = ~self._is_new
        earned = self._checked("reward", reward, shape)
        kept = np.zeros(shape, self._reward_dtype)
        kept[continues] = earned[continues]
        if kept.dtype.kind == "u" and (kept != earned)[continues].any():
            raise InvalidArgument(
                f"reward must be integers in 0..{np.iinfo(kept.dtype).max} as the model's "
                f"schema stores them, got {earned[continues & (kept != earned)][0]}"
            )
        done = self._checked("terminated", terminated, shape).astype(bool)
        done |= self._checked("truncated", truncated, shape).astype(bool)
        done &= continues
        # Where no episode ends nothing of it is read, and it may be anything.
        final = self._final(final_observation, done) if done.any() else self._no_final
        return Outcome(continues, kept, done, final)

    def _final(self, values: Any, done: np.ndarray) -> np.ndarray:
        """int64 `[N, C]`: the final observations, of which the rows of `done` will be read."""
        rows = np.asarray(values)
        if rows.dtype != object:
            return self._observed("final_observation", rows)
        if rows.shape != done.shape or any(row is None for row in rows[done]):
            raise InvalidArgument(
                "final_observation must be given where an episode ends; "
                'Gymnasium vector environments return it as info["final_obs"]'
            )
        final = self._no_final.copy()
        for index in np.flatnonzero(done):
            final[index] = rows[index]
        return self._observed("final_observation", final)

    def _observed(self, name: str, values: Any) -> np.ndarray:
        """Observations `[N, C]` as int64, real ones `[N, *shape]` as float32.

        Raises `InvalidArgument` for another shape or kind.
        """
        array = self._checked(name, values, self._observation_shape)
        if self._has_real_observations:
            if array.dtype.kind not in "biuf":
                raise InvalidArgument(f"{name} must be numbers, got {array.dtype}")
            return array.astype(np.float32)
        if array.dtype.kind not in "iu":
            raise InvalidArgument(f"{name} must be integers, got {array.dtype}; cast them first")
        return array.astype(np.int64)

    def _checked(self, name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
        """`values` as an array of `shape`; raises `InvalidArgument` for another one."""
        array = np.asarray(values)
        if array.shape != shape:
            raise InvalidArgument(
                f"{name} must have shape {shape} ([environments, ...]), got {array.shape}; "
                f"this agent acts in {self.num_environments} environments"
            )
        return array


def load(
    run: str | Path,
    num_environments: int = 1,
    *,
    temperature: float = 1.0,
    seed: int = 0,
    random_streams: np.ndarray | None = None,
    autoreset: Autoreset = "same-step",
    device: Device = "auto",
    precision: Precision = "auto",
    cache: CachePrecision = "float32",
) -> Agent:
    """The agent of a run directory's newest checkpoint, or of a checkpoint file."""
    path = Path(run)
    if path.is_dir():
        newest = max((path / "checkpoints").glob("*.safetensors"), default=None)
        if newest is None:
            raise CheckpointError(f"{path}: no checkpoint in checkpoints/; train the run first")
        path = newest
    return Agent(
        load_model(path),
        num_environments,
        temperature=temperature,
        seed=seed,
        random_streams=random_streams,
        autoreset=autoreset,
        device=device,
        precision=precision,
        cache=cache,
    )
