"""Builds the one extension, `adfast._native`; everything else is in pyproject.toml."""

from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension, build_ext
from setuptools import setup

native = Pybind11Extension(
    "adfast._native",
    sorted(str(source) for source in Path("csrc").glob("*.cpp")),
    depends=[str(header) for header in Path("csrc").glob("*.hpp")],
    include_dirs=["csrc"],
    cxx_std=17,
    extra_compile_args=["-O3", "-fvisibility=hidden", "-pthread"],
    extra_link_args=["-pthread"],
)

setup(ext_modules=[native], cmdclass={"build_ext": build_ext})
