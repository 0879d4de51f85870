"""`python -m releasing`: builds sdist and wheels into dist/, examines and tries each of them."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from releasing.archives import ROOT, build_sdist, build_wheel
from releasing.bare import bare_environment
from releasing.contents import content_problems
from releasing.trials import expect, try_data_alone, try_demo, try_uninstall
from releasing.versions import stated_version, version_problems


def main() -> None:
    """Carry out the steps of docs/releasing.md that need nobody; stop at the first failure."""
    words = argparse.ArgumentParser(prog="python -m releasing", description=__doc__)
    words.add_argument("pythons", nargs="*", metavar="PYTHON", default=[sys.executable])
    words.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist/, emptied")
    words.add_argument(
        "--demo",
        metavar="PYTHON",
        action="append",
        help="tries the demo too, which installs torch; default: the first PYTHON alone",
    )
    asked = words.parse_args()
    version = stated_version(ROOT)
    expect(not (found := version_problems(ROOT)), "\n".join(found))
    shutil.rmtree(asked.out, ignore_errors=True)
    asked.out.mkdir(parents=True)
    sdist = build_sdist(asked.out)
    examine(sdist, version)
    for python in asked.pythons:
        wheel = build_wheel(python, sdist, asked.out)
        examine(wheel, version)
        try_wheel(python, wheel, with_demo=python in (asked.demo or asked.pythons[:1]))
    print(f"adfast {version} is built and tried; to publish it: docs/releasing.md")


def examine(archive: Path, version: str) -> None:
    """Compare what an archive holds with the list."""
    expect(not (found := content_problems(archive, version)), "\n".join(found))
    print(f"{archive.name}: holds what it should, {archive.stat().st_size / 2**20:.1f} MB")


def try_wheel(python: str, wheel: Path, *, with_demo: bool) -> None:
    """Try a wheel in a bare environment of the Python that it is for."""
    with bare_environment(python) as bare:
        before = bare.files()
        print(f"{wheel.name}: {try_data_alone(bare, wheel)}")
        if with_demo:
            print(f"{wheel.name}: {try_demo(bare, wheel)}")
        print(f"{wheel.name}: {try_uninstall(bare, before)}")


if __name__ == "__main__":
    main()
