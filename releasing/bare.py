"""A bare environment: a Python with pip alone, and a home and temporary files of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from releasing.archives import CONSTRAINTS, PIP

# What a program finds of the caller's environment: no PYTHONPATH, no cache folder of anybody else.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass
class Ended:
    """How a command ended."""

    status: int
    printed: str


@dataclass
class BareEnvironment:
    """A virtual environment, the home beside it, and the folder in which commands are given."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "environment" / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where pip installs."""
        (found,) = (self.folder / "environment" / "lib").glob("python3*/site-packages")
        return found

    def run(self, *command: object) -> Ended:
        """Carry out a command of it in a folder that is not the checkout's."""
        passed = {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
        passed |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        places = {"HOME": self.folder / "home", "TMPDIR": self.folder / "temporary"}
        words = [str(self.python.parent / str(command[0])), *map(str, command[1:])]
        done = subprocess.run(
            words,
            cwd=self.folder / "elsewhere",
            env=passed | {name: str(path) for name, path in places.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Ended(done.returncode, done.stdout)

    def install(self, *requirements: object) -> tuple[float, float]:
        """Install with the versions of constraints.txt; returns the seconds and the megabytes."""
        started = time.perf_counter()
        self.succeed("python", *PIP, "install", "-c", CONSTRAINTS, *requirements)
        return time.perf_counter() - started, self.megabytes()

    def succeed(self, *command: object) -> str:
        """What a command prints; raises `SystemExit` with it where the command fails."""
        ended = self.run(*command)
        if ended.status != 0:
            words = " ".join(map(str, command))
            raise SystemExit(f"{words} ended with {ended.status}:\n{ended.printed}")
        return ended.printed

    def files(self) -> set[str]:
        """All files but those of commands' own folder, as paths below the environment's folder."""
        elsewhere = self.folder / "elsewhere"
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_relative_to(elsewhere)
        }

    def megabytes(self) -> float:
        """What the installed packages take on the disk, as `du` counts it."""
        files = (path for path in self.site_packages.rglob("*") if path.is_file())
        return sum(path.stat().st_blocks * 512 for path in files) / 2**20


@contextmanager
def bare_environment(python: str) -> Iterator[BareEnvironment]:
    """An environment of `python`, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="adfast-bare-") as folder:
        place = Path(folder)
        for name in ("home", "temporary", "elsewhere"):
            (place / name).mkdir()
        subprocess.run([python, "-m", "venv", place / "environment"], check=True)
        yield BareEnvironment(place)
