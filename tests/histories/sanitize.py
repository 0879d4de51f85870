"""The native code of histories under sanitizers, in full: `make sanitize`.

Builds and runs the programs of csrc/tests, the race for `--windows` checked windows; then builds
the extension itself with each sanitizer into a folder of its own, and runs the Python tests of
ring, gather and store in it, which need NumPy but no torch. Exit status 1 if anything was found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pybind11
from native_program import CSRC, ENVIRONMENT, FLAGS, NEAR_32_BITS, build, run

ROOT = CSRC.parent
RUNTIMES = {"address": "libasan.so", "thread": "libtsan.so"}
PYTHON_TESTS = (
    *("test_ring_buffer", "test_ring_states", "test_windows", "test_store"),
    "test_next_items",
)
# CPython does not free what lives until its end; the programs above are checked for leaks. Modules
# of others that are loaded beside ours bring allocations of their own.
PYTHON_ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
TIMEOUT = 3600.0


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1_000_000, help="of each race")
    parser.add_argument("--sanitizer", choices=sorted(RUNTIMES), action="append")
    arguments = parser.parse_args()
    is_clean = True
    with tempfile.TemporaryDirectory() as folder:
        for sanitizer in arguments.sanitizer or sorted(RUNTIMES):
            is_clean &= check_programs(sanitizer, arguments.windows, Path(folder))
            is_clean &= check_extension(sanitizer, Path(folder))
    print("no report, no torn window" if is_clean else "FOUND SOMETHING: see above")
    return 0 if is_clean else 1


def check_programs(sanitizer: str, num_windows: int, folder: Path) -> bool:
    """Run the C++ programs; whether nothing was found."""
    is_clean = True
    programs = {
        "gather_pool_test": (),
        "ring_test": (),
        "ring_race": (num_windows, 0, NEAR_32_BITS),
    }
    for name, settings in programs.items():
        program = build(name, folder, sanitizer)
        start = time.monotonic()
        outcome = run(program, *settings, timeout=TIMEOUT)
        is_clean &= outcome.is_clean
        print(
            f"{sanitizer}: {name}: {'clean' if outcome.is_clean else 'FOUND'} in "
            f"{time.monotonic() - start:.0f} s {outcome.output.strip()}{outcome.report}",
            flush=True,
        )
    return is_clean


def check_extension(sanitizer: str, folder: Path) -> bool:
    """Run the Python tests of the native code in a copy of the package; whether they passed."""
    copy = folder / sanitizer
    shutil.copytree(
        ROOT / "adfast", copy / "adfast", ignore=shutil.ignore_patterns("__pycache__", "*.so")
    )
    start = time.monotonic()
    build_extension(sanitizer, copy / "adfast")
    print(f"{sanitizer}: extension built in {time.monotonic() - start:.0f} s", flush=True)
    # -P and pythonpath keep the checkout's own package, and its extension, off the path.
    # -s: a process that a sanitizer ends takes what pytest has captured with it.
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"]
    command += [
        "-o",
        "pythonpath=tests",
        "--rootdir",
        str(ROOT),
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    command += [str(ROOT / "tests" / "histories" / f"{name}.py") for name in PYTHON_TESTS]
    # The C++ library comes along: the sanitizer looks its functions up before Python loads it.
    libraries = [find_library(name) for name in (RUNTIMES[sanitizer], "libstdc++.so.6")]
    environment = {"LD_PRELOAD": " ".join(libraries), "PYTHONPATH": str(copy)}
    result = subprocess.run(
        command,
        cwd=copy,
        env=os.environ | ENVIRONMENT | PYTHON_ENVIRONMENT | environment,
        timeout=TIMEOUT,
        check=False,
    )
    return result.returncode == 0


def find_library(name: str) -> str:
    """The path of one of the compiler's libraries."""
    command = ["c++", f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def build_extension(sanitizer: str, package: Path) -> None:
    """Build `_native` with a sanitizer into `package`."""
    target = package / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    includes = [str(CSRC), sysconfig.get_path("include"), pybind11.get_include()]
    command = ["c++", "-std=c++17", "-O1", "-g", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += ["-pthread", *FLAGS[sanitizer], *(f"-I{include}" for include in includes)]
    command += [str(source) for source in sorted(CSRC.glob("*.cpp"))]
    subprocess.run([*command, "-o", str(target)], check=True)


if __name__ == "__main__":
    sys.exit(main())
