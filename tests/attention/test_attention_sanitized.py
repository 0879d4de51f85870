import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).parents[2] / "csrc"
FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1", "-std=c++17")


@pytest.mark.slow
def test_every_instruction_set_stays_within_its_memory(tmp_path):
    """csrc/tests/attention_stress.cpp under AddressSanitizer and UndefinedBehaviorSanitizer."""
    program = tmp_path / "attention_stress"
    sources = [*sorted(CSRC.glob("attention*.cpp")), CSRC / "tests" / "attention_stress.cpp"]
    command = ["c++", *FLAGS, f"-I{CSRC}", *map(str, sources), "-o", str(program)]
    subprocess.run(command, check=True)
    result = subprocess.run([str(program), "400"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("400 shapes")
