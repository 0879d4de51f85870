"""What is not installed or not built is a sentence, in every command and import."""

import json
import os
import subprocess
import sys

import pytest

from adfast import doctor
from adfast.packages import EXTENSION, USED_FOR, describe_missing, explain
from cli.command_line import adfast

OPTIONAL = ("torch", "triton", "matplotlib", "plotly", "gymnasium")


@pytest.fixture
def absent(monkeypatch):
    """Makes packages look as if they were not installed."""

    def hide(*packages):
        for package in packages:
            monkeypatch.setitem(sys.modules, package, None)

    return hide


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
