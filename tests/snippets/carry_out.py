"""Carries out the README and the documentation as a reader would: every block, in order.

`python -m snippets.carry_out [PAGE ...]` does so at full size, each page in an empty folder, twice:
`make snippets`. The test suite does so with the sizes of `sizes.toml`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snippets.pages import NOT_CODE, PAGES, ROOT, Block, blocks_of

SIZES = tomllib.loads(Path(__file__).with_name("sizes.toml").read_text(encoding="utf-8"))
RunCommand = Callable[[list[str]], None]


def is_carried_out(page: Path) -> bool:
    """Whether a page has a block that is code."""
    return any(block.language not in NOT_CODE for block in blocks_of(page))


def carry_out(page: Path, run_command: RunCommand, *, is_cut: bool) -> list[str]:
    """Carry out the blocks of `page` in the current folder; the places of those that were.

    Raises whatever a block raises, and `AssertionError` when a block prints something else than its
    comments say.
    """
    blocks = [block for block in blocks_of(page) if block.language not in NOT_CODE]
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks):
        if block.language == "python":
            carry_out_python(block, names, is_cut=is_cut)
        elif block.language == "console":
            for words in block.commands():
                for command in resize(words, is_cut=is_cut):
                    run_command(command)
        elif block.language == "toml":
            Path(file_named_next(blocks[number + 1 :])).write_text(block.source, encoding="utf-8")
        else:
            raise AssertionError(f'{block.place}: no way to carry out "{block.language}"')
    return [block.place for block in blocks]


def carry_out_python(block: Block, names: dict[str, Any], *, is_cut: bool) -> None:
    """Execute a block among `names`; it prints what the comments behind its `print(...)` say.

    One that begins with the name of a file in a comment is that file too.
    """
    source = block.source
    if file := re.match(r"# (\w+\.py)\n", source):
        Path(file[1]).write_text(source, encoding="utf-8")
    for cut in SIZES["python"] if is_cut else ():
        if cut["page"] == block.page:
            source = source.replace(cut["find"], cut["replace"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = compile("\n" * block.line + source, ROOT / block.page, "exec", dont_inherit=True)
        exec(code, names)
    promised = re.findall(r"^print\(.*\)  # (.*)$", source, re.MULTILINE)
    assert printed.getvalue().splitlines() == promised, f"{block.place} prints {printed.getvalue()}"


def resize(words: list[str], *, is_cut: bool) -> list[list[str]]:
    """The commands to carry out for one that is typed: none, itself, or a smaller one."""
    typed = shlex.join(words)
    for entry in SIZES["instead"]:
        if typed == entry["typed"] and (is_cut or entry.get("always")):
            words = entry["carried_out"].split()
            break
    else:
        for entry in SIZES["parsed"]:
            if f"{typed} ".startswith(f"{entry['begins']} ") and (is_cut or entry.get("always")):
                return []
    fitting = [one for one in SIZES["command"] if shlex.join(words).startswith(one["begins"])]
    if fitting and is_cut:
        entry = max(fitting, key=lambda one: len(one["begins"]))
        chosen = {word.partition("=")[0] for word in words}
        smaller = [one for one in entry["smaller"] if one.partition("=")[0] not in chosen]
        settings = [*entry["settings"], *smaller]
        words = [*words, *(part for one in settings for part in ("--set", one))]
    return [words]


def file_named_next(blocks: list[Block]) -> str:
    """The TOML file that the next console block takes."""
    for block in blocks:
        for words in block.commands() if block.language == "console" else ():
            for word in words:
                if word.endswith(".toml"):
                    return word
    raise AssertionError("a block of TOML is followed by a command that names its file")


def run_in_shell(words: list[str]) -> None:
    """A command as it is typed, shown, in a process of its own; raises unless its status is 0."""
    print(f"    $ {shlex.join(words)}", flush=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(words, check=True, env=os.environ | {"PATH": path}, stdout=subprocess.DEVNULL)


def main(names: list[str]) -> None:
    """Carry out the pages `names`, or all, at full size."""
    pages = [ROOT / name for name in names] or [page for page in PAGES if is_carried_out(page)]
    for page in pages:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for time_of_two in ("first", "second"):
                begin = time.monotonic()
                places = carry_out(page, run_in_shell, is_cut=False)
                seconds = time.monotonic() - begin
                print(f"{page.name}, {time_of_two} time: {len(places)} blocks, {seconds:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
