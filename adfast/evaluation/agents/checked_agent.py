"""CheckedAgent: the front of an agent, where everything that it is told is checked, once.

Behind it stands an `Acting`, which takes in what was checked and chooses. Environments of both
autoreset modes are understood here, and reading what others did.

Axes: N environments, C observation components, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Acting
from adfast.evaluation.acting.known_outcomes import KnownOutcomes
from adfast.evaluation.acting.reading import ReadHistory
from adfast.evaluation.acting.told_values import ToldValues
from adfast.evaluation.agents.in_context_agent import Autoreset, InContextAgent
from adfast.evaluation.sampling.action_sampling import probabilities
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import as_choice, as_mask

MAX_ENVIRONMENTS = 2**31 - 1


class CheckedAgent(InContextAgent):
    """Acts in `num_environments` environments by means of `acting`, which draws at `temperature`.

    What it is given is checked already; `as_count` and `action_keys` do that.
    """

    def __init__(
        self,
        schema: TransitionSchema,
        num_environments: int,
        temperature: float,
        acting: Acting,
        autoreset: Autoreset,
    ) -> None:
        self.schema = schema.unlabelled
        self.num_environments = num_environments
        self.temperature = temperature
        self.autoreset = autoreset
        self._acting = acting
        self._is_new = np.ones(num_environments, bool)  # environments that begin a history
        self._known: KnownOutcomes | None = None
        self._has_chosen = False
        self._active: np.ndarray | None = None  # which environments chose last; None: all
        self._told = ToldValues(schema, num_environments)
        self._observation = np.zeros_like(self._told.no_observation)  # that was acted on last

    @property
    def autoreset(self) -> Autoreset:
        """How the environments begin the episode after one that ended; set it between histories."""
        return "next-step" if self._delays_ends else "same-step"

    @autoreset.setter
    def autoreset(self, mode: Autoreset) -> None:
        self._delays_ends = as_choice("autoreset", mode, ("same-step", "next-step")) == "next-step"

    def reset(self, mask: np.ndarray | None = None) -> None:
        """Forget everything in the environments of `mask` (bool `[N]`), or in all: a new task."""
        chosen = None if mask is None else as_mask("reset mask", mask, self.num_environments)
        self._acting.reset(chosen)
        self._is_new[... if chosen is None else chosen] = True
        if self._known is not None:
            self._known = self._known.without(chosen)

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
        first call; environments that were reset, or read a history since, ignore theirs.

        Raises `InvalidArgument`, and changes nothing, for a wrong shape and a value that is
        missing, not finite or out of range.
        """
        observed = self._told.observation("observation", observation)
        outcome, active, known = None, None, self._known
        if not self._is_new.all():
            continues = ~self._is_new
            told = continues if known is None else continues & ~known.is_known
            result = (reward, terminated, truncated)
            final = observed if self._delays_ends else final_observation
            outcome = self._told.outcome(continues, told, *result, final)
            if known is not None or self._delays_ends:
                known = known or KnownOutcomes.none(self.num_environments)
                outcome, active, known = known.followed_by(outcome, delays_ends=self._delays_ends)
        if active is None or active.any():
            actions = self._acting(observed, outcome, active)
        else:
            actions = np.zeros(self.num_environments, np.int64)
        # Nothing was refused: what follows is for good.
        self._known = known
        if active is not None:
            actions[~active] = 0  # which the environments ignore
        self._is_new[:] = False
        self._has_chosen, self._active = True, active
        self._observation[...] = observed  # the environment may use its array again
        return actions

    def read(self, history: Mapping[str, np.ndarray], length: np.ndarray | None = None) -> None:
        """Take in the transitions `history`, fields `[N, T, *item]` of the schema, as if they were
        the agent's own: it goes on as who made them would.

        Of environment n the first `length[n]` (int `[N]`; None: all) count. Where an action was
        chosen and it is not known what came of it, the first transition says so: it is on the same
        observation, and its action was taken in place of the chosen one. Elsewhere it follows on
        what the agent knows. The next `act` needs no outcome of the environments that read.

        Raises `InvalidArgument`, and changes nothing, for another shape or dtype and for a value
        that its field may not have.
        """
        steps = ReadHistory(self.schema, history, self.num_environments, length)
        known = self._known or KnownOutcomes.none(self.num_environments)
        is_open = ~self._is_new & ~known.is_known & (steps.length > 0)
        self._require_same_observation(steps, is_open)
        for step in steps:
            moving = step.rows & ~is_open
            if moving.any():
                active = None if moving.all() else moving
                self._acting(step.observation, known.of(moving), active, step.episode_step)
            self._acting.take_over(step.action, step.rows)
            known = known.extended(step.rows, step.outcome)
            is_open = np.zeros_like(is_open)
        self._known = known
        self._is_new &= steps.length == 0
        self._has_chosen = False

    def _require_same_observation(self, steps: ReadHistory, is_open: np.ndarray) -> None:
        """Raise `InvalidArgument` unless what was acted on last is what histories begin with."""
        if not is_open.any():
            return
        same = steps.observation(0, is_open) == self._observation
        differs = is_open & ~same.reshape(self.num_environments, -1).all(axis=1)
        if differs.any():
            raise InvalidArgument(
                "the first transition must be on the observation that the agent has chosen an "
                f"action on, and is on another in environment {np.flatnonzero(differs)[0]}; "
                "call reset() first to read another history"
            )

    def action_probabilities(self) -> np.ndarray:
        """float64 `[N, A]`: how probable each action was in the last call of `act`.

        Where an environment took none, as it began an episode, action 0 is certain. Raises
        `InvalidArgument` where there is no such call, and for logits that are not finite.
        """
        if not self._has_chosen:
            raise InvalidArgument(
                "action_probabilities are those of the last act, and none followed the beginning "
                "or what was read; call act first"
            )
        found = probabilities(self._acting.logits(), self.temperature)
        if self._active is not None:
            found[~self._active] = np.eye(self.schema.num_actions)[0]
        if np.isnan(found).any():
            environment = np.flatnonzero(np.isnan(found).any(axis=1))[0]
            raise InvalidArgument(
                f"logits must be finite, got others in environment {environment}; "
                "the agent's weights may not be finite"
            )
        return found
