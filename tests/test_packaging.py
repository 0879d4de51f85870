"""The built wheel holds the whole package and runs the demo from any folder; setting up needs no
more than it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from adfast import __version__, _native
from releasing.contents import content_problems
from releasing.generated_data import SETTINGS
from releasing.versions import version_problems

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    "adfast",
    "csrc",
    "tests",
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "SECURITY.md",
    "constraints.txt",
    "LICENSE",
)
MADE_BY_BUILDING = shutil.ignore_patterns("__pycache__", "*.so")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def source_tree(tmp_path_factory):
    """A copy of what is packed, and of tests, so that building leaves nothing in the checkout."""
    tree = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=MADE_BY_BUILDING)
        else:
            shutil.copy(ROOT / name, tree / name)
    return tree


# In place of a compiler: reads each source with all that it includes, and links to the extension
# that the checkout has, which `make install` compiled of the same sources.
READER = """#!/bin/sh
for word; do
    if [ "$before" = -o ]; then target=$word; fi
    before=$word
done
case " $* " in
    *" -c "*) exec c++ "$@" -E ;;
    *) exec cp {extension} "$target" ;;
esac
"""


@pytest.fixture(scope="module")
def wheel(source_tree, tmp_path_factory):
    """The path of the wheel that `pip install .` makes."""
    folder = tmp_path_factory.mktemp("wheel")
    compiler = folder / "compiler"
    compiler.write_text(READER.format(extension=shlex.quote(_native.__file__)))
    compiler.chmod(0o755)
    environment = os.environ | {"CC": str(compiler), "CXX": str(compiler)}
    build = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source_tree)
    subprocess.run(build, check=True, env=environment)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
@pytest.mark.thorough  # `make release` examines it too
def test_wheel_holds_every_file_of_the_package_and_the_extension(wheel, source_tree):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("adfast/")}
    (extension,) = {name for name in packed if name.endswith(".so")}
    files = (path for path in (source_tree / "adfast").rglob("*") if path.is_file())
    assert packed - {extension} == {path.relative_to(source_tree).as_posix() for path in files}
    assert extension.startswith("adfast/_native.")
    assert content_problems(wheel, __version__) == []


def test_every_place_says_the_same_version(tmp_path):
    assert version_problems(ROOT) == []
    (tmp_path / "adfast").mkdir()
    (tmp_path / "adfast" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.2\n")
    (tmp_path / "CHANGELOG.md").write_text("## Unreleased\n\n## 1.2.3 (today)\n\n## 1.2.2\n")
    assert version_problems(tmp_path) == [
        "CITATION.cff says 1.2.2, adfast/__init__.py 1.2.3",
    ]


def test_contents_name_what_is_stray_and_what_is_absent(tmp_path):
    archive = tmp_path / "adfast-1.2.3-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in ("adfast/deep/below.py", "adfast/py.typed", "tests/test_stray.py"):
            packed.writestr(name, "")
    problems = content_problems(archive, "1.2.3")
    assert problems[0].endswith("holds tests/test_stray.py, which is not listed")
    assert f"{archive.name} holds nothing like adfast-1.2.3.dist-info/RECORD" in problems
    assert not any("py.typed" in problem or "below" in problem for problem in problems)


@pytest.mark.slow
def test_links_of_the_metadata_hold_on_a_package_index(source_tree, tmp_path):
    describe = (sys.executable, "setup.py", "--quiet", "dist_info", "--output-dir", tmp_path)
    subprocess.run(describe, cwd=source_tree, check=True, capture_output=True)
    (path,) = tmp_path.glob("*.dist-info/METADATA")
    metadata = path.read_text(encoding="utf-8")
    assert "Project-URL: Repository, https://" in metadata
    targets = re.findall(r"\]\(([^)\s]+)\)", metadata)
    assert len(targets) > 10
    assert all(target.startswith(("https://", "#")) for target in targets)
    assert "/raw/v" in next(one for one in targets if one.endswith("return_per_episode.png"))


@pytest.mark.slow
def test_source_distribution_holds_what_a_wheel_is_built_from_and_no_tests(source_tree, tmp_path):
    pack = (sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", tmp_path)
    subprocess.run(pack, cwd=source_tree, check=True, capture_output=True)
    path = next(tmp_path.glob("*.tar.gz"))
    assert content_problems(path, __version__) == []
    with tarfile.open(path) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    sources = [*(source_tree / "csrc").glob("*.[hc]pp"), source_tree / "MANIFEST.in"]
    assert {path.relative_to(source_tree).as_posix() for path in sources} <= packed


@pytest.mark.slow
@pytest.mark.thorough  # as `make release` does
def test_installed_wheel_runs_the_demo_in_another_folder(wheel, tmp_path):
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run((*PIP, "install", "--no-deps", "--target", installed, wheel), check=True)
    plain = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    subprocess.run(
        [installed / "bin" / "adfast", "run", "dark-room", *SETTINGS],
        cwd=elsewhere,
        env=plain | {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"},
        check=True,
    )
    assert (elsewhere / "runs" / "dark-room" / "report.html").is_file()
    # The installed package ran, not the checkout: its kernels were compiled and cached there.
    assert any((installed / "adfast").rglob("*.compiled"))


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("python", "environment", "message"),
    [
        ("import sys; sys.version_info = (3, 10)", {}, "adfast needs Python 3.11 or later"),
        ("import sys; sys.modules['ensurepip'] = None", {}, "apt install python3-venv"),
        ("import sysconfig; sysconfig.get_path = str", {}, "apt install python3-dev"),
        ("", {"CXX": "absent-compiler"}, "no C++ compiler (absent-compiler)"),
    ],
)
def test_make_says_what_the_machine_lacks_and_leaves_nothing(
    python, environment, message, tmp_path
):
    """`python` is run first in the interpreter that the Makefile is given."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "setup.py", "constraints.txt"):
        (tmp_path / name).touch()
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{python}\n$2"\n')
    interpreter.chmod(0o755)
    result = subprocess.run(
        ["make", "install", f"PYTHON={interpreter}"],
        cwd=tmp_path,
        env=os.environ | {"MAKEFLAGS": ""} | environment,  # this test may run under make itself
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert message in result.stderr
    assert not (tmp_path / ".venv").exists()
