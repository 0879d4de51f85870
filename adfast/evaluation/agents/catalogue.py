"""The agents by name. A new one is one file in `adfast.baselines.agents` and one line below.

Free of torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adfast.catalogue import Catalogue

if TYPE_CHECKING:
    from adfast.evaluation.agents.in_context_agent import AgentMaker

AGENTS: Catalogue[AgentMaker] = Catalogue(
    kind="agent",
    group="adfast.agents",
    base="adfast.evaluation.agents.in_context_agent:AgentMaker",
    shipped={
        "model": "adfast.evaluation.agents.trained_model:TrainedModel",
        "random": "adfast.evaluation.agents.random_agent:RandomActions",
        "heuristic": "adfast.baselines.agents.heuristic:Heuristic",
        "late-heuristic": "adfast.baselines.agents.late_heuristic:LateHeuristic",
        "corrected-heuristic": "adfast.baselines.agents.corrected_heuristic:CorrectedHeuristic",
        "competence-mimic": "adfast.baselines.agents.competence_mimic:CompetenceMimic",
        "memorised-goal": "adfast.baselines.agents.memorised_goal:MemorisedGoal",
        "source-algorithm": "adfast.baselines.agents.source_agent:SourceAgent",
        "posterior-sampling": "adfast.baselines.agents.source_agent:PosteriorSamplingAgent",
        "ideal-learner": "adfast.baselines.agents.source_agent:IdealLearnerAgent",
        "rl2": "adfast.baselines.rl2.agent:RL2",
    },
)
