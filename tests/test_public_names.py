"""`import adfast` is light, and every public name resolves."""

import subprocess
import sys

import pytest

import adfast

HEAVY = {"torch", "triton", "numba", "matplotlib", "plotly"}


@pytest.mark.parametrize(
    "statement",
    [
        "import adfast; dir(adfast)",
        "import adfast.runs.recipe.recipe_changes as r; r.load_recipe(r.find_recipe('dark-room'))",
        "import sys; sys.argv[1:] = ['--help']; from adfast.cli import main; main()",
    ],
    ids=["import", "recipe", "help"],
)
def test_loads_nothing_heavy(statement):
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(sorted({HEAVY} & sys.modules.keys()), file=sys.stderr))\n"
        f"{statement}\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "[]\n")


@pytest.mark.parametrize("name", adfast.__all__)
def test_public_name_resolves(name):
    assert getattr(adfast, name) is not None
    assert name in dir(adfast)


def test_lists_agree():
    assert {*adfast.PUBLIC, "__version__"} == set(adfast.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        adfast.nonsense  # noqa: B018
