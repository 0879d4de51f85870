from __future__ import annotations

import pytest

from adfast.report.page.wording import counted, duration, quantity, setting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (118.4, "1 min 58 s"),
        (3599.4, "59 min 59 s"),
        (11_110, "3 h 05 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(7.0, "7"), (32_480.0, "32.5 k"), (3.84e6, "3.84 M"), (1.2e12, "1.2e+03 G")]
)
def test_quantity(value: float, text: str) -> None:
    assert quantity(value) == text


def test_counted_knows_the_plural() -> None:
    assert counted(1, "goal") == "1 goal"
    assert counted(1600, "goal") == "1,600 goals"


def test_setting_reads_like_a_configuration() -> None:
    values = [None, True, 0.02, 3, "cpu", [1, 2.5], []]
    assert [setting(value) for value in values] == [
        "none", "yes", "0.02", "3", "cpu", "1, 2.5", "none",
    ]  # fmt: skip
