"""The wrappers of `Recorder`: environments that behave as they did, and are recorded.

They turn Gymnasium's three ways of following an episode by the next into one: transitions and
beginnings of episodes. Masks are bool `[num_envs]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from adfast.errors import InvalidArgument
from adfast.simulators.space_encoding import SpaceEncoding

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
        observation, info = self.env.reset(seed=seed, options=options)
        self._log.begin(self._encoding.encode_observations(np.asarray(observation)[None]), EVERY)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One recorded step."""
        self._recorder.require_own_process()
        taken = self._encoding.encode_actions(np.asarray(action).reshape(1))
        self._log.begin_step(EVERY)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._log.add(
            taken,
            np.array([reward], np.float32),
            self._encoding.encode_observations(np.asarray(observation)[None]),
            np.array([terminated], bool),
            np.array([truncated], bool),
            EVERY,
        )
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Commit the history and close the environment."""
        self._recorder.end(self._log)
        super().close()


class RecordedVectorEnv(VectorWrapper):
    """A vector environment that is recorded, in any autoreset mode; made by `Recorder.wrap`."""

    def __init__(self, env: VectorEnv, recorder: Recorder, metadata: dict[str, Any]) -> None:
        super().__init__(env)
        self._mode = env.metadata.get("autoreset_mode")
        if not isinstance(self._mode, AutoresetMode):
            raise InvalidArgument(
                'metadata["autoreset_mode"] of a vector environment must be one of '
                f"gymnasium.vector.AutoresetMode, got {self._mode!r}; set it to what {env} does"
            )
        self._recorder = recorder
        self._encoding = SpaceEncoding(env.single_observation_space, env.single_action_space)
        self._log = recorder.begin(self._encoding, longest_episode(env), env.num_envs, metadata)
        self._is_resetting = np.zeros(env.num_envs, bool)  # NEXT_STEP: the next step only resets

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes, in all environments or in those of `options["reset_mask"]`."""
        mask = np.ones(self.num_envs, bool)
        if options is not None and "reset_mask" in options:
            mask = np.array(options["reset_mask"], bool)  # some environments take it out
        observation, info = self.env.reset(seed=seed, options=options)
        self._log.begin(self._encoding.encode_observations(observation), mask)
        self._is_resetting &= ~mask
        return observation, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One recorded step; where it only resets, no transition."""
        self._recorder.require_own_process()
        resets = self._is_resetting
        taken = self._encoding.encode_actions(actions)
        self._log.begin_step(~resets)
        observation, reward, terminated, truncated, info = self.env.step(actions)
        after = self._encoding.encode_observations(observation)
        done = np.asarray(terminated, bool) | np.asarray(truncated, bool)
        reached = after
        if self._mode is AutoresetMode.SAME_STEP and done.any():
            reached = after.copy()
            reached[done] = self._final_observations(info, done)
        self._log.add(taken, reward, reached, terminated, truncated, ~resets)
        if self._mode is AutoresetMode.SAME_STEP and done.any():
            self._log.begin(after, done)
        elif self._mode is AutoresetMode.NEXT_STEP:
            if resets.any():
                self._log.begin(after, resets)
            self._is_resetting = done
        return observation, reward, terminated, truncated, info

    def close(self, **kwargs: Any) -> None:
        """Commit the histories and close the environments."""
        self._recorder.end(self._log)
        super().close(**kwargs)

    def _final_observations(self, info: dict[str, Any], done: np.ndarray) -> np.ndarray:
        """What the ended episodes, those of `done`, saw last."""
        final = info.get("final_obs")
        if final is None or any(row is None for row in np.asarray(final, object)[done]):
            raise InvalidArgument(
                'a vector environment in mode SAME_STEP must return info["final_obs"] where '
                "episodes end; nothing else has their final observations"
            )
        return self._encoding.encode_observations(np.stack([*final[done]]))


def longest_episode(env: gymnasium.Env | VectorEnv) -> int | None:
    """The most steps of an episode, as far as the environment or its specification say so."""
    specifications = [env.spec, env.unwrapped]
    if hasattr(env.unwrapped, "get_attr"):  # a vector of single environments that have their own
        specifications.append(env.unwrapped.get_attr("spec")[0])
    limits = [getattr(about, "max_episode_steps", None) for about in specifications]
    return next((int(limit) for limit in limits if limit is not None), None)
