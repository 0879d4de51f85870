"""A name says what it says; it moves no cursor, fakes no line and turns no direction."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfast.printable import SPELT_OUT, printable

HOSTILE = {
    "\x1b[31mred": "\\x1b[31mred",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "one\nadfast: to continue: rm": "one\\nadfast: to continue: rm",
    "\rover": "\\rover",
    "\x9b2J": "\\x9b2J",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\u2028line": "\\u2028line",
    "\ud800": "\\ud800",
    "\x00": "\\x00",
    "\x7f": "\\x7f",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_characters_that_act_are_spelt_out(name):
    assert printable(name) == HOSTILE[name]


@pytest.mark.parametrize("name", ["runs/dark-room", "Zürich 東京 5 €", "[red]<b>&amp;</b>", ""])
def test_characters_that_are_seen_stay(name):
    assert printable(name) == name


@given(st.text())
def test_what_is_printed_is_one_line_that_a_terminal_only_shows(name):
    shown = printable(name)
    assert not {unicodedata.category(character) for character in shown} & SPELT_OUT
    assert len(shown.splitlines()) <= 1
    shown.encode()
