"""Put the result of `make demo` into README.md: what it printed, its main figure, its replay.

`make figures` calls this; nothing in the README's marked block is edited by hand.
"""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

from rich.console import Console
from show_replay import write_animation

from adfast.report.terminal import summary_table
from adfast.runs.files.run_record import read_run

DOCS = Path(__file__).resolve().parent
README = DOCS.parent / "README.md"
RUN = Path("runs/dark-room")  # of the repository, whose root the Makefile works in
FIGURE = "return_per_episode.png"
ANIMATION = "replay.gif"
BLOCK = re.compile(r"(?<=<!-- demo:begin -->\n).*?(?=<!-- demo:end -->)", re.DOTALL)
WIDTH = 88  # columns


def printed_summary(run: Path) -> str:
    """What `adfast run` prints at the end of the run `run`."""
    record = read_run(run)
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(summary_table(record.evaluation, record.seconds, run))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def main() -> None:
    """Fill the block, copy the figure, draw the animation."""
    summary = f"```text\n{printed_summary(RUN)}```\n"
    readme, blocks = BLOCK.subn(lambda _: summary, README.read_text(encoding="utf-8"))
    assert blocks == 1, "README.md has one block between demo:begin and demo:end"
    README.write_text(readme, encoding="utf-8")
    (DOCS / "images").mkdir(exist_ok=True)
    shutil.copy(RUN / "figures" / FIGURE, DOCS / "images" / FIGURE)
    write_animation(RUN, DOCS / "images" / ANIMATION)


if __name__ == "__main__":
    main()
