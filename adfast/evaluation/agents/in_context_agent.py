"""InContextAgent: whoever acts in environments and learns in each from what happens there.

A trained model is one (`agent.Agent`), and so is a hand-written learner, which `TransitionAgent`
spares most of the work, or a model of anybody's own. `evaluate`, `play` and probes take any.

Axes: N environments, T transitions, A actions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, TypedDict, Unpack

import numpy as np

from adfast.config import Config
from adfast.errors import InvalidArgument
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import as_choice, require_kind

Autoreset = Literal["same-step", "next-step"]
MEMBERS = ("reset", "act", "read", "action_probabilities")


class InContextAgent(ABC):
    """Acts in `num_environments` environments at once, and in each by its own history there.

    `schema` says what observations are like, how many actions there are and how long an episode
    may be. Histories are taken in by `act`, transition by transition, or by `read`; an agent that
    reads what another did acts from then on as that one would.
    """

    schema: TransitionSchema
    num_environments: int

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Raises `InvalidArgument` where a class leaves members undefined."""
        if missing := sorted(cls.__abstractmethods__):
            raise InvalidArgument(f"{cls.__name__} lacks {' and '.join(missing)}; {ALL_HAVE}")
        return super().__new__(cls)

    @property
    def autoreset(self) -> Autoreset:
        """How the environments begin the episode after one that ended.

        "same-step": with the observation that the ending step returns beside the final one.
        "next-step": the ending step returns the final observation, and the one after it ignores its
        action, earns nothing and returns the first; that is no transition. `play` sets it. Shipped
        agents and each `TransitionAgent` know both; any other knows the first unless it says more.
        """
        return "same-step"

    @autoreset.setter
    def autoreset(self, mode: Autoreset) -> None:
        if as_choice("autoreset", mode, ("same-step", "next-step")) != "same-step":
            raise InvalidArgument(
                f"{type(self).__name__} acts in environments of autoreset same-step alone; make "
                'them with autoreset_mode="SameStep", or derive the agent from TransitionAgent'
            )

    @abstractmethod
    def reset(self, mask: np.ndarray | None = None) -> None:
        """Forget everything in the environments of `mask` (bool `[N]`), or in all: a new task."""

    @abstractmethod
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
        returns it: `reward`, `terminated` and `truncated` `[N]`, and `final_observation` as
        observations are, the last ones of the episodes that ended (other rows mean nothing). They
        are left out where there is none: on the first call; after `reset` and `read` they are
        ignored in the environments concerned.
        """

    @abstractmethod
    def read(self, history: Mapping[str, np.ndarray], length: np.ndarray | None = None) -> None:
        """Take in transitions that others made, before the next `act`.

        `history` has the fields of the schema `[N, T, *item]`, as stored histories have; of
        environment n the first `length[n]` (int `[N]`; None: all T) count.
        """

    @abstractmethod
    def action_probabilities(self) -> np.ndarray:
        """float64 `[N, A]`: how probable each action was in the last call of `act`."""


ALL_HAVE = (
    f"an agent has {', '.join(MEMBERS[:-1])} and {MEMBERS[-1]}, which adfast.InContextAgent "
    "describes; adfast.TransitionAgent has them and asks for less"
)


def require_agent(name: str, agent: Any, others: str = "") -> InContextAgent:
    """`agent`; raises `InvalidArgument` for what is none and names what it lacks.

    `others` says what else the face that is called takes.
    """
    missing = [member for member in MEMBERS if not callable(getattr(agent, member, None))]
    if missing and len(missing) < len(MEMBERS):
        raise InvalidArgument(
            f"{name} {type(agent).__name__} lacks {' and '.join(missing)}; {ALL_HAVE}"
        )
    way_out = "an InContextAgent; adfast.load makes one of a run"
    require_kind(name, agent, InContextAgent, others + way_out)
    for attribute in ("schema", "num_environments"):
        if not hasattr(agent, attribute):
            raise InvalidArgument(f"{name} {type(agent).__name__} must set self.{attribute}")
    return agent  # type: ignore[no-any-return]


class Choosing(TypedDict, total=False):
    """How an agent draws its actions.

    `temperature` divides their logits (0 takes the likeliest). Environment n draws from the random
    stream `random_streams[n]` (None: n) of `seed`, so that what is done in it depends neither on
    its neighbours nor on their number.
    """

    temperature: float
    seed: int
    random_streams: np.ndarray | None


@dataclass(frozen=True)
class TrainedOn:
    """What a model was trained on, for agents that are compared with it.

    The histories are of `algorithm` with `options` (None: recorded ones) on `training_tasks`, of
    the family that is acted in (None: of another one).
    """

    algorithm: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    training_tasks: np.ndarray | None = None


class AgentMaker(Config, ABC):
    """An agent by name: its fields are its options, and `make_agent` makes it for a task family.

    What the catalogue of agents holds; evaluations of runs name one.
    """

    name: ClassVar[str]

    def beside(self, trained_on: TrainedOn) -> AgentMaker:
        """The maker with the options that were left to the run in whose evaluation it acts."""
        return self

    def check(self, family: TaskFamily | None) -> None:
        """Raise `InvalidArgument` where the agent is not defined in tasks of `family`."""

    @abstractmethod
    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> InContextAgent:
        """A new agent for environments of `schema`.

        `family` is what they are of, for agents that know it; None in environments of no family.
        Raises `InvalidArgument` where the agent cannot act there.
        """
