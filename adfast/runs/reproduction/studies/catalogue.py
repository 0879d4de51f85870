"""The studies by name. A new one is a function that returns its table, and a line below."""

from __future__ import annotations

from collections.abc import Callable

from adfast.errors import UnknownName
from adfast.runs.reproduction.studies.ablations import ablations
from adfast.runs.reproduction.studies.baselines import baselines
from adfast.runs.reproduction.studies.critique import critique
from adfast.runs.reproduction.studies.half_room import half_room
from adfast.runs.reproduction.studies.known_agents import known_agents
from adfast.runs.reproduction.studies.main_figure import main_figure
from adfast.runs.reproduction.studies.size import size
from adfast.runs.reproduction.studies.transfer import transfer
from adfast.runs.reproduction.studies.water_maze import water_maze
from adfast.runs.reproduction.study_table import StudyTable

STUDIES: dict[str, Callable[[], StudyTable]] = {
    "baselines": baselines,
    "main-figure": main_figure,
    "ablations": ablations,
    "critique": critique,
    "known-agents": known_agents,
    "transfer": transfer,
    "size": size,
    "half-room": half_room,
    "water-maze": water_maze,
}


def find_study(name: str) -> StudyTable:
    """The study called `name`; raises `UnknownName`."""
    if name not in STUDIES:
        raise UnknownName("study", name, STUDIES)
    return STUDIES[name]()
