"""A record for tests, made of invented figures."""

from dataclasses import replace

import numpy as np

from benchmarks.record import BarRecord, ContenderRecord, Measurement, Quartiles, Record


def contender(role, rate, subject_rate=None):
    rates = rate * np.array([0.9, 1.0, 1.1])
    return ContenderRecord(
        label=f"the {role}",
        role=role,
        work=10.0,
        calls_per_sample=3,
        warm_up_seconds=0.5,
        rate=Quartiles.of(rates),
        advantage=None if subject_rate is None else Quartiles.of(subject_rate / rates),
        seconds=list(10.0 / rates),
    )


def measurement(name="ring-sample-400", is_met=True, **changes):
    made = Measurement(
        name=name,
        title="sample windows",
        layer="histories",
        unit="windows",
        arguments={"length": 400},
        bytes_per_unit=3200.0,
        set_up_seconds=1.5,
        contenders=[
            contender("subject", 1.5e6),
            contender("rival", 3e5, 1.5e6),
            contender("limit", 2e6, 1.5e6),
        ],
        bars=[
            BarRecord(quantity="ratio", at_least=5.0, at_most=None, value=5.0, is_met=is_met),
        ],
    )
    return replace(made, **changes)


def record(*measurements, date="2026-01-02T03:04:05+00:00", is_quick=False):
    return Record(
        is_quick=is_quick,
        provenance={
            "date": date,
            "commit": "0123456789abcdef",
            "processor": "Fast(R) Core(TM) CPU 9000 @ 2.0GHz",
        },
        load_average=(0.1, 1.0),
        measurements=list(measurements) or [measurement()],
    )
