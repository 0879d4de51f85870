"""A run whose histories are all shorter than its context."""

import warnings

import adfast

CHANGES = {"training.packed": True, "training.context_length": 150}  # histories are of 100


def test_run_trains_on_rows_of_many_histories_and_acts_as_ever(recipe, tmp_path, capfd):
    run = adfast.Run.create(recipe, tmp_path / "run", CHANGES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = run.carry_out()
    assert run.histories.lengths.max() == 100
    assert "never drawn" not in capfd.readouterr().err
    assert results.evaluated.array.shape[-1] == 6
