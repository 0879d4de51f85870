"""Every block and every command of the README and the documentation does what it says."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command

from adfast.cli.app import app
from cli.command_line import adfast
from snippets.carry_out import SIZES, carry_out, is_carried_out
from snippets.pages import NOT_CODE, PAGES, ROOT, blocks_of, inline_commands


def run_here(words):
    """`adfast` in this process, which has imported all it needs; others in one of their own."""
    if words[:2] == ["adfast", "bench"]:
        words = [sys.executable, "-m", "benchmarks", *words[2:]]
    if words[0] == "adfast":
        ended = adfast(*words[1:])
        assert ended.status == 0, f"{shlex.join(words)}: {ended.stderr}"
        return
    if words[0] == "python":
        words = [sys.executable, *words[1:]]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert ended.returncode == 0, f"{shlex.join(words)}: {ended.stderr}"


# Carried out again from where it ended; `make snippets` does so with all.
TWICE = "README.md"


# Pages of seconds whose commands and functions other tests call too.
FURTHER = (
    "add-a-family",
    "baselines",
    "benchmarks",
    "exchange",
    "long-context",
    "models",
    "probes",
)
EVERY_PAGE = [
    pytest.param(page, id=page.name, marks=pytest.mark.thorough if page.stem in FURTHER else ())
    for page in filter(is_carried_out, PAGES)
]


@pytest.mark.slow
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_page_can_be_carried_out_from_an_empty_folder_and_again(page, tmp_path):
    with contextlib.chdir(tmp_path):
        first = carry_out(page, run_here, is_cut=True)
        again = carry_out(page, run_here, is_cut=True) if page.name == TWICE else first
    assert first == again
    assert len(first) >= 1


def test_languages_of_blocks_are_known():
    languages = {block.language for page in PAGES for block in blocks_of(page)}
    assert languages <= {"python", "console", "toml"} | NOT_CODE


def test_every_cut_is_of_something_that_stands_there():
    blocks = [block for page in PAGES for block in blocks_of(page)]
    python = [(block.page, block.source) for block in blocks if block.language == "python"]
    for cut in SIZES["python"]:
        assert any(page == cut["page"] and cut["find"] in source for page, source in python), cut
    consoles = [block for block in blocks if block.language == "console"]
    typed = [shlex.join(words) for block in consoles for words in block.commands()]
    assert {entry["typed"] for entry in SIZES["instead"]} <= set(typed)
    for entry in (*SIZES["parsed"], *SIZES["command"]):
        assert any(command.startswith(entry["begins"]) for command in typed), entry


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page):
    typed = [
        words
        for block in blocks_of(page)
        if block.language == "console"
        for words in block.commands()
        if words[0] == "adfast"
    ]
    for words in (*typed, *inline_commands(page)):
        require_command(words)


def require_command(words):
    """Raise `AssertionError` for a command, or an option of it, that does not exist."""
    command = get_command(app)
    names = words[1:]
    options = {"--help"}
    while names and not names[0].startswith("-") and hasattr(command, "commands"):
        assert names[0] in command.commands, shlex.join(words)
        command = command.commands[names.pop(0)]
    options |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    if command.name == "bench":  # its options are those of the benchmarks
        return
    for word in names:
        assert not word.startswith("--") or word.partition("=")[0] in options, shlex.join(words)
