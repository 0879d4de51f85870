"""Compiles the shipped kernels ahead of time and counts their machine instructions: no GPU needed.

    python kernel_inspection.py [--record]

checks every variant of `variants.toml` for sm_80 and sm_90 against the table `kernel_counts.json`,
which `--record` writes instead for the Triton that is installed, compiling what has changed. A
score is one pair of a query and a key; the interior loop of a kernel is the one that masks nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from adfast.attention.triton import blocks, decode_group, decode_single, ring, tiles
from adfast.attention.triton.backward_keys import key_value_gradients
from adfast.attention.triton.backward_queries import query_gradients
from adfast.attention.triton.forward import attention_forward
from adfast.attention.triton.merge_splits import merge_splits
from adfast.models.config import ModelConfig
from adfast.models.layer_step import fused, fused_kernel
from adfast.models.layer_step.fused_kernel import fused_layer

FOLDER = Path(__file__).parent
COUNTS_FILE = FOLDER / "kernel_counts.json"
ARCHITECTURES = (80, 90)
LAUNCH_OPTIONS = ("num_warps", "num_stages", "enable_fp_fusion", "maxnreg")
FLOAT32_POINTERS = ("lse", "statistics", "dq_sum", "attended", "cosine", "sine")
INT32_POINTERS = ("document_start", "document_end")
INT64_POINTERS = ("step", "start")
TENSOR_POINTERS = (
    *("q", "k", "v", "out", "d_out", "dq", "dk", "dv"),
    *("k_new", "v_new", "keys", "values"),
    *("x", "attention_norm", "query_key_value", "attention_out", "head_scale"),
    *("feed_forward_norm", "feed_forward_in", "feed_forward_out"),
)
DECODING = ("decode", "merge_splits", "fused_layer")
SPILLING = ("LDL", "STL")
MOST_SPILLED = 0.04  # on a card, tiles at this share were faster than smaller ones without
FLOATS = ("logit_scale", "scale", "logit_factor", "max_logit")


@dataclass(frozen=True)
class Counts:
    """What one compiled kernel costs; loops in instructions per score, None without such a loop."""

    source: str  # fingerprint of what it was compiled from
    registers: int
    spilled: float  # of the interior loop (or all) the share that moves registers to memory or back
    tensor_core: int  # matrix instructions
    interior: float | None
    masked: float | None
    waits: int  # for the tensor cores, in the loop that has most; many when ptxas serialised them


def load_variants() -> list[dict[str, Any]]:
    """The shipped variants, as written."""
    return tomllib.loads((FOLDER / "variants.toml").read_text())["variant"]


def name_of(variant: dict[str, Any], architecture: int) -> str:
    """One line that tells a variant from the others."""
    values = [
        key if value is True else f"{key}={value}"
        for key, value in variant.items()
        if value is not False and key != "kernel"
    ]
    return " ".join([variant["kernel"], *values, f"sm_{architecture}"])


def specialise(variant: dict[str, Any], architecture: int) -> tuple[Any, tiles.Options]:
    """The kernel of a variant and the options with which the launchers would run it."""
    if variant["kernel"] == "fused_layer":
        settings = {key: value for key, value in variant.items() if key not in ("kernel", "dtype")}
        return fused_layer, fused.layer_options(ModelConfig(**settings))
    dtype, head_dim = getattr(torch, variant["dtype"]), variant["head_dim"]
    reach, documents = variant.get("reach"), variant.get("documents")
    capability = divmod(architecture, 10)
    match variant["kernel"]:
        case "forward":
            return attention_forward, tiles.forward_options(
                head_dim, dtype, reach, documents, variant.get("logit_bound"), capability
            )
        case "query_gradients":
            return query_gradients, tiles.query_gradient_options(
                head_dim, dtype, reach, documents, capability
            )
        case "key_value_gradients":
            return key_value_gradients, tiles.key_gradient_options(
                head_dim, variant["group"], dtype, reach, documents, variant["fused"], capability
            )
        case "decode":
            group = variant["group"]
            kernel = decode_single.decode_single if group == 1 else decode_group.decode_group
            return kernel, tiles.decode_options(head_dim, group, dtype, variant.get("split", False))
        case "merge_splits":
            return merge_splits, tiles.merge_options(head_dim)
    raise ValueError(f"unknown kernel {variant['kernel']}")


def fingerprint(variant: dict[str, Any], architecture: int) -> str:
    """A hash of everything in this repository that the compiled kernel depends on."""
    kernel, options = specialise(variant, architecture)
    called = {"decode": (ring,), "fused_layer": (ring, fused_kernel)}  # by other kernels: blocks
    sources = map(inspect.getsource, called.get(variant["kernel"], (blocks,)))
    parts = (kernel.src, *sources, repr(sorted(options.items())), name_of(variant, architecture))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def compile_variant(variant: dict[str, Any], architecture: int) -> Counts:
    """Compile one variant and count; one that `is_far` has strides beyond 32 bits."""
    kernel, options = specialise(variant, architecture)
    element = {"bfloat16": "*bf16", "float16": "*fp16", "float32": "*fp32"}[variant["dtype"]]
    types = (
        dict.fromkeys(TENSOR_POINTERS, element)
        | dict.fromkeys(FLOAT32_POINTERS, "*fp32")
        | dict.fromkeys(INT32_POINTERS, "*i32")
        | dict.fromkeys(INT64_POINTERS, "*i64")
        | dict.fromkeys(FLOATS, "fp32")
    )
    if variant.get("split"):
        types["out"] = "*fp32"
    constants = {key: value for key, value in options.items() if key not in LAUNCH_OPTIONS}
    if variant.get("is_far"):
        types |= {name: "i64" for name in kernel.arg_names if "stride" in name}
    signature = {
        name: "constexpr" if name in constants else types.get(name, "i32")
        for name in kernel.arg_names
    }
    aligned = {
        (index,): [["tt.divisibility", 16]]
        for index, (name, type_) in enumerate(signature.items())
        if type_.startswith("*") or "stride" in name or name == "feed_forward_width"
    }
    compiled = triton.compile(
        ASTSource(kernel, signature, constants, aligned),
        target=GPUTarget("cuda", architecture, 32),
        options={name: options[name] for name in LAUNCH_OPTIONS if name in options},
    )
    instructions, registers = disassemble(compiled.asm["cubin"])
    scores = options.get("BLOCK_M", 1) * options.get("BLOCK_N", 1) / (32 * options["num_warps"])
    loops = [(len(loop) / scores, loop) for loop in attention_loops(instructions)]
    costs = sorted(cost for cost, _ in loops)
    all_of_it = [text for _, text in instructions]
    repeated = min((loop for _, loop in loops), key=len, default=all_of_it)
    is_decode = variant["kernel"] in DECODING
    return Counts(
        source=fingerprint(variant, architecture),
        registers=registers,
        spilled=round(sum(opcode(text) in SPILLING for text in repeated) / len(repeated), 3),
        tensor_core=sum(opcode(text) in ("HGMMA", "HMMA") for _, text in instructions),
        interior=None if is_decode else round(costs[0], 2),
        masked=None if is_decode or len(costs) < 2 else round(costs[-1], 2),
        waits=max(
            (sum("WARPGROUP.DEPBAR" in text for text in loop) for _, loop in loops), default=0
        ),
    )


def disassemble(cubin: bytes) -> tuple[list[tuple[int, str]], int]:
    """The instructions with their addresses, and the registers per thread."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        sass, usage = (
            subprocess.run([tool, flag, file.name], capture_output=True, text=True, check=True)
            for flag in ("-sass", "-res-usage")
        )
    found = re.findall(r"^\s+/\*([0-9a-f]{4,})\*/\s+(.*?);", sass.stdout, re.MULTILINE)
    registers = re.search(r"REG:(\d+)", usage.stdout + usage.stderr)
    assert registers is not None
    return [(int(address, 16), text) for address, text in found], int(registers[1])


def attention_loops(instructions: list[tuple[int, str]]) -> Iterator[list[str]]:
    """The innermost loops that take exponentials, from their backward branches."""
    position = {address: index for index, (address, _) in enumerate(instructions)}
    spans = []
    for index, (address, text) in enumerate(instructions):
        target = re.search(r"0x([0-9a-f]+)\s*$", text) if opcode(text) == "BRA" else None
        if target is not None and int(target[1], 16) < address:
            spans.append((position[int(target[1], 16)], index))
    for first, last in spans:
        holds_another = any(first <= a and b <= last and (a, b) != (first, last) for a, b in spans)
        body = [text for _, text in instructions[first : last + 1]]
        if not holds_another and any(opcode(text) == "MUFU" for text in body):
            yield body


def opcode(text: str) -> str:
    """The operation of an instruction, without predicate and modifiers."""
    return re.sub(r"^@!?U?P\w+\s+", "", text).split()[0].split(".")[0]


def recorded_counts() -> dict[str, dict[str, Counts]]:
    """The table in the repository: Triton's version -> variant -> counts."""
    table = json.loads(COUNTS_FILE.read_text()) if COUNTS_FILE.exists() else {}
    return {
        version: {name: Counts(**row) for name, row in rows.items()}
        for version, rows in table.items()
    }


def complaints(variant: dict[str, Any], counts: Counts, recorded: Counts | None) -> list[str]:
    """What is wrong with a compiled variant: spills, no tensor cores, or worse than recorded."""
    found = []
    if counts.spilled > MOST_SPILLED:
        found.append(f"{counts.spilled:.1%} of the interior loop moves spilled registers")
    wants_tensor_cores = variant["dtype"] != "float32" and variant.get("group", 1) * 16 != 16
    wants_tensor_cores |= variant["dtype"] != "float32" and variant["kernel"] not in DECODING
    if wants_tensor_cores and not counts.tensor_core:
        found.append("no tensor-core instructions")
    if counts.waits > 5:
        found.append(f"tensor-core products serialised: {counts.waits} waits in one loop")
    if recorded is not None:
        for field in ("registers", "interior", "masked"):
            now, before = getattr(counts, field), getattr(recorded, field)
            if now is not None and before is not None and now > before * 1.02:
                found.append(f"{field} {now}, recorded {before}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="write the table instead")
    record = parser.parse_args().record
    version = triton.__version__
    table = recorded_counts()
    known = table.get(version, {})
    rows, failed = {}, False
    for variant in load_variants():
        for architecture in ARCHITECTURES:
            name = name_of(variant, architecture)
            before = known.get(name)
            if (
                record
                and before is not None
                and before.source == fingerprint(variant, architecture)
            ):
                rows[name] = before
                continue
            counts = rows[name] = compile_variant(variant, architecture)
            found = complaints(variant, counts, None if record else before)
            failed |= bool(found)
            print(
                f"{name:90} {counts.registers:4} registers  interior {counts.interior}  "
                f"masked {counts.masked}  {'; '.join(found) or 'ok'}",
                flush=True,
            )
    if record:
        table[version] = rows
        COUNTS_FILE.write_text(
            json.dumps(
                {v: {n: asdict(c) for n, c in r.items()} for v, r in sorted(table.items())},
                indent=1,
            )
            + "\n"
        )
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
