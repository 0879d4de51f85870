"""One thread for torch, no deadlines (tests share their cores), and a card for `-m gpu` alone."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; subprocesses inherit it

import pytest
from hypothesis import settings

settings.register_profile("shared-cores", deadline=None)
settings.load_profile("shared-cores")


def pytest_configure(config: pytest.Config) -> None:
    """Hide CUDA devices unless GPU tests are asked for: all others mean the processor by "auto"."""
    marks = config.option.markexpr
    if "gpu" not in marks or "not gpu" in marks:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip GPU tests where there is no card, or none was asked for."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device; where there is one: pytest -m gpu")
