"""The wrappers of `Recorder`: environments that behave as they did, and are recorded.

They turn Gymnasium's three ways of following an episode by the next into one: transitions and
beginnings of episodes. Masks are bool `[num_envs]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from adfast.collection.reused_arrays import ReuseWatch
from adfast.collection.stated_limits import longest_episode
from adfast.errors import InvalidArgument
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.simulators.vector_environments import (
    autoreset_mode_of,
    encoding_of,
    final_observations,
    require_all_answered,
    require_all_at_once,
)
from adfast.values import as_array, as_mask, as_single, fitted

if TYPE_CHECKING:
    from adfast.collection.recorder import Recorder

EVERY = np.ones(1, bool)


class RecordedEnv(gymnasium.Wrapper):
    """A single environment that is recorded; made by `Recorder.wrap`."""

    def __init__(self, env: gymnasium.Env, recorder: Recorder, metadata: dict[str, Any]) -> None:
        super().__init__(env)
        self._recorder = recorder
        self._encoding = SpaceEncoding(env.observation_space, env.action_space)
        self._log = recorder.begin(self._encoding, longest_episode(env), 1, metadata)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; one that went on is recorded as truncated."""
        self._recorder.require_own_process()
        self._log.begin_reset(EVERY)
        observation, info = self.env.reset(seed=seed, options=options)
        first = self._encoding.encode_observations(as_array("observation", observation)[None], 1)
        self._log.begin(first, EVERY)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One recorded step."""
        self._recorder.require_own_process()
        taken = self._encoding.encode_actions(as_single("action", action), 1)
        self._log.begin_step(EVERY)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._log.add(
            taken,
            as_single("reward", reward),
            self._encoding.encode_observations(as_array("observation", observation)[None], 1),
            fitted("terminated", as_single("terminated", terminated), bool, (1,)),
            fitted("truncated", as_single("truncated", truncated), bool, (1,)),
            EVERY,
        )
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Commit the history and close the environment."""
        try:
            self._recorder.end(self._log)
        finally:
            super().close()

    def is_recorded_by(self, recorder: Recorder) -> bool:
        """Whether `recorder` gets what happens here."""
        return self._recorder is recorder


class RecordedVectorEnv(VectorWrapper):
    """A vector environment that is recorded, in any autoreset mode; made by `Recorder.wrap`."""

    def __init__(self, env: VectorEnv, recorder: Recorder, metadata: dict[str, Any]) -> None:
        super().__init__(env)
        self._mode = autoreset_mode_of(env)
        self._recorder = recorder
        self._encoding = encoding_of(env)
        self._log = recorder.begin(self._encoding, longest_episode(env), env.num_envs, metadata)
        self._watch = ReuseWatch(env, self._mode)
        self._is_resetting = np.zeros(env.num_envs, bool)  # NEXT_STEP: the next step only resets

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes, in all environments or in those of `options["reset_mask"]`."""
        self._recorder.require_own_process()
        mask = np.ones(self.num_envs, bool)
        if options is not None and "reset_mask" in options:
            # A copy, since some environments take it out.
            mask = as_mask('options["reset_mask"]', options["reset_mask"], self.num_envs).copy()
        self._log.begin_reset(mask)
        observation, info = self.env.reset(seed=seed, options=options)
        first = self._encoding.encode_observations(observation, self.num_envs, where=mask)
        self._log.begin(first, mask)
        self._is_resetting &= ~mask
        if mask.all():
            self._watch.begin()
        return observation, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One recorded step; where it only resets, no transition."""
        self._recorder.require_own_process()
        resets = self._is_resetting
        taken = self._encoding.encode_actions(actions, self.num_envs)
        self._log.begin_step(~resets)
        if self._mode is AutoresetMode.NEXT_STEP:
            # Where the step is interrupted or fails, nothing goes on until a reset.
            self._is_resetting = np.zeros_like(resets)
        self._watch.begin_step()
        observation, reward, terminated, truncated, info = self.env.step(actions)
        require_all_answered(info, self.num_envs)
        after = self._encoding.encode_observations(observation, self.num_envs)
        self._watch.require_apart(self._log.observation, after)
        ended, cut = (
            fitted(name, values, bool, (self.num_envs,), row="environment")
            for name, values in (("terminated", terminated), ("truncated", truncated))
        )
        done = ended | cut
        reached = after
        if self._mode is AutoresetMode.SAME_STEP and done.any():
            final = self._encoding.encode_observations(
                final_observations(info, done), int(done.sum())
            )
            self._watch.require_final(info, done, observation, self._log.observation, after, final)
            reached = after.copy()
            reached[done] = final
        self._log.add(taken, reward, reached, ended, cut, ~resets)
        if self._mode is AutoresetMode.SAME_STEP and done.any():
            self._log.begin(after, done)
        elif self._mode is AutoresetMode.NEXT_STEP:
            if resets.any():
                self._log.begin(after, resets)
            self._is_resetting = done
        return observation, reward, terminated, truncated, info

    def close(self, **kwargs: Any) -> None:
        """Commit the histories and close the environments."""
        try:
            self._recorder.end(self._log)
        finally:
            super().close(**kwargs)

    def is_recorded_by(self, recorder: Recorder) -> bool:
        """Whether `recorder` gets what happens here."""
        return self._recorder is recorder


def require_recordable(environment: gymnasium.Env | VectorEnv, recorder: Recorder) -> None:
    """Raise `InvalidArgument` for what cannot be recorded, or is recorded by `recorder` already."""
    require_all_at_once(environment)
    for outermost in (environment, *getattr(environment.unwrapped, "envs", ())):
        env: Any = outermost
        while isinstance(env, gymnasium.Wrapper | VectorWrapper):
            if isinstance(env, RecordedEnv | RecordedVectorEnv) and env.is_recorded_by(recorder):
                raise InvalidArgument(
                    "the environment is recorded already, and every step would be kept twice; "
                    "wrap the one inside, without its recorder"
                )
            env = env.env
