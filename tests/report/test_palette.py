from __future__ import annotations

import pytest

from adfast.report.palette import DARK, LIGHT, SHARE_STOPS, share_colour, text_colour_on


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2, definition of contrast ratio."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def test_both_schemes_name_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_text_and_lines_stand_out_from_their_ground(scheme: dict[str, str]) -> None:
    for ground in ("page", "card"):
        for text in ("ink", "muted", "alarm"):
            assert contrast(scheme[text], scheme[ground]) >= 4.5
    for line in ("model", "source", "ideal", "optimal", "random", "accuracy"):
        assert contrast(scheme[line], scheme["card"]) >= 3


def test_share_colour_meets_its_stops_and_clips() -> None:
    shares = [-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0]
    first, *_, last = SHARE_STOPS
    assert [share_colour(share) for share in shares] == [first, *SHARE_STOPS, last]


@pytest.mark.parametrize("percent", range(0, 101, 5))
def test_numbers_on_share_colours_can_be_read(percent: int) -> None:
    fill = share_colour(percent / 100)
    assert contrast(text_colour_on(fill), fill) >= 4
