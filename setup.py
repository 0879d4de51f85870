"""Builds the one extension, `adfast._native`, and the README for package indexes.

Everything else is in pyproject.toml.
"""

import re
import tomllib
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup


def stated_version() -> str:
    """The version that adfast/__init__.py states, as setuptools reads it: without an import."""
    text = Path("adfast/__init__.py").read_text(encoding="utf-8")
    return str(re.search('^__version__ = "(.+)"$', text, re.MULTILINE)[1])


def absolute_readme() -> str:
    """README.md whose links and pictures point into the repository at this version's tag."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository, tag = project["urls"]["Repository"], f"v{stated_version()}"
    text = Path("README.md").read_text(encoding="utf-8")
    relative = r"\]\((?!https?:|#)"
    text = re.sub(f"(!\\[[^\\]]*){relative}", rf"\1]({repository}/raw/{tag}/", text)
    return re.sub(relative, f"]({repository}/blob/{tag}/", text)


native = Pybind11Extension(
    "adfast._native",
    sorted(str(source) for source in Path("csrc").glob("*.cpp")),
    depends=[str(header) for header in Path("csrc").glob("*.hpp")],
    include_dirs=["csrc"],
    cxx_std=17,
    extra_compile_args=["-O3", "-fvisibility=hidden", "-pthread"],
    extra_link_args=["-pthread"],
)

ParallelCompile().install()  # a file on each core

setup(
    ext_modules=[native],
    cmdclass={"build_ext": build_ext},
    long_description=absolute_readme(),
    long_description_content_type="text/markdown",
)
