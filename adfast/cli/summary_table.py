"""What `adfast run` prints at its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adfast.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

MAX_TASKS = 5  # named in one line


def summary_table(evaluation: dict[str, Any], run: Path) -> Table:
    """Held-out returns next to their references, and where the rest is."""
    from rich.table import Table
    from rich.text import Text

    summary, references = evaluation["summary"], evaluation["references"]
    tasks, episodes = len(evaluation["held_out"]["task_ids"]), evaluation["episodes"]
    low, high = summary["held_out_last5_ci95"]
    share = summary["held_out_last5_share_of_optimal"]
    page = run / "report.html"
    table = Table(
        title=f"{tasks} held-out tasks x {evaluation['seeds']} seeds, weights frozen",
        show_header=False,
        title_justify="left",
    )
    table.add_column("figure")
    table.add_column("value", overflow="fold")  # a path is to be copied, so it is not cut
    rows = {
        "return, episode 1": f"{summary['held_out_first_episode_mean']:.2f}",
        f"return, episodes {max(episodes - 4, 1)}-{episodes}": (
            f"{summary['held_out_last5_mean']:.2f}  (95% interval {low:.2f} to {high:.2f}, "
            f"{share:.0%} of optimum)"
        ),
        "random policy": f"{references['random']:.2f}",
        f"source after {episodes} episodes": f"{references['source'][-1]:.2f}",
        "optimum": f"{references['optimal']:.2f}",
        "tasks not solved": unsolved_tasks(evaluation["per_task"]),
        "seconds": ", ".join(f"{n} {s:.1f}" for n, s in evaluation["seconds"].items()),
        "report": str(page) if page.exists() else f"write it with: adfast report {run}",
    }
    for name, value in rows.items():
        table.add_row(Text(printable(name)), Text(printable(value)))  # a label is no markup
    return table


def unsolved_tasks(outcomes: Sequence[dict[str, Any]]) -> str:
    """The tasks that were not solved, the worst first, of many the worst ones."""
    unsolved = [outcome for outcome in outcomes if not outcome["solved"]]
    unsolved.sort(key=lambda outcome: outcome["share_of_optimal"])
    if not unsolved:
        return "none"
    listed = "; ".join(outcome["label"] for outcome in unsolved[:MAX_TASKS])
    worst = ", the worst" if len(unsolved) > MAX_TASKS else ""
    return f"{len(unsolved)} of {len(outcomes)}{worst}: {listed}"
