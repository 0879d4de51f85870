"""Bad input ends with status 2 (1 for a bad state) and says field, rule, value and way out."""

import shutil
import subprocess

import pytest

from cli.command_line import PROGRAM, adfast


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["dark-rooms"], ['unknown recipe "dark-rooms"', 'did you mean "dark-room"', ".toml file"]),
        (["--set", "training.updats=3"], ['"training.updats"', 'did you mean "training.updates"']),
        (["--set", "model.updates=3"], ['"model.updates"', 'did you mean "training.updates"']),
        (["--set", "family.name=dark-rom"], ['task family "dark-rom"', 'mean "dark-room"']),
        (
            ["--set", "family.options.siz=3"],
            ['dark-room: unknown setting "siz"', 'mean "size"'],
        ),
        (["--set", "training.updates=0"], ["training.updates", "greater than or equal", "got 0"]),
        (["--set", "training.updates"], ["section.field=value", 'got "training.updates"']),
        (
            ["--set", "training.context_length=101"],
            ["training.context_length must be at most 100", "got 101", "shorten it"],
        ),
        (
            ["--set", "collection.held_out=25"],
            ["collection.held_out must be in 1..23", "keeps one in each set", "got 25"],
        ),
        (["--set", "collection.leak=2"], ['leak is a setting of split = "half-room"', "got 2"]),
        (
            ["--set", "family.name=frozen-lake", "--set", "collection.split=half-room"],
            ['collection.split = "half-room" needs a family whose tasks lie in the halves'],
        ),
        (["--set", "collection.algorithm=sarza"], ['source algorithm "sarza"', "q-learning"]),
    ],
)
def test_bad_recipe_ends_with_status_2_and_leaves_nothing(recipe, tmp_path, arguments, parts):
    if arguments[0] == "--set":
        arguments = [recipe, *arguments]
    ended = adfast("run", *arguments, "--run", tmp_path / "run")
    assert ended.status == 2
    assert ended.stdout == ""
    for part in parts:
        assert part in ended.stderr
    assert not (tmp_path / "run").exists()


def test_corrected_recipe_is_not_refused_for_the_mistake_before(recipe, tmp_path):
    run = tmp_path / "run"
    assert adfast("collect", recipe, "--run", run, "--set", "collection.held_out=25").status == 2
    assert adfast("collect", recipe, "--run", run).status == 0


@pytest.mark.parametrize("content", [b"[training\n", b"\x00\xff", b"[training]\nupdate = 3\n"])
def test_corrupted_run_toml_is_named(finished_run, tmp_path, content):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.toml").write_bytes(content)
    ended = adfast("train", run)
    assert ended.status == 2
    assert "run.toml" in ended.stderr or '"training.updates"' in ended.stderr


def test_corrupted_provenance_says_how_to_go_on(run_copy):
    (run_copy / "provenance.json").write_text('{"stages": ')
    ended = adfast("run", run_copy)
    assert ended.status == 1
    assert "provenance.json: damaged" in ended.stderr
    assert "delete it" in ended.stderr
    (run_copy / "provenance.json").unlink()
    ended = adfast("run", run_copy)
    assert ended.status == 0
    assert "finished before" not in ended.stderr


def test_directory_that_is_no_run_is_refused(recipe, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    for path in (tmp_path, tmp_path / "thesis.tex"):
        ended = adfast("run", recipe, "--run", path)
        assert ended.status == 1
        assert "holds no run; give another one with --run" in ended.stderr
    ended = adfast("evaluate", tmp_path)
    assert ended.status == 1
    assert "no run.toml" in ended.stderr
    assert "adfast run RECIPE" in ended.stderr


def test_directory_left_by_a_kill_at_the_very_start_is_used(recipe, tmp_path):
    (tmp_path / ".run.toml.tmp").write_text("se")
    assert adfast("collect", recipe, "--run", tmp_path).status == 0


def test_run_directory_and_run_option_exclude_each_other(finished_run, tmp_path):
    ended = adfast("run", finished_run, "--run", tmp_path)
    assert ended.status == 2
    assert "leave out --run" in ended.stderr


def test_folder_that_cannot_be_made_is_named(recipe, tmp_path):
    (tmp_path / "file").write_text("")
    ended = adfast("run", recipe, "--run", tmp_path / "file" / "run")
    assert ended.status == 1
    assert str(tmp_path / "file" / "run") in ended.stderr
    assert "mend it and give the same command again" in ended.stderr


def test_damaged_histories_are_named(collected_run, tmp_path):
    run = shutil.copytree(collected_run, tmp_path / "run")
    shard = run / "histories" / "block-000001.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    ended = adfast("histories", "verify", run / "histories")
    assert ended.status == 1
    assert shard.name in ended.stderr
    shard.write_bytes(content[:-5])
    for arguments in (["train", run], ["histories", "info", run / "histories"]):
        ended = adfast(*arguments)
        assert ended.status == 1
        assert shard.name in ended.stderr


def test_truncated_checkpoint_says_how_to_go_on(run_copy):
    newest = run_copy / "checkpoints" / "update-00000012.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    (run_copy / "evaluation.json").unlink()
    ended = adfast("run", run_copy)
    assert ended.status == 1
    assert newest.name in ended.stderr
    assert "damaged" in ended.stderr


def test_full_disk_ends_with_a_message_and_loses_nothing(collected_run, tmp_path):
    run = shutil.copytree(collected_run, tmp_path / "run")
    command = 'ulimit -f 8; exec "$@"'  # no file above 8 KB, less than a checkpoint takes
    ended = subprocess.run(
        ["bash", "-c", command, "adfast", *PROGRAM, "train", str(run)],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "File too large" in ended.stderr
    assert "give the same command again: what is finished is kept" in ended.stderr
    assert list((run / "checkpoints").iterdir()) == []
    assert adfast("train", run).status == 0


def test_unknown_command_and_option_are_usage_errors():
    assert adfast("runn").status == 2
    assert adfast("run", "dark-room", "--frsh").status == 2
