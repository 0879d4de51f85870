"""CandidateProbe: a probe that asks which candidate explains what somebody does."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.evaluation.recorder import Trajectories
from adfast.probes.candidates.candidate import Candidates, candidates_of
from adfast.probes.candidates.explained import ITSELF
from adfast.probes.candidates.scoring import scored
from adfast.probes.followers.follower import Follower, ItselfFollower
from adfast.probes.probe import BehaviouralProbe, Observed, require_subjects
from adfast.probes.rollouts import agent_for, roll_out, streams_of
from adfast.probes.subject import Subject

FEWEST_VALIDATION_TASKS = 2
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Bits = Annotated[float, Field(ge=0.0)]


class CandidateProbe(BehaviouralProbe, ABC):
    """What it does is followed up by all candidates, step by step."""

    needed: ClassVar[tuple[str, ...]]  # candidates without which there is no question
    candidates: ClassVar[tuple[str, ...]]

    episodes: Count = 40
    """Episodes that it acts for on each task, from an empty context."""

    disagreement: Share = 0.25
    """Total variation between what two candidates would do, above which a step is scored."""

    least: Bits = 0.25
    """Bits per scored step that the best candidate must explain, or it is nobody's."""

    def defined(self, subject: Subject) -> Candidates:
        """The candidates; raises `InvalidArgument` where one is lacking that is needed."""
        require_subjects([subject], "family")
        found = candidates_of(subject, self.candidates)
        for name in self.needed:
            if name in found.left_out:
                raise InvalidArgument(
                    f'the probe needs the candidate {name} for its subject "{subject.name}": '
                    f"{found.left_out[name]}"
                )
        return found

    def observe(self, subject: Subject, seeds: np.ndarray) -> Observed:
        """Bits of each version of each candidate, and how many steps were scored.

        Legend of `versions_explained`.
        """
        found = self.defined(subject)
        require_validation(subject)
        held_out = self._observe(subject, found, subject.split.held_out, seeds)
        validation = self._observe(subject, found, subject.split.validation, seeds)
        of_validation = {f"validation/{name}": array for name, array in validation.items()}
        return {**held_out, **of_validation}

    def _observe(
        self, subject: Subject, found: Candidates, task_ids: np.ndarray, seeds: np.ndarray
    ) -> Observed:
        family = subject.family
        assert family is not None, "required"
        tasks, streams = streams_of(family, task_ids, seeds)
        trajectories = roll_out(subject, tasks, streams, self.episodes)
        followers = [versions.make(len(tasks)) for versions in found.versions]
        names = [f"{each.candidate}/{name}" for each in found.versions for name in each.names]
        itself = itself_of(subject, streams, trajectories)
        bits, steps = scored(followers, trajectories, self.disagreement, itself)
        shape = len(task_ids), len(seeds)
        observed = {"steps": steps.reshape(*shape, *steps.shape[1:])}
        if itself is not None:
            names.append(f"{ITSELF}/")
        for place, name in enumerate(names):
            observed[name] = bits[:, :, place].reshape(*shape, bits.shape[1], bits.shape[3])
        return observed


def itself_of(subject: Subject, streams: np.ndarray, trajectories: Trajectories) -> Follower | None:
    """Who acted; None where nobody knows how probable its actions were."""
    agent = agent_for(subject, streams)
    try:
        agent.act(trajectories.observation[:, 0, 0, 0])
        agent.action_probabilities()
    except InvalidArgument:
        return None
    return ItselfFollower(agent_for(subject, streams))


def require_validation(subject: Subject) -> None:
    """Raise `InvalidArgument` for too few validation tasks, which noise is fitted on."""
    if (count := len(subject.split.validation)) < FEWEST_VALIDATION_TASKS:
        raise InvalidArgument(
            f"the noise of candidates is fitted on validation tasks, at least "
            f'{FEWEST_VALIDATION_TASKS}, and the split of "{subject.name}" has {count}; set '
            "collection.validation higher"
        )


def left_out_of(
    names: Sequence[str], found: Sequence[Mapping[str, object]], subjects: Iterable[Subject]
) -> dict[str, str]:
    """Why candidates of `names` were not `found` for a subject, by name."""
    reasons: dict[str, str] = {}
    for subject, by_name in zip(subjects, found, strict=True):
        lacking = [name for name in names if name not in by_name]
        reasons |= candidates_of(subject, lacking).left_out
    return reasons


def common(names: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """The candidates that all subjects have, in order."""
    return tuple(name for name in names[0] if all(name in others for others in names))
