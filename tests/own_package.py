"""A package of a user's own as pip would install it, and processes that have it."""

import json
import os
import subprocess
import sys

from forked_python import ROOT, run_forked


def install(folder, package, modules, entry_points):
    """Write `package` into `folder`: source text by module name, and by group names and classes."""
    for module, source in modules.items():
        path = folder / package.replace("-", "_") / f"{module}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    sections = []
    for group, names in entry_points.items():
        sections += [f"[{group}]", *(f"{name} = {spelling}" for name, spelling in names.items())]
    (info / "entry_points.txt").write_text("\n".join(sections) + "\n")


# Carries out `adfast` with the words of each command that the last argument lists.
COMMANDS = """
import json, sys
from adfast.cli import main

for words in json.loads(sys.argv.pop()):
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


def adfast_with(folder, *commands):
    """What these commands print, one after the other in one process, as in `run_with`."""
    words = [[*map(str, command)] for command in commands]
    return run_with(folder, "-c", COMMANDS, json.dumps(words))


def run_with(folder, *arguments, check=True, is_forked=True):
    """What Python with these arguments prints where the packages of `folder` are installed.

    In a fork of a process that has imported adfast, unless how Python starts is what is asked.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
    }
    arguments = [*map(str, arguments)]
    if is_forked:
        ended = run_forked(arguments, environment, folder)
    else:
        command = [sys.executable, *arguments]
        ended = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if check and ended.returncode:
        raise AssertionError(ended.stdout + ended.stderr)
    return ended.stdout if check else ended.stderr
