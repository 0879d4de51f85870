"""Agent: a trained model as an in-context learner in any environment loop.

Weights stay frozen; what the agent learns is in its cache of past transitions. A batch of
environments acts at once, each with its own history and its own random stream.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from adfast.errors import CheckpointError, InvalidArgument
from adfast.evaluation.acting import Acting, Outcome
from adfast.evaluation.device_step import DeviceStep
from adfast.evaluation.episode_ends import EpisodeEnds
from adfast.evaluation.host_step import HostStep
from adfast.models.checkpoint import load_model
from adfast.models.config import CachePrecision, Device, Precision
from adfast.models.device import in_precision, resolve_cache, resolve_device, resolve_precision
from adfast.models.transformer import Transformer
from adfast.random_streams import EVALUATION_ACTION, as_streams, stream_keys
from adfast.values import (
    INTEGERS,
    as_choice,
    as_count,
    as_mask,
    as_number,
    as_path,
    fitted,
    require_kind,
    rows_where,
)

Autoreset = Literal["same-step", "next-step"]
MAX_ENVIRONMENTS = 2**31 - 1


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
        require_kind("model", model, Transformer, "a Transformer; adfast.load makes agents of runs")
        self.num_environments = as_count("num_environments", num_environments, MAX_ENVIRONMENTS)
        self.temperature = as_number("temperature", temperature, 0.0)
        self.device = resolve_device(device, "device")
        schema = model.schema
        self.autoreset = autoreset
        precision_used = resolve_precision(precision, self.device, "precision")
        self.model = in_precision(model, self.device, precision_used).eval()
        streams = np.arange(num_environments) if random_streams is None else random_streams
        streams = as_streams("random_streams", streams)
        if streams.shape != (num_environments,):
            raise InvalidArgument(
                f"random_streams must have one entry for each of the {num_environments} "
                f"environments, got shape {streams.shape}"
            )
        keys = stream_keys(seed, EVALUATION_ACTION, streams)
        step = HostStep if self.device.type == "cpu" else DeviceStep
        cache_dtype = resolve_cache(cache, self.device, precision_used, "cache")
        self._step: Acting = step(self.model, self.temperature, *keys, cache_dtype)
        self._is_new = np.ones(num_environments, bool)  # environments that begin a history
        self._observation_shape = (num_environments, *schema.observation_shape)
        self._schema = schema
        read_dtype = np.int64 if schema.real_observation is None else np.float32
        self._no_final = np.zeros(self._observation_shape, read_dtype)

    def __repr__(self) -> str:
        begun = int(np.count_nonzero(~self._is_new))
        return (
            f"<Agent in {self.num_environments} environments ({begun} begun, autoreset "
            f"{self.autoreset}), temperature {self.temperature:g}: {self.model}>"
        )

    @property
    def autoreset(self) -> Autoreset:
        """How the environments begin the episode after one that ended; set it between histories."""
        return "same-step" if self._ends is None else "next-step"

    @autoreset.setter
    def autoreset(self, mode: Autoreset) -> None:
        as_choice("autoreset", mode, ("same-step", "next-step"))
        self._ends = EpisodeEnds.none(self.num_environments) if mode == "next-step" else None

    def reset(self, mask: np.ndarray | None = None) -> None:
        """Forget everything in the environments of `mask` (bool `[N]`), or in all: a new task."""
        chosen = None if mask is None else as_mask("reset mask", mask, self.num_environments)
        self._step.reset(chosen)
        self._is_new[... if chosen is None else chosen] = True
        if self._ends is not None:
            self._ends = self._ends.without(chosen)

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

        Raises `InvalidArgument`, and changes nothing, for a wrong shape and a value that is
        missing, not finite or out of range.
        """
        observed = self._observed("observation", observation)
        outcome, active, ends = None, None, self._ends
        if not self._is_new.all():
            outcome = self._outcome(reward, terminated, truncated, final_observation, observed)
            if ends is not None:
                outcome, active, ends = ends.delayed(outcome)
        if active is None or active.any():
            actions = self._step(observed, outcome, active)
        else:
            actions = np.zeros(self.num_environments, np.int64)
        # Nothing was refused: what follows is for good.
        self._ends = ends
        if active is not None:
            actions[~active] = 0  # which the environments ignore
        self._is_new[:] = False
        return actions

    def _outcome(
        self,
        reward: Any,
        terminated: Any,
        truncated: Any,
        final_observation: Any,
        observation: np.ndarray,
    ) -> Outcome:
        """What the last actions brought to the environments that were not reset."""
        if reward is None or terminated is None or truncated is None:
            raise InvalidArgument(
                "reward, terminated and truncated must be given after the first call; "
                "call reset() to begin a new task instead"
            )
        continues = ~self._is_new
        # What the step that only resets brings is not read.
        read = continues if self._ends is None else continues & ~self._ends.has_ended
        shape = (self.num_environments,)
        earned, *ends = (
            fitted(name, values, dtype, shape, where=read, row="environment")
            for name, values, dtype in (
                ("reward", reward, self._schema.reward_dtype),
                ("terminated", terminated, np.bool_),
                ("truncated", truncated, np.bool_),
            )
        )
        done = ends[0] | ends[1]
        if self._ends is not None:
            final = observation
        else:  # where no episode ends nothing of it is read, and it may be anything
            final = self._final(final_observation, done) if done.any() else self._no_final
        return Outcome(continues, earned, done, final)

    def _final(self, values: Any, done: np.ndarray) -> np.ndarray:
        """`[N, C]`: the final observations, of which the rows of `done` will be read."""
        rows = rows_where(values, done)
        if rows is None:
            raise InvalidArgument(
                "final_observation must be given where an episode ends; "
                'Gymnasium vector environments return it as info["final_obs"]'
            )
        final = self._no_final.copy()
        final[done] = self._observed("final_observation", rows, np.flatnonzero(done))
        return final

    def _observed(
        self, name: str, values: Any, environments: np.ndarray | None = None
    ) -> np.ndarray:
        """Observations `[N, C]` as int64, real ones `[N, *shape]` as float32.

        They are those of `environments` (indices), or of all. Raises `InvalidArgument` for another
        shape or kind, and for values outside the schema.
        """
        schema = self._schema
        count = self.num_environments if environments is None else len(environments)
        shape = (count, *schema.observation_shape)
        if schema.real_observation is None:
            read = fitted(
                name,
                values,
                np.int64,
                shape,
                sizes=schema.observation_sizes,
                kinds=INTEGERS,
                row="environment",
                rows=environments,
            )
        else:
            dtype = schema.observation_dtype
            kept = fitted(name, values, dtype, shape, row="environment", rows=environments)
            read = fitted(name, kept, np.float32, shape, row="environment", rows=environments)
        return np.require(read, requirements=["C", "W"])  # as torch wants it


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
    path = as_path("run", run)
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
