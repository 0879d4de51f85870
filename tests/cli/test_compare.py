"""`adfast compare`: what is refused before anything is read or written."""

from cli.command_line import adfast
from runs.comparison.synthetic_runs import write_run


def test_unknown_axis_is_refused_before_anything_is_written(tmp_path):
    run = write_run(tmp_path / "room")
    ended = adfast("compare", run, "--axis", "hours", "--out", tmp_path / "out")
    assert ended.status != 0
    assert 'axis must be "episodes", "environment-steps", ' in ended.stderr
    assert not (tmp_path / "out").exists()


def test_axis_that_nothing_is_known_by_leaves_no_page_of_other_runs(tmp_path):
    run = write_run(tmp_path / "room")
    unmonitored = write_run(tmp_path / "other", 1)
    (unmonitored / "metrics.jsonl").unlink()
    assert adfast("compare", run, "--out", tmp_path / "out").status == 0
    ended = adfast("compare", unmonitored, "--axis", "updates", "--out", tmp_path / "out")
    assert "choose one of episodes, environment-steps" in ended.stderr
    assert not (tmp_path / "out" / "comparison.html").exists()
