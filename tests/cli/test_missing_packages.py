"""What is not installed or not built is a sentence, in every command and import."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from adfast import Run, doctor, source_algorithms
from adfast.catalogue import Catalogue
from adfast.errors import MissingPackage
from adfast.packages import EXTENSION, EXTRAS, USED_FOR, describe_missing, explain, require
from cli.command_line import adfast

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("triton", *EXTRAS)


@pytest.fixture
def absent(monkeypatch):
    """Makes packages look as if they were not installed."""

    def hide(*packages):
        for package in packages:
            monkeypatch.setitem(sys.modules, package, None)

    return hide


def test_project_lists_the_same_packages_as_errors_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    def names(requirements):
        return {re.split(r"[^\w-]", text)[0].replace("-", "_") for text in requirements}

    assert names(project["dependencies"]) == USED_FOR.keys() - set(OPTIONAL)
    for name, extra in EXTRAS.items():
        assert name in names(extras[extra]), extra
    assert set(re.findall(r"\w+", extras["all"][0])) == {"adfast", *extras} - {"all", "docs", "dev"}


def test_one_line_installs_all_that_is_missing(absent):
    absent("torch", "matplotlib", "plotly", "tomli_w")
    with pytest.raises(MissingPackage) as raised:
        require("numpy", "tomli_w", "torch", "matplotlib", "plotly")
    assert str(raised.value) == (
        "adfast needs tomli_w for the settings of runs and torch for models, training and acting "
        "and matplotlib for figures and plotly for pages; install it with: pip install tomli-w "
        '"adfast[train,report]"'
    )


def test_run_without_torch_says_so_before_it_changes_anything(absent, recipe, tmp_path):
    absent("torch", "scipy")
    run = Run.create(recipe, tmp_path / "run")
    before = contents(tmp_path)
    ways = [run.carry_out, run.probe, lambda: run.train(fresh=True), lambda: run.model]
    for way in (*ways, lambda: run.evaluate(fresh=True)):
        with pytest.raises(MissingPackage, match=r'torch .* pip install "adfast\[train'):
            way()
    assert contents(tmp_path) == before


def test_classes_by_name_say_what_they_need(absent, monkeypatch, tmp_path):
    absent("torch")
    with pytest.raises(MissingPackage, match="needs torch"):
        source_algorithms.make("dqn").histories(*[None] * 7)
    (tmp_path / "of_torch.py").write_text("import torch")
    monkeypatch.syspath_prepend(tmp_path)
    probes = Catalogue("probe", "adfast.probes", "adfast.config:Config", {"own": "of_torch:Own"})
    with pytest.raises(MissingPackage, match="needs torch"):
        probes.make("own")


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize("package", sorted(USED_FOR))
def test_doctor_names_what_is_missing_and_says_the_rest(absent, package):
    absent(package)
    facts = doctor.examine_machine()
    assert facts[package].startswith(f"missing: adfast needs {package} for {USED_FOR[package]}")
    assert "pip install" in facts[package]
    others = USED_FOR.keys() - {package}
    assert not any(str(facts[name]).startswith("missing") for name in others)
    json.dumps(facts)


def test_doctor_without_everything_still_says_what_the_machine_is(absent):
    absent(*USED_FOR, "adfast._native")
    facts = doctor.examine_machine()
    assert facts["cores"] >= 1
    assert facts["extension adfast._native"].startswith("not known: the extension adfast._native")
    for name in ("attention backend", "CUDA device", "threads of torch"):
        assert facts[name].startswith("not known: adfast needs")


def test_doctor_says_that_the_machine_could_not_be_described(monkeypatch):
    monkeypatch.setenv("ADFAST_CPU", "abacus")
    facts = doctor.examine_machine()
    assert "ADFAST_CPU must be one of" in facts["machine"]
    assert facts["torch"]


@pytest.mark.parametrize("error", [OSError("libcudart.so: no such file"), RuntimeError("driver")])
def test_doctor_says_what_fails(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(doctor, "find_card", fail)
    facts = doctor.examine_machine()
    assert facts["CUDA device"] == f"fails: {type(error).__name__}: {error}"
    assert facts["attention backend"].startswith("cpu")


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("run", "torch"), ("run", "plotly"), ("train", "torch"), ("evaluate", "torch"),
        ("report", "matplotlib"), ("report", "plotly"), ("sweep", "matplotlib"), ("run", "numba"),
        ("collect", "numba"), ("collect", EXTENSION), ("train", EXTENSION),
    ],
)  # fmt: skip
def test_command_is_refused_before_it_changes_anything(absent, tmp_path, command, package):
    absent(package)
    (tmp_path / "run.toml").write_text("")
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    before = contents(tmp_path)
    target = ["dark-room", "--run", tmp_path] if command in ("run", "collect") else [tmp_path]
    fresh = [] if command == "report" else ["--fresh"]
    ended = adfast(command, *target, *fresh)
    assert (ended.status, ended.stdout) == (1, "")
    assert ended.stderr == f"adfast: {describe_missing(package)}\n"
    assert contents(tmp_path) == before


IMPORTS = """
import sys
for package in sys.argv[1:]:
    sys.modules[package] = None
import adfast
for name in adfast.__all__:
    try:
        getattr(adfast, name)
    except ImportError as error:
        print(type(error).__name__, name, error)
for module in ("adfast.attention", "adfast.simulators.gymnasium_env"):
    try:
        __import__(module)
    except ImportError as error:
        print(type(error).__name__, module, error)
"""


def imports_without(*packages):
    """(error, what was imported, sentence) of all public imports that fail without `packages`."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *packages],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split(maxsplit=2) for line in done.stdout.splitlines()]


def test_bench_needs_what_it_times(absent):
    absent("torch")
    ended = adfast("bench", "--list")
    assert (ended.status, ended.stderr) == (1, f"adfast: {describe_missing('torch')}\n")


def test_imports_say_what_is_missing():
    failed = imports_without(*OPTIONAL)
    assert {error for error, _, _ in failed} == {"MissingPackage"}
    needs = {name: sentence.split()[2] for _, name, sentence in failed}
    assert needs.pop("Recorder") == "gymnasium"
    assert needs.pop("play") in ("gymnasium", "torch")
    assert needs.pop("adfast.simulators.gymnasium_env") == "gymnasium"
    of_torch = ["Agent", "Transformer", "adfast.attention", "compare", "evaluate", "load", "train"]
    assert needs == dict.fromkeys(of_torch, "torch")


def test_imports_say_that_the_extension_is_not_built():
    failed = imports_without("adfast._native")
    assert {"collect", "histories", "Recorder"} <= {name for _, name, _ in failed}
    for error, _, sentence in failed:
        assert error == "MissingPackage"
        assert sentence.startswith("the extension adfast._native is not built; ")


def test_extension_that_does_not_load_says_why():
    sentence = str(explain(ImportError("undefined symbol: x", name="adfast._native")))
    assert sentence.startswith("the extension adfast._native does not load (undefined symbol: x); ")


def test_another_failed_import_names_what_failed():
    sentence = str(explain(ImportError("cannot import name 'x' from 'torch'", name="torch")))
    assert "cannot import name 'x' from 'torch'" in sentence


DATA_ALONE = """
import sys
recipe, path, *absent = sys.argv[1:]
for package in absent:
    sys.modules[package] = None
import adfast
from adfast.cli.app import app
app(["collect", recipe, "--run", path], standalone_mode=False)
app(["histories", "verify", path + "/histories"], standalone_mode=False)
run = adfast.Run.open(path)
print(run.collect().num_histories, adfast.histories.open(path + "/histories").num_transitions)
try:
    app(["run", path], standalone_mode=False)
except ImportError as error:
    print(error)
del sys.modules["torch"]
run.train()
print([package for package in absent if sys.modules.get(package)])
"""


@pytest.mark.slow
@pytest.mark.thorough  # `make release` does so in a bare environment
def test_data_are_collected_without_torch_and_a_model_is_trained_without_triton(recipe, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DATA_ALONE, recipe, tmp_path / "run", *OPTIONAL],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    verified, read, lacking, loaded = done.stdout.splitlines()[-4:]
    assert verified.endswith("all as written")
    assert all(int(number) > 0 for number in read.split())
    assert lacking == describe_missing("torch", "matplotlib", "plotly")
    assert loaded == "['torch']"
