"""Builds the one extension, `adfast._native`; everything else is in pyproject.toml."""

from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension, build_ext
from setuptools import setup

native = Pybind11Extension(
    "adfast._native",
    ["csrc/bindings.cpp"],
    depends=[str(header) for header in Path("csrc").glob("*.hpp")],
    include_dirs=["csrc"],
    cxx_std=17,
    extra_compile_args=["-O3", "-fvisibility=hidden"],
)

setup(ext_modules=[native], cmdclass={"build_ext": build_ext})
