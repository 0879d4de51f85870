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
        "attention": "adfast.probes.attended.attention:AttentionProbe",
        "beliefs": "adfast.probes.inside.beliefs:BeliefsProbe",
        "calibration": "adfast.probes.calibration:Calibration",
        "corrections": "adfast.probes.candidates.corrections:CorrectionsProbe",
        "equal-data": "adfast.probes.new_tasks.equal_data:EqualData",
        "history-loss": "adfast.probes.losses.history_loss:HistoryLossProbe",
        "mechanism": "adfast.probes.inside.mechanism:MechanismProbe",
        "memory": "adfast.probes.contexts.memory:Memory",
        "narrowness": "adfast.probes.new_tasks.narrowness:Narrowness",
        "training-goal-habit": "adfast.probes.new_tasks.training_goal_habit:TrainingGoalHabit",
        "counterfactual-contexts": (
            "adfast.probes.edited_contexts.counterfactual_contexts:CounterfactualContexts"
        ),
        "whose-actions": "adfast.probes.candidates.whose_actions:WhoseActionsProbe",
        "competence-mimicry": "adfast.probes.contexts.competence_mimicry:CompetenceMimicry",
    },
)

BY_NAME_ONLY = ("calibration",)  # asked of agents of known kind, and only by who names it
