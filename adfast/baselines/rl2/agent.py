"""RL2Agent: a trained policy of RL2 as an in-context learner in any environment loop."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Unpack

import numpy as np
from pydantic import ConfigDict

from adfast.baselines.rl2.checkpoints import load_policy
from adfast.baselines.rl2.policy import Policy
from adfast.errors import CheckpointError, InvalidArgument
from adfast.evaluation.acting.host_step import HostStep
from adfast.evaluation.agents.checked_agent import MAX_ENVIRONMENTS, CheckedAgent
from adfast.evaluation.agents.in_context_agent import AgentMaker, Autoreset, Choosing
from adfast.evaluation.sampling.action_sampling import ActionDraws, action_keys
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.values import as_count, as_number, as_path, require_kind


class RL2Agent(CheckedAgent):
    """Acts in `num_environments` environments by `policy`, which remembers until it is reset.

    `temperature` divides the logits (0 takes the likeliest action). Environment n draws its actions
    from the random stream `random_streams[n]` (default: n) of `seed`.
    """

    def __init__(
        self,
        policy: Policy,
        num_environments: int = 1,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        random_streams: np.ndarray | None = None,
        autoreset: Autoreset = "same-step",
    ) -> None:
        require_kind("policy", policy, Policy, "a policy of RL2; train_rl2 and load_rl2 give one")
        num_environments = as_count("num_environments", num_environments, MAX_ENVIRONMENTS)
        temperature = as_number("temperature", temperature, 0.0)
        draws = ActionDraws(temperature, *action_keys(seed, random_streams, num_environments))
        acting = HostStep(policy.eval(), draws)
        super().__init__(policy.schema, num_environments, temperature, acting, autoreset)


def load_rl2(run: str | Path) -> Policy:
    """The policy of a run directory's newest checkpoint, or of a checkpoint file."""
    path = as_path("run", run)
    if path.is_dir():
        newest = newest_checkpoint(path / "checkpoints")
        if newest is None:
            raise CheckpointError(f"{path}: no checkpoint in checkpoints/; train the run first")
        path = newest
    return load_policy(path)


class ReadyPolicy(AgentMaker):
    """A policy that is at hand."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    name: ClassVar[str] = "policy"

    policy: Policy

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> RL2Agent:
        """A new agent."""
        return RL2Agent(self.policy, num_environments, **choosing)


class RL2(AgentMaker):
    """A policy that RL2 trained, of a run of method rl2."""

    name: ClassVar[str] = "rl2"

    run: str | None = None
    """A run directory or a checkpoint file."""

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> RL2Agent:
        """A new agent; raises `CheckpointError` where there is no policy."""
        if self.run is None:
            raise InvalidArgument('agent "rl2" needs run: a run directory or a checkpoint file')
        return RL2Agent(load_rl2(self.run), num_environments, **choosing)
