"""`python -m benchmarks.attention_gpu`: the Triton attention on the card at hand, in ten minutes.

Checks the kernels against the definition in float64, then times them in turn with every rival that
is importable: picoseconds per live score (a pair of a query and a key that it sees, of one head),
share of the floor, and ratio to the best rival. Needs torch, triton and numpy, nothing else. A
rival that is wrong on the workload is not timed; a red check ends the run before anything is.
`--small` goes through all of it at sizes that mean nothing, with TRITON_INTERPRET=1 on a CPU too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import types
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import triton

if find_spec("adfast._native") is None:  # the C++ extension, which computes on the CPU alone
    stand_in = types.ModuleType("adfast._native")
    stand_in.attention_instruction_sets = lambda: ["portable"]  # type: ignore[attr-defined]
    sys.modules["adfast._native"] = stand_in

from adfast.attention import KeyValueCache, reference
from adfast.attention import triton as kernels
from adfast.attention.triton.operator import attention_operator
from benchmarks import attention_checks as checks
from benchmarks.attention_rivals import Attend, rivals
from benchmarks.attention_workloads import WORKLOADS, Workload
from benchmarks.device_timer import time_in_turn

CHECKED_LENGTH = 1024


def our_contenders(workload: Workload) -> dict[str, Attend]:
    """The Triton kernels: fused and deterministic gradients, and with bounded logits."""
    reach = min(workload.window or workload.length, workload.length)
    scale = workload.head_dim**-0.5

    def attend(logit_bound: float | None, deterministic: bool) -> Attend:
        return lambda q, k, v: attention_operator(
            q, k, v, None, reach, scale, logit_bound, deterministic
        )[0]

    return {
        "adfast": attend(None, False),
        "adfast, deterministic": attend(None, True),
        "adfast, bounded logits": attend(30.0, False),
    }


def make_call(workload: Workload, attend: Attend, device: str) -> Callable[[], list[torch.Tensor]]:
    """One pass over fresh inputs of the workload: the output and, with `backward`, gradients."""
    case = checks.Case(
        workload.length, workload.window, workload.head_dim, (workload.heads,) * 2,
        batch=workload.batch,
    )  # fmt: skip
    q, k, v, d_out = case.inputs(device)
    if not workload.backward:
        return lambda: [attend(q, k, v)]
    inputs = tuple(x.requires_grad_() for x in (q, k, v))

    def call() -> list[torch.Tensor]:
        out = attend(*inputs)
        return [out.detach(), *torch.autograd.grad(out, inputs, d_out)]

    return call


def error_against_float64(workload: Workload, attend: Attend, device: str) -> float:
    """Largest relative root mean square error, over the output and the gradients."""
    measured = make_call(workload, attend, device)()
    case = checks.Case(workload.length, workload.window, workload.head_dim, (workload.heads,) * 2)
    q, k, v, d_out = (x.double() for x in case.inputs(device))
    inputs = tuple(x.requires_grad_() for x in (q, k, v))
    out, _ = reference.attention(
        *inputs, window=workload.window, document_start_BT=None, scale=workload.head_dim**-0.5
    )
    exact = [out.detach(), *torch.autograd.grad(out, inputs, d_out)]
    return relative_difference(measured, exact)


def relative_difference(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> float:
    """Largest norm of a difference over the norm, over as many tensors as both have."""
    return max(
        float((a.double() - b.double()).norm() / b.double().norm())
        for a, b in zip(ours, theirs, strict=False)
    )


def measure(workload: Workload, device: str, checked_length: int) -> dict[str, Any]:
    """Time one workload; what cannot run here is listed with its reason."""
    small = workload.shrunk(checked_length)
    left_out, preparation = {}, {}
    calls = {}
    for name, attend in our_contenders(workload).items():
        error = error_against_float64(small, our_contenders(small)[name], device)
        if error > 5e-3:
            raise SystemExit(f"{name} is wrong on {small.name}: relative error {error:.1e}")
        calls[name] = make_call(workload, attend, device)
    expected = calls["adfast"]()
    for name, prepare in rivals(workload.window, workload.batch, workload.length, device):
        try:
            begin = time.perf_counter()
            attend = prepare()
            if device == "cuda":
                torch.cuda.synchronize()
            preparation[name] = time.perf_counter() - begin
            call = make_call(workload, attend, device)
            difference = relative_difference(call(), expected)
        except Exception as reason:  # a rival may fail in any way; the record says how
            left_out[name] = f"{type(reason).__name__}: {str(reason).splitlines()[0][:120]}"
            continue
        if difference > 2e-2:
            left_out[name] = f"does other work: relative difference {difference:.1e}"
            continue
        calls[name] = call
    del expected
    seconds = time_in_turn(calls, device)
    rows: dict[str, dict[str, Any]] = {}
    for name, values in seconds.items():
        picoseconds = float(np.median(values)) * 1e12 / workload.live_scores
        rows[name] = {
            "picoseconds_per_score": picoseconds,
            "quartiles": [float(x) * 1e12 / workload.live_scores for x in quartiles(values)],
            "share_of_floor": workload.floor / picoseconds,
            "preparation_seconds": preparation.get(name),
            "seconds": [float(f"{x:.6g}") for x in values],
        }
    best = min((name for name in rows if name in preparation), default=None,
               key=lambda name: rows[name]["picoseconds_per_score"])  # fmt: skip
    ratio = None if best is None else float(np.median(seconds[best] / seconds["adfast"]))
    return {
        "workload": asdict(workload) | {"name": workload.name, "live_scores": workload.live_scores},
        "rows": rows,
        "left_out": left_out,
        "best_rival": best,
        "ratio_to_best_rival": ratio,
    }


def quartiles(values: np.ndarray) -> list[float]:
    """Lower and upper quartile."""
    return [float(x) for x in np.quantile(values, (0.25, 0.75))]


def run_checks(device: str, longest: int) -> dict[str, Any]:
    """All checks; raises SystemExit with the failures."""
    failures, errors = [], {}
    for case in checks.CASES:
        if case.length > longest:
            continue
        errors[repr(case)] = found = checks.largest_errors(case, device)
        failures += [
            f"{case}: {name} {error:.1e} > {allowed:.1e}"
            for name, (error, allowed) in found.items()
            if error > allowed
        ]
    if not checks.is_deterministic(device, min(longest, 4096)):
        failures.append("deterministic gradients differ from run to run")
    checks.check_operator(device)
    if device == "cuda":
        for heads in ((2, 2), (4, 1)):
            for window in (64, None):
                if checks.decoding_error(device, heads, window, torch.float32) > 1e-4:
                    failures.append(f"decode differs from attention: {heads}, window {window}")
        if checks.longest_error(device) > 3e-2:
            failures.append("a million tokens differ from their tail")
    if failures and device == "cuda":  # the interpreter cuts bfloat16 off instead of rounding
        raise SystemExit("checks failed:\n" + "\n".join(failures))
    return errors


def time_decoding(device: str, environments: int) -> dict[str, float]:
    """Microseconds of one decode step of a layer: window 256, four heads of 16, bfloat16."""
    window, heads, head_dim = 256, 4, 16
    cache = KeyValueCache(
        environments, heads, head_dim, window, dtype=torch.bfloat16, device=device
    )
    q, k, v = torch.randn(
        3, environments, heads, head_dim, device=device, dtype=torch.bfloat16
    ).unbind()
    step = torch.full((environments,), 10 * window, device=device)
    start = torch.zeros_like(step)
    calls = {"decode": lambda: kernels.decode(q, k, v, cache, step, start, scale=0.25)}
    seconds = time_in_turn(calls, device)["decode"]
    read_bytes = 2 * environments * heads * window * head_dim * 2
    return {
        "environments": environments,
        "microseconds": float(np.median(seconds)) * 1e6,
        "bytes_per_second": read_bytes / float(np.median(seconds)),
    }


def report(result: dict[str, Any]) -> None:
    """Print one workload."""
    print(f"\n{result['workload']['name']}")
    for name, row in sorted(result["rows"].items(), key=lambda x: x[1]["picoseconds_per_score"]):
        prepared = row["preparation_seconds"]
        print(
            f"  {name:24} {row['picoseconds_per_score']:8.3f} ps/score"
            f"  {row['share_of_floor']:6.1%} of the floor"
            + (f"  prepared in {prepared * 1e3:.1f} ms" if prepared else "")
        )
    for name, reason in result["left_out"].items():
        print(f"  {name:24} left out: {reason}")
    if result["ratio_to_best_rival"] is not None:
        bar = result["workload"]["bar"]
        verdict = "" if bar is None else f" (bar {bar})"
        print(f"  {result['ratio_to_best_rival']:.2f}x {result['best_rival']}{verdict}")


def begin_record(device: str) -> dict[str, Any]:
    """What was measured on, and with what; `fill_record` adds the figures."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "card": torch.cuda.get_device_name() if device == "cuda" else "none, interpreted",
        "versions": {
            "torch": torch.__version__,
            "triton": triton.__version__,
            "cuda": torch.version.cuda,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "seconds": 0.0,
        "errors": {},
        "results": [],
        "decoding": [],
    }


def fill_record(record: dict[str, Any], device: str, *, small: bool) -> None:
    """Check, time and print everything; `record` has each figure as soon as it is there."""
    begin = time.perf_counter()
    record["errors"] = run_checks(device, longest=20 if small else 1 << 20)
    print(f"checks passed after {time.perf_counter() - begin:.0f} s", flush=True)
    for workload in WORKLOADS[2:3] if small else WORKLOADS:
        if small:
            workload = workload.shrunk(64)
        record["results"].append(measure(workload, device, 64 if small else CHECKED_LENGTH))
        report(record["results"][-1])
        record["seconds"] = time.perf_counter() - begin
        if device == "cuda":
            torch.cuda.empty_cache()
    for environments in (8,) if small else (512, 4096):
        row = time_decoding(device, environments)
        record["decoding"].append(row)
        print(
            f"\ndecode, window 256, {environments} environments: "
            f"{row['microseconds']:.1f} us per layer, {row['bytes_per_second'] / 1e12:.2f} TB/s"
        )
    record["seconds"] = time.perf_counter() - begin


def write_record(record: dict[str, Any], path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Check, time, print, record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention_gpu")
    parser.add_argument("--small", action="store_true", help="sizes that mean nothing")
    parser.add_argument("--record", type=Path, metavar="PATH", help="write the figures as JSON")
    options = parser.parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not (options.small and triton.knobs.runtime.interpret):
        parser.error("needs a CUDA device; or set TRITON_INTERPRET=1 and pass --small")
    record = begin_record(device)
    fill_record(record, device, small=options.small)
    if options.record is not None:
        write_record(record, options.record)


if __name__ == "__main__":
    main()
