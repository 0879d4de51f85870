import pytest

from attention.sanitize import PROGRAMS, stress

NUM_SHAPES = 200


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_instruction_set_stays_within_its_memory(name, tmp_path):
    """A short form of `make sanitize`; unoptimised, it is compiled in a third of the time."""
    result = stress(tmp_path, name, NUM_SHAPES, "-O0")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(f"{NUM_SHAPES} shapes")
