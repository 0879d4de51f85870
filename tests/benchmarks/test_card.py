"""`adfast bench attention` where there is a card: with an invented one, and invented figures."""

import json
import signal

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import attention_gpu, card
from benchmarks.attention_workloads import Workload

ROUNDS = np.array([0.99, 1.0, 1.01, 1.0, 0.98, 1.02])


def result(speed=1.0):
    workload = Workload(16, 256, 1, length=512, bar=1.3)
    times = {
        "adfast": 1e-3 / speed,
        "adfast, deterministic": 2e-3,
        "a": 3e-3,
        "FlexAttention": 2e-3,
    }
    rows = {
        name: {
            "picoseconds_per_score": 1.0,
            "share_of_floor": 0.5,
            "preparation_seconds": None,
            "seconds": list(seconds * ROUNDS),
        }
        for name, seconds in times.items()
    }
    described = {"head_dim": 16, "length": 512, "bar": workload.bar, "name": workload.name}
    return {
        "workload": described | {"live_scores": workload.live_scores},
        "rows": rows,
        "left_out": {},
        "best_rival": "FlexAttention",
        "ratio_to_best_rival": 2.0 * speed,
    }


@pytest.fixture
def bench_card(monkeypatch, tmp_path, capsys):
    """Runs the command on a card whose attention has this speed; status, stdout, stderr."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(card, "FOLDER", tmp_path)

    def run(*arguments, speed=1.0, name="Fast Card 9", interrupted=False):
        def fill_record(record, device, *, small):
            record["results"].append(result(speed))
            attention_gpu.report(record["results"][-1])
            if interrupted:
                signal.raise_signal(signal.SIGINT)

        record = {"date": "2026-01-02T03:04:05+00:00", "card": name, "results": []}
        monkeypatch.setattr(attention_gpu, "begin_record", lambda device: record)
        monkeypatch.setattr(attention_gpu, "fill_record", fill_record)
        status = bench.main(["attention", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_record_is_kept_by_date_and_card(bench_card, tmp_path):
    status, out, err = bench_card("--record")
    path = tmp_path / "attention" / "2026-01-02-fast-card-9.json"
    assert status == 0
    assert "ps/score" in out
    assert str(path) in err
    assert json.loads(path.read_text())["card"] == "Fast Card 9"


def test_measurement_has_the_best_rival_first():
    measurement = card.measurement_of(result())
    assert [rival.label for rival in measurement.rivals] == ["FlexAttention", "a"]
    assert measurement.rivals[0].advantage.median == pytest.approx(2.0)
    assert measurement.bars[0].is_met


@pytest.mark.parametrize(("speed", "status", "verdict"), [(1.0, 0, "same"), (0.8, 1, "slower")])
def test_comparison_judges_the_ratios_to_the_rivals(bench_card, speed, status, verdict):
    bench_card("--record")
    ended, out, _ = bench_card("--compare", speed=speed)
    assert ended == status
    assert ">= 1.30x" in out
    assert verdict in out


def test_record_of_another_card_is_refused(bench_card, tmp_path):
    bench_card("--record", tmp_path / "a.json")
    status, _, err = bench_card("--compare", tmp_path / "a.json", name="Other Card")
    assert status == 2
    assert "of this card, Other Card, but this one is of Fast Card 9; make one here" in err


@pytest.mark.parametrize("text", ["no json", "{}", "[]"])
def test_other_files_are_refused(bench_card, tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    status, _, err = bench_card("--compare", tmp_path / "a.json")
    assert status == 2
    assert "no record of adfast bench attention" in err


def test_interruption_keeps_a_part_where_a_path_is_given(bench_card, tmp_path):
    status, _, _ = bench_card("--record", tmp_path / "a.json", interrupted=True)
    assert status == 128 + signal.SIGINT
    assert len(json.loads((tmp_path / "a.json").read_text())["results"]) == 1
    _, _, err = bench_card("--record", interrupted=True)
    assert "no record" in err


def test_json_is_the_record(bench_card):
    _, out, err = bench_card("--json")
    assert json.loads(out)["card"] == "Fast Card 9"
    assert "ps/score" in err


@pytest.mark.parametrize(
    ("arguments", "has_card"),
    [(["attention"], False), (["attention-256-head-16"], True), ([], True)],
)
def test_processor_is_timed_otherwise(arguments, has_card, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: has_card)
    monkeypatch.setattr(bench, "run", lambda options, workloads, reference: 77)
    assert bench.main(arguments) == 77
