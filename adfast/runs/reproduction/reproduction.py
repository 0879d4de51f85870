"""Reproduction: the parts of a study, which of them are there, and how the rest is made.

A part is a run's evaluation, or a question that is put to runs.

RESULTS/parts/NAME.json   what each part came to: small, and kept under version control
RUNS/RUN/                 the runs that parts are evaluations of: large, and needed no more then
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from adfast.durable import replace_file
from adfast.errors import RunError
from adfast.runs.files.result_files import Results
from adfast.runs.files.run_files import SETTINGS
from adfast.runs.files.run_folder import holds_nothing
from adfast.runs.hooks import RunHooks
from adfast.runs.recipe.recipe_changes import changed
from adfast.runs.reproduction.finding_record import (
    FindingRecord,
    differences_of_question,
    read_finding_record,
    record_finding,
)
from adfast.runs.reproduction.identity import counting_settings, differences_since
from adfast.runs.reproduction.machine import Machine
from adfast.runs.reproduction.part_record import PartRecord, read_part, record_part
from adfast.runs.reproduction.study_table import Part, Question, StudyTable
from adfast.runs.run import Run

RESULTS = Path("docs/results")
RUNS = Path("runs/reproduce")
PARTS = "parts"
ANY_MACHINE = Machine()

Standing = Literal["done", "not run yet", "of other settings", "no such method yet"]


@dataclass(frozen=True)
class PartState:
    """How a part stands, its record if it has one, and in what that is of other settings."""

    part: Part
    standing: Standing
    record: PartRecord | None = None
    differences: tuple[str, ...] = ()

    @property
    def is_to_make(self) -> bool:
        """Whether carrying out the study makes it."""
        return self.standing in ("not run yet", "of other settings")


@dataclass(frozen=True)
class QuestionState:
    """How a question stands, as `PartState` says it of a part."""

    question: Question
    standing: Standing
    record: FindingRecord | None = None
    differences: tuple[str, ...] = ()

    @property
    def is_to_make(self) -> bool:
        """Whether carrying out the study asks it."""
        return self.standing != "done"


AnyState = PartState | QuestionState


class Reproduction:
    """A study whose parts are in `results`, made in `runs` on a `machine`, which does not count."""

    command: ClassVar[str] = "reproduce"  # that asks for it

    def __init__(
        self,
        table: StudyTable,
        results: Path = RESULTS,
        runs: Path = RUNS,
        machine: Machine = ANY_MACHINE,
    ) -> None:
        self.table = table
        self.results = results
        self.runs = runs
        self.machine = machine

    def states(self) -> dict[str, PartState]:
        """How each part stands, by its name."""
        return {name: self.state_of(part) for name, part in self.table.parts.items()}

    def state_of(self, part: Part) -> PartState:
        """How a part stands; raises `RunError` where its file is damaged."""
        path = self.file_of(part)
        if not part.row.has_method:
            return PartState(part, "no such method yet")
        if not path.is_file():
            return PartState(part, "not run yet")
        record = read_part(path)
        if differences := differences_since(record.settings, part.recipe):
            return PartState(part, "of other settings", record, tuple(differences))
        return PartState(part, "done", record)

    def questions(self) -> dict[str, QuestionState]:
        """How each question stands, by its name; raises `RunError` where its file is damaged."""
        found = {}
        for question in self.table.questions:
            path = self.file_of(question)
            if not path.is_file():
                found[question.name] = QuestionState(question, "not run yet")
                continue
            record = read_finding_record(path)
            differences = tuple(differences_of_question(question, record))
            standing: Standing = "of other settings" if differences else "done"
            found[question.name] = QuestionState(question, standing, record, differences)
        return found

    def all_states(self) -> dict[str, AnyState]:
        """How parts and questions stand, by their names."""
        return {**self.states(), **self.questions()}

    def file_of(self, part: Part | Question) -> Path:
        """Where the record of a part is."""
        return self.results / PARTS / f"{part.name}.json"

    def jobs(self, only: Collection[str] = ()) -> list[list[Part | Question]]:
        """The parts that are to be made, those of one run together; `only` names some of them.

        Questions, which each are a job of their own, come behind all parts.
        """
        for name in only:
            self.table.require_part(name)
        of_run: dict[str, list[Part | Question]] = {}
        for name, state in self.states().items():
            if only and name not in only:
                continue
            if only and state.standing == "no such method yet":
                raise RunError(f"part {name}: {state.standing}")
            if state.is_to_make:
                of_run.setdefault(state.part.run_name, []).append(state.part)
        for name, asked in self.questions().items():
            if asked.is_to_make and (not only or name in only):
                of_run[name] = [asked.question]
        return list(of_run.values())

    def carry_out(self, hooks: RunHooks, only: Collection[str] = ()) -> None:
        """Make the parts that are missing or of other settings, one after the other."""
        parts = [part for job in self.jobs(only) for part in job]
        states = self.all_states()
        for number, part in enumerate(parts, start=1):
            why = "; ".join(states[part.name].differences)
            again = f": made before by other settings ({why}), now made again" if why else ""
            hooks.say(self.command, f"[{number}/{len(parts)}] {part.name}{again}")
            if isinstance(part, Question):
                self.ask(part, hooks)
            else:
                self.make(part, hooks)

    def ask(self, question: Question, hooks: RunHooks) -> FindingRecord:
        """Train what of a question's runs is not finished, put it to them, and keep its record."""
        runs = [self.run_of(part) for part in question.parts]
        for run in runs:
            with run.locked():
                run.collect(hooks=hooks)
                run.train(hooks=hooks)
                run.evaluate(hooks=hooks)
        record = record_finding(question, runs)
        self.keep(question, record)
        return record

    def keep(self, part: Part | Question, record: Results) -> None:
        """Write the record of a part."""
        path = self.file_of(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, [record.to_json()])

    def make(self, part: Part, hooks: RunHooks) -> PartRecord:
        """Collect, train and evaluate what of a part's run is not finished, and keep its record."""
        run = self.run_of(part)
        with run.locked():
            if part.recipe.evaluation.is_of_own_model:
                run.collect(hooks=hooks)
                run.train(hooks=hooks)
            run.evaluate(part.evaluation_name, part.row.evaluation, hooks=hooks)
            record = self.record(part, run)
        self.keep(part, record)
        return record

    def record(self, part: Part, run: Run) -> PartRecord:
        """What a finished part came to."""
        return record_part(part, run)

    def run_of(self, part: Part) -> Run:
        """The run of a part; one that was begun keeps its own settings of the machine."""
        path = self.runs / part.run_name
        if (path / SETTINGS).is_file():
            run = Run.open(path)
            if differences := differences_since_of(run, part):
                raise RunError(f"{path} holds another run ({differences}); remove the folder")
            return run
        if path.is_dir() and not holds_nothing(path):
            raise RunError(f"{path} holds no run and is not empty; remove the folder")
        return Run.create(changed(part.trained, self.machine.settings(part.trained)), path)


def differences_since_of(run: Run, part: Part) -> str:
    """In what a run on disk differs from the one that a part needs."""
    return "; ".join(differences_since(counting_settings(run.recipe), part.trained))
