"""The probes that adfast ships, beside those of anybody's own package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adfast.catalogue import Catalogue

if TYPE_CHECKING:
    from adfast.probes.probe import Probe

PROBES: Catalogue[Probe] = Catalogue(
    kind="probe",
    group="adfast.probes",
    base="adfast.probes.probe:Probe",
    shipped={
        "attention": "adfast.probes.attention:AttentionProbe",
        "beliefs": "adfast.probes.beliefs:BeliefsProbe",
        "calibration": "adfast.probes.calibration:Calibration",
        "corrections": "adfast.probes.corrections:CorrectionsProbe",
        "equal-data": "adfast.probes.equal_data:EqualData",
        "history-loss": "adfast.probes.history_loss:HistoryLossProbe",
        "mechanism": "adfast.probes.mechanism:MechanismProbe",
        "memory": "adfast.probes.memory:Memory",
        "narrowness": "adfast.probes.narrowness:Narrowness",
        "training-goal-habit": "adfast.probes.training_goal_habit:TrainingGoalHabit",
        "counterfactual-contexts": "adfast.probes.counterfactual_contexts:CounterfactualContexts",
        "whose-actions": "adfast.probes.whose_actions:WhoseActionsProbe",
        "competence-mimicry": "adfast.probes.competence_mimicry:CompetenceMimicry",
    },
)

BY_NAME_ONLY = ("calibration",)  # asked of agents of known kind, and only by who names it
