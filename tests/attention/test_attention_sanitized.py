import pytest

from attention.sanitize import PROGRAMS, stress

NUM_SHAPES = 40


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_instruction_set_stays_within_its_memory(name, tmp_path):
    """A short form of `make sanitize`: unoptimised, and of attention's widths one alone.

    Heads fill it or are padded to it; each kernel is compiled once, not four times.
    """
    result = stress(tmp_path, name, NUM_SHAPES, "-O0", "-DADFAST_HEAD_WIDTH=32")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(f"{NUM_SHAPES} shapes")
