"""What the server does from which killed processes are forked: one tiny run, so that all is warm.

Imported by the server before it forks. Everything that is imported, compiled or looked up at a
first call is then there, and a process begins its work within milliseconds.
"""

import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cli.command_line import adfast
from small_run import RECIPE

with tempfile.TemporaryDirectory() as folder:
    recipe = Path(folder) / "warm.toml"
    recipe.write_text(RECIPE)
    ended = adfast("run", recipe, "--run", Path(folder) / "run")
    assert ended.status == 0, ended.stderr

# A fork copies one thread: locks that others hold at that moment would be held for ever.
assert threading.active_count() == 1, threading.enumerate()
