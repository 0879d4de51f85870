"""Progress says where a stage stands, on a terminal of any width and in a log."""

import contextlib
import io

import pytest

from adfast.progress import progress_bar
from adfast.training.progress import waiting_note

NOTE = "130k tokens/s (48% waiting), loss 1.604, held-out return 15.3"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def lines_of(stream):
    with contextlib.redirect_stderr(stream), progress_bar("train", 1100, "updates") as bar:
        bar.advance_to(1100, NOTE)
    return stream.getvalue().splitlines()


def test_log_gets_every_word_of_a_long_note():
    (line,) = [line for line in lines_of(io.StringIO()) if line]
    assert line.startswith("train ")
    assert "1100/1100" in line
    assert NOTE in line


@pytest.mark.parametrize("width", [80, 100, 160])
def test_long_note_is_cut_before_the_figures_are(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    shown = [line for line in lines_of(Terminal()) if "train" in line][-1]
    assert "1100/1100" in shown
    assert "130k tokens/s" in shown


@pytest.mark.parametrize(
    ("waiting", "seconds", "note"),
    [(0.0, 0.0, ""), (0.1, 10.0, ""), (1.2, 10.0, " (12% waiting)")],
)
def test_waiting_is_told_when_it_matters(waiting, seconds, note):
    assert waiting_note(waiting, seconds) == note
