"""TransitionAgent: an agent that is told one transition after another and says how it would act.

What a learner written by hand needs: the calls of a loop, and what others did, become transitions;
its logits become actions.

Axes: N environments, M of them, C observation components, A actions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Acting, Outcome, Situation
from adfast.evaluation.agents.checked_agent import MAX_ENVIRONMENTS, CheckedAgent
from adfast.evaluation.agents.in_context_agent import Autoreset
from adfast.evaluation.sampling.action_sampling import ActionDraws, action_keys
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)
from adfast.values import as_array, as_count, as_number, require_kind


class TransitionAgent(CheckedAgent):
    """Derive from it and define `action_logits`, and `begin` and `learn` for one that learns.

    All three are told which environments they are about: `environments` int64 `[M]`, indices below
    `num_environments`, in ascending order. Arrays of what is known in each, of length
    `num_environments`, are made in `__init__`.

    `temperature` divides the logits (0 takes the likeliest action). Environment n draws its actions
    from the random stream `random_streams[n]` (default: n) of `seed`.
    """

    def __init__(
        self,
        schema: TransitionSchema,
        num_environments: int = 1,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        random_streams: np.ndarray | None = None,
        autoreset: Autoreset = "same-step",
    ) -> None:
        require_kind("schema", schema, TransitionSchema, "a TransitionSchema")
        num_environments = as_count("num_environments", num_environments, MAX_ENVIRONMENTS)
        temperature = as_number("temperature", temperature, 0.0)
        keys = action_keys(seed, random_streams, num_environments)
        acting = TransitionStep(self, schema, ActionDraws(temperature, *keys))
        super().__init__(schema, num_environments, temperature, acting, autoreset)

    def begin(self, environments: np.ndarray) -> None:
        """A new history begins in these: what was learned there is forgotten."""

    def learn(self, environments: np.ndarray, transition: Mapping[str, np.ndarray]) -> None:
        """Take in what happened in these: one transition in each, the schema's fields `[M, *item]`.

        Integers are int64, real observations and rewards float32.
        """

    @abstractmethod
    def action_logits(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> np.ndarray:
        """Logits float `[M, A]` of what to do on `observation` `[M, C]` at `episode_step` `[M]`.

        Logarithms of probabilities will do; -inf is never done.
        """


class TransitionStep(Acting):
    """Tells `agent` what happened, and draws by its logits."""

    def __init__(
        self, agent: TransitionAgent, schema: TransitionSchema, draws: ActionDraws
    ) -> None:
        num_environments = len(draws.count)
        super().__init__(num_environments, schema.episode_length)
        self._agent = agent
        self._draws = draws
        self._begins = np.ones(num_environments, bool)
        self._logits = np.zeros((num_environments, schema.num_actions))
        # What was chosen last, and on what.
        self._observation: np.ndarray | None = None
        self._action = np.zeros(num_environments, np.int64)
        self._chosen_at = np.zeros(num_environments, np.int64)

    def _forget(self, mask: np.ndarray | None) -> None:
        self._begins[... if mask is None else mask] = True

    def _choose(self, now: Situation) -> np.ndarray:
        observation, outcome, active, episode_step, _ = now
        if outcome is not None and outcome.continues.any():
            self._tell(observation, outcome)
        everyone = np.arange(len(self._action))
        moving = everyone if active is None else np.flatnonzero(active)
        if (begin := moving[self._begins[moving]]).size:
            self._agent.begin(begin)
            self._begins[begin] = False
        logits = self._agent.action_logits(moving, observation[moving], episode_step[moving])
        self._logits[moving] = self._checked(logits, moving)
        actions = self._draws.draw(self._logits, active)
        if self._observation is None:
            self._observation = np.zeros_like(observation)
        self._observation[moving] = observation[moving]
        self._action[moving] = actions[moving]
        self._chosen_at[moving] = episode_step[moving]
        return actions

    def _tell(self, observation: np.ndarray, outcome: Outcome) -> None:
        """Let the agent learn from the transitions that `outcome` completes."""
        assert self._observation is not None, "something was chosen before"
        rows = np.flatnonzero(outcome.continues)
        done = outcome.done[rows]
        is_real = outcome.reward.dtype.kind == "f"
        reached = observation[rows]
        reached[done] = outcome.final_observation[rows[done]]
        ending = np.where(outcome.terminated[rows], BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED)
        transition = {
            "observation": self._observation[rows],
            "action": self._action[rows],
            "reward": outcome.reward[rows] if is_real else outcome.reward[rows].astype(np.int64),
            "next_observation": reached,
            "boundary": np.where(done, ending, BOUNDARY_INSIDE),
            "episode_step": self._chosen_at[rows],
        }
        self._agent.learn(rows, transition)

    def _checked(self, logits: np.ndarray, environments: np.ndarray) -> np.ndarray:
        """The agent's `logits` as float64; raises `InvalidArgument` for what are none."""
        name = f"action_logits of {type(self._agent).__name__}"
        array = as_array(name, logits).astype(np.float64)
        shape = (len(environments), self._logits.shape[1])
        if array.shape != shape:
            raise InvalidArgument(f"{name} must have shape {shape}, got {array.shape}")
        allowed = (array < np.inf).all(axis=1) & (array > -np.inf).any(axis=1)
        if not allowed.all():
            wrong = np.flatnonzero(~allowed)[0]
            raise InvalidArgument(
                f"{name} must be numbers below infinity, not all of them -inf, got "
                f"{array[wrong].tolist()} in environment {environments[wrong]}"
            )
        return array

    def take_over(self, actions: np.ndarray, mask: np.ndarray) -> None:
        """Where `mask`, `actions` were taken."""
        self._action[mask] = actions[mask]

    def logits(self) -> np.ndarray:
        """Float64 `[N, A]` of the last choice."""
        return self._logits
