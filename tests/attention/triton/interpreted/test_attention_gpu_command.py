import os
import subprocess
import sys

import pytest

from benchmarks import attention_gpu
from benchmarks.attention_checks import Case
from benchmarks.card_attention import live_scores
from benchmarks.contest import proof_of
from benchmarks.record import Record
from benchmarks.workloads import select

ROWS = [workload for workload in select(["cuda"]) if workload.layer == "attention"]

# Has what a lent card has: neither other packages nor the extension of adfast.
ALONE = """
import sys
from importlib.abc import MetaPathFinder
class Refuse(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {
            "pydantic", "numba", "rich", "gymnasium", "typer", "xxhash", "safetensors"
        }:
            raise ModuleNotFoundError(f"no {name} here", name=name)
sys.meta_path.insert(0, Refuse())
sys.modules["adfast._native"] = None
from benchmarks import attention_gpu
sys.exit(attention_gpu.main(sys.argv[1:]))
"""


@pytest.mark.thorough
def test_command_checks_times_and_records_with_torch_triton_and_numpy_alone(tmp_path):
    path = tmp_path / "record.json"
    run = subprocess.run(
        [sys.executable, "-c", ALONE, "--small", "--record", str(path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert run.returncode == 0, run.stderr
    record = Record.read(path)
    assert record.provenance["card"] == "none, interpreted"
    shape, variants, decode = record.measurements
    assert [rival.label for rival in shape.rivals] == ["SDPA flash"]
    assert set(shape.notes["left_out"]) == {"SDPA cudnn", "SDPA efficient"}
    assert [rival.label for rival in variants.rivals] == ["deterministic", "bounded logits"]
    assert decode.bytes_per_unit == 2 * 4 * 256 * 16 * 2
    assert "ps/score" in run.stdout
    assert "of the floor" in run.stdout
    assert "SDPA cudnn               left out: RuntimeError" in run.stdout


@pytest.mark.parametrize("workload", ROWS, ids=lambda workload: workload.name)
def test_kernels_of_every_row_compute_the_definition(workload):
    with workload.on("cpu").prepare(small=True) as contest:
        assert proof_of(contest)
        contest.subject.call()
        present = {rival.label for rival in contest.rivals} | set(contest.notes.get("left_out", ()))
        assert present <= {label for _, label in workload.members}


def test_red_check_on_a_card_ends_the_run(monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(attention_gpu.checks, "failures", lambda device, longest: ["dq is off"])
    monkeypatch.setattr(attention_gpu, "measure", None)
    assert attention_gpu.main([]) == 1
    assert "dq is off" in capsys.readouterr().err


def test_live_scores_are_the_pairs_that_see_one_another():
    assert live_scores(Case(5, None, 16, (2, 2))) == 2 * 15
    assert live_scores(Case(5, 2, 16, (1, 1), batch=3)) == 3 * 9
    assert live_scores(Case(5, 99, 16, (1, 1))) == 15
