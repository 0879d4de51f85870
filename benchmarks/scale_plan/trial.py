"""Trial: a record of this machine, and what was foretold from it beside what was then measured."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from adfast.errors import InvalidArgument
from benchmarks.record import FOLDER, Record

TRIALS = FOLDER / "scale-plan"
WITHIN = 0.2  # of what is measured


@dataclass(frozen=True)
class Compared:
    """Processor seconds of some work: foretold from the record, and measured."""

    work: str
    predicted: float
    measured: float

    @property
    def ratio(self) -> float:
        """Of what was predicted to what was measured."""
        return self.predicted / self.measured

    @property
    def is_near(self) -> bool:
        """Whether the prediction is within the bar."""
        return abs(self.ratio - 1) <= WITHIN


@dataclass(frozen=True)
class Trial:
    """A recipe, the record of the same run, and what was compared."""

    recipe: str
    record: Record
    compared: tuple[Compared, ...]

    def write(self, path: Path) -> None:
        """Write it to `path` as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The trial in `path`; raises `InvalidArgument` for anything else."""
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except ValidationError as error:
            raise InvalidArgument(f"{path}: not a trial of the plan: {error}") from None
