"""Triton's kernels are kept where a folder can be written."""

import os

import pytest

pytest.importorskip("triton")

from adfast.attention.triton.kernel_folder import VARIABLE, keep_kernels


def test_usual_folder_is_left(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "usual"))
    keep_kernels()
    assert os.environ[VARIABLE] == str(tmp_path / "usual")


@pytest.mark.parametrize("unusable", ["{}/file/usual", "~/.triton/cache"])
def test_folder_that_cannot_be_written_or_has_no_home_is_replaced(monkeypatch, tmp_path, unusable):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, unusable.format(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keep_kernels()
    assert os.environ[VARIABLE] == str(tmp_path / f"adfast-{os.getuid()}" / "triton")
    assert not (tmp_path / "~").exists()
