"""The table at a run's end says which tasks were not solved, and of many the worst."""

from adfast.report.terminal import unsolved_tasks
from adfast.runs.files.results import TaskOutcome


def outcomes(*shares):
    return [
        TaskOutcome(
            task_id=n,
            label=f"row {n}, column 0",
            optimal=1.0,
            first_episode=0.0,
            last5_mean=share,
            share_of_optimal=share,
            solved=share >= 0.8,
        )
        for n, share in enumerate(shares)
    ]


def test_tasks_are_told_apart_the_worst_first():
    assert unsolved_tasks(outcomes(0.9, 1.0)) == "none"
    assert unsolved_tasks(outcomes(0.5, 0.9, 0.1)) == "2 of 3: row 2, column 0; row 0, column 0"


def test_long_list_is_cut_to_the_worst():
    told = unsolved_tasks(outcomes(*(n / 100 for n in range(40, 0, -1)), 0.9, 0.9))
    assert told.startswith("40 of 42, the worst: row 39, column 0; row 38, column 0; ")
    assert told.count(";") == 4
