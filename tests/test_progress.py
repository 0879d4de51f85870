"""Progress says where work stands, on a terminal of any width, in a log and in Python."""

import contextlib
import io
import threading

import pytest

from adfast import progress
from adfast.progress import ProgressBar, line_about, lines_about, progress_bar
from adfast.training.progress import report_updates, waiting_note

NOTE = "130k tokens/s (48% waiting), loss 1.604, validation return 15.3"


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


def test_log_gets_lines_while_the_work_goes_on_or_hangs():
    class Log(io.StringIO):
        def write(self, text):
            written.set()
            return super().write(text)

    written, log = threading.Event(), Log()
    bar = ProgressBar("collect", 8, "blocks")
    with contextlib.redirect_stderr(log), lines_about(bar, first=0.01, every=0.01):
        assert written.wait(60)
        assert "collect     0% 0/8 after 0:00:00, blocks\n" in log.getvalue()
        bar.advance_to(6, "blocks")
        written.clear()
        written.wait(60)
    assert "collect    75% 6/8" in log.getvalue().splitlines()[-1]
    assert "progress" not in [thread.name for thread in threading.enumerate()]


def test_line_says_how_long_it_will_take():
    bar = ProgressBar("train", 1000, NOTE)
    bar.advance_to(250, NOTE)
    assert line_about(bar, 3600.0) == f"train      25% 250/1000 after 1:00:00, 3:00:00 left, {NOTE}"


def test_log_that_cannot_be_written_ends_no_work():
    closed = io.StringIO()
    with contextlib.redirect_stderr(closed), progress_bar("train", 3) as bar:
        closed.close()
        bar.advance_to(3)
    assert bar.done == 3


def test_intervals_are_as_stated():
    assert (progress.FIRST_SECONDS, progress.LINE_SECONDS) == (10, 30)


def test_nothing_is_shown_where_it_is_not_wanted(capsys):
    with progress_bar("train", 3, shown=False) as bar:
        bar.advance_to(3, NOTE)
    assert capsys.readouterr() == ("", "")
    assert (bar.done, bar.note) == (3, NOTE)


@pytest.mark.parametrize("width", [80, 100, 160])
def test_long_note_is_cut_before_the_figures_are(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    shown = [line for line in lines_of(Terminal()) if "train" in line][-1]
    assert "1100/1100" in shown
    assert "130k tokens/s" in shown


def test_updates_are_told_with_what_was_last_measured():
    class State:
        update, tokens, seconds, waiting_seconds = 4, 8000, 2.0, 0.0

    seen = []
    bar = ProgressBar("train", 10, "updates")
    hook = report_updates(bar, lambda state, row: seen.append(row))
    hook(State, {"loss": 1.25, "validation_return": 3.0})
    State.update = 5
    hook(State, None)
    assert (bar.done, bar.note) == (5, "4k tokens/s, loss 1.250, validation return 3.0")
    assert seen == [{"loss": 1.25, "validation_return": 3.0}, None]


@pytest.mark.parametrize(
    ("waiting", "seconds", "note"),
    [(0.0, 0.0, ""), (0.1, 10.0, ""), (1.2, 10.0, " (12% waiting)")],
)
def test_waiting_is_told_when_it_matters(waiting, seconds, note):
    assert waiting_note(waiting, seconds) == note
