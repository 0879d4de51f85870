import json

from benchmarks import attention_gpu
from benchmarks.attention_workloads import WORKLOADS, Workload


def test_command_checks_times_and_records(tmp_path, capsys):
    attention_gpu.main(["--small", "--record", str(tmp_path / "record.json")])
    record = json.loads((tmp_path / "record.json").read_text())
    rows = record["results"][0]["rows"]
    assert {"adfast", "adfast, deterministic", "SDPA flash"} <= rows.keys()
    assert all(row["picoseconds_per_score"] > 0 for row in rows.values())
    assert record["results"][0]["best_rival"] == "SDPA flash"
    assert "ps/score" in capsys.readouterr().out


def test_live_scores_are_the_pairs_that_see_one_another():
    assert Workload(16, None, 1, length=5, heads=2).live_scores == 2 * 15
    assert Workload(16, 2, 3, length=5, heads=1).live_scores == 3 * 9
    assert Workload(16, 99, 1, length=5, heads=1).live_scores == 15
    assert len({workload.name for workload in WORKLOADS}) == len(WORKLOADS)
