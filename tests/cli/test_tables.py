"""Tables keep their rows whole where no terminal bounds them."""

import re

from rich.table import Table

from adfast.cli.tables import print_table

NAMES = ("a-part-of-a-study-whose-name-is-long-enough-seed-1", "of other settings (width, depth)")


def printed(capsys):
    table = Table("part", "state", "hash")
    table.add_row(*NAMES, "0123456789abcdef")
    print_table(table)
    return capsys.readouterr().out.splitlines()


def test_names_are_whole_in_a_pipe(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    (row,) = (line for line in printed(capsys) if NAMES[0] in line)
    assert NAMES[1] in row


def test_a_terminal_is_not_exceeded(capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "40")
    shown = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in printed(capsys)]
    assert max(map(len, shown)) == 40
