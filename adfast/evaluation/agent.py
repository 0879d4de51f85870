"""Agent: a trained model as an in-context learner in any environment loop.

Weights stay frozen; what the agent learns is in its cache of past transitions. A batch of
environments acts at once, each with its own history and its own random stream.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from adfast.errors import CheckpointError, InvalidArgument
from adfast.evaluation.action_sampling import sample_actions
from adfast.models.checkpoint import load_model
from adfast.models.transformer import Transformer
from adfast.models.transition_embedding import StepInput
from adfast.random_streams import EVALUATION_ACTION, stream_keys


class Agent:
    """Acts in `num_environments` environments and improves in each from episode to episode.

    `temperature` divides the logits (0 takes the likeliest action). Environment n draws its actions
    from the random stream `random_streams[n]` (default: n) of `seed`, so that what it does depends
    neither on its neighbours nor on their number.
    """

    def __init__(
        self,
        model: Transformer,
        num_environments: int = 1,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        random_streams: np.ndarray | None = None,
    ) -> None:
        if not temperature >= 0:  # nan is refused too
            raise InvalidArgument(f"temperature must not be negative, got {temperature}")
        self.model = model.eval()
        self.temperature = float(temperature)
        self.num_environments = num_environments
        streams = np.arange(num_environments) if random_streams is None else random_streams
        if np.shape(streams) != (num_environments,):
            raise InvalidArgument(
                f"random_streams must have one entry for each of the {num_environments} "
                f"environments, got shape {np.shape(streams)}"
            )
        self._offset, self._mask = stream_keys(seed, EVALUATION_ACTION, streams)
        self._draws = np.zeros(num_environments, np.int64)
        self._cache = model.new_cache(num_environments)
        components = len(model.schema.observation_sizes)
        self._action = np.zeros(num_environments, np.int64)
        self._reward = np.zeros(num_environments, model.schema.reward_dtype)
        self._final_observation = np.zeros((num_environments, components), np.int64)
        self._episode_step = np.zeros(num_environments, np.int64)

    def reset(self, mask: np.ndarray | None = None) -> None:
        """Forget everything in the environments of `mask` (bool `[N]`), or in all: a new task."""
        if mask is None:
            self._cache.reset()
            self._episode_step[:] = 0
            return
        chosen = np.asarray(mask)
        self._cache.reset(torch.from_numpy(chosen))
        self._episode_step[chosen] = 0

    def act(
        self,
        observation: np.ndarray,
        reward: np.ndarray | None = None,
        terminated: np.ndarray | None = None,
        truncated: np.ndarray | None = None,
        final_observation: np.ndarray | None = None,
    ) -> np.ndarray:
        """The actions int64 `[N]` to take on `observation` `[N, C]`.

        The other arguments are what the last actions brought, as an auto-resetting environment
        returns it: `reward`, `terminated` and `truncated` `[N]`, and `final_observation` `[N, C]`,
        the last observation of the episodes that ended: other rows are not read, and may be None as
        in the object array that Gymnasium's vector environments return. They are left out on the
        first call; environments that were reset since ignore theirs.

        Raises `InvalidArgument` for a wrong shape or a missing or out-of-range value.
        """
        observation = self._observed("observation", observation)
        is_first = self._cache.is_first.numpy()
        if not is_first.all():
            self._remember(~is_first, reward, terminated, truncated, final_observation)
        inputs = StepInput(
            observation=torch.from_numpy(observation),
            previous_action=torch.from_numpy(self._action),
            previous_reward=torch.from_numpy(self._reward),
            previous_final_observation=torch.from_numpy(self._final_observation),
            episode_step=torch.from_numpy(self._episode_step),
            is_first=self._cache.is_first,
        )
        logits = self.model.step(inputs, self._cache).float().numpy()
        actions = np.empty(self.num_environments, np.int64)
        sample_actions(logits, self.temperature, self._offset, self._mask, self._draws, actions)
        self._draws += 1
        self._episode_step += 1
        self._action[:] = actions
        return actions

    def _remember(self, continuing: np.ndarray, *result: np.ndarray | None) -> None:
        """Take in what the last actions brought to the environments that were not reset."""
        reward, terminated, truncated, final_observation = result
        shape = (self.num_environments,)
        if reward is None or terminated is None or truncated is None:
            raise InvalidArgument(
                "reward, terminated and truncated must be given after the first call; "
                "call reset() to begin a new task instead"
            )
        earned = self._checked("reward", reward, shape)
        self._reward[continuing] = earned[continuing]
        if self._reward.dtype.kind == "u" and (self._reward != earned)[continuing].any():
            raise InvalidArgument(
                f"reward must be integers in 0..{np.iinfo(self._reward.dtype).max} as the model's "
                f"schema stores them, got {earned[continuing & (self._reward != earned)][0]}"
            )
        done = self._checked("terminated", terminated, shape).astype(bool)
        done |= self._checked("truncated", truncated, shape).astype(bool)
        done &= continuing
        self._episode_step[done] = 0
        if done.any():
            self._final_observation[done] = self._final(final_observation, done)[done]

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
        final = self._final_observation.copy()
        for index in np.flatnonzero(done):
            final[index] = rows[index]
        return self._observed("final_observation", final)

    def _observed(self, name: str, values: Any) -> np.ndarray:
        """Observations `[N, C]` as int64; raises `InvalidArgument` for another shape or kind."""
        array = self._checked(name, values, self._final_observation.shape)
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
    )
