"""Records: what was measured, on what, as JSON.

Every round's seconds are kept, so that ratios can be judged with their noise. Rates of
different machines are not comparable; `processor` in the provenance says which they are from.
Only reading one takes pydantic: a lent machine may have no more than torch, Triton and NumPy.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from adfast.errors import InvalidArgument

FORMAT = 1
FOLDER = Path(__file__).resolve().parent / "records"


class Part:
    """A part of a record, which knows all of its fields: others are refused when it is read."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True)
class Quartiles(Part):
    """Lower quartile, median and upper quartile over the rounds."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """The quartiles of `values`."""
        lower, median, upper = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
        return cls(lower=lower, median=median, upper=upper)


@dataclass(frozen=True)
class ContenderRecord(Part):
    """One contender; `rate` in units/s, `seconds` of one call in each round.

    `advantage` is the subject's rate over this contender's, taken within each round: the ratio to a
    rival, the share of a limit; None for the subject itself.
    """

    label: str
    role: Literal["subject", "rival", "limit"]
    work: float
    calls_per_sample: int
    warm_up_seconds: float
    rate: Quartiles
    advantage: Quartiles | None
    seconds: list[float]


@dataclass(frozen=True)
class BarRecord(Part):
    """A bar, the median that it judges, and whether that reaches it."""

    quantity: Literal["ratio", "share", "rate", "seconds"]
    at_least: float | None
    at_most: float | None
    value: float
    is_met: bool


@dataclass(frozen=True)
class Measurement(Part):
    """One workload; `set_up_seconds` went into data, compilation and the equivalence check.

    `notes` are those of `benchmarks.contest.Contest`.
    """

    name: str
    title: str
    layer: str
    unit: str
    arguments: dict[str, Any]
    bytes_per_unit: float | None
    set_up_seconds: float
    contenders: list[ContenderRecord]
    bars: list[BarRecord]
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """What computed it, "cpu" or "cuda"."""
        return str(self.arguments.get("device", "cpu"))

    @property
    def subject(self) -> ContenderRecord:
        """The contender that is ours."""
        return self.contenders[0]

    @property
    def rivals(self) -> list[ContenderRecord]:
        """The rivals, in the order of the workload."""
        return [contender for contender in self.contenders if contender.role == "rival"]

    @property
    def limit(self) -> ContenderRecord | None:
        """What the machine allows, if it was measured."""
        return next((c for c in self.contenders if c.role == "limit"), None)


@dataclass(frozen=True, kw_only=True)
class Record(Part):
    """A whole run of the benchmarks. `is_quick` ones used small sizes and are not kept."""

    format: int = FORMAT
    is_quick: bool
    provenance: dict[str, Any]
    load_average: tuple[float, float]  # processes that wanted to run, before and after
    measurements: list[Measurement]

    def write(self, path: Path) -> None:
        """Write it to `path` as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in `path`; raises `InvalidArgument` for another format."""
        from pydantic import TypeAdapter, ValidationError

        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise InvalidArgument(
                    f"{path}: format must be {FORMAT}, got {content['format']}; record anew"
                )
            return TypeAdapter(cls).validate_python(content)
        except (KeyError, TypeError, json.JSONDecodeError, ValidationError) as error:
            raise InvalidArgument(f"{path}: not a benchmark record: {error}") from None

    @property
    def processor(self) -> str:
        """The processor that it was measured on."""
        return str(self.provenance["processor"])

    @property
    def date(self) -> str:
        """When, ISO 8601 in UTC, so that later ones sort behind."""
        return str(self.provenance["date"])

    @property
    def default_path(self) -> Path:
        """`records/<date>-<processor>.json`."""
        words = re.sub(r"\((r|tm)\)|\b(cpu|processor)\b", " ", self.processor.lower())
        return FOLDER / f"{self.date[:10]}-{'-'.join(re.findall(r'[a-z0-9]+', words))}.json"


def newest_records(folder: Path = FOLDER) -> dict[str, Path]:
    """Processor -> its record of the latest date in `folder`, in the order of their names."""
    newest: dict[str, tuple[str, Path]] = {}
    for path in sorted(folder.glob("*.json")):
        record = Record.read(path)
        if record.processor not in newest or newest[record.processor][0] < record.date:
            newest[record.processor] = (record.date, path)
    return {processor: newest[processor][1] for processor in sorted(newest)}
