"""What torchrun tells a process is read from its environment, and from nothing else."""

import pytest

from adfast.machine.launch import Launch, launched_together, speaks

TOLD = {
    "TORCHELASTIC_RUN_ID": "1",
    "RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
}


@pytest.mark.parametrize(
    ("told", "launch"),
    [
        ({}, None),
        (TOLD, Launch(3, 8, 1, 2)),
        (TOLD | {"TORCHELASTIC_RUN_ID": None}, None),  # another launcher's
        (TOLD | {"RANK": "0", "WORLD_SIZE": "1"}, None),
    ],
)
def test_place_is_the_one_that_torchrun_tells(monkeypatch, told, launch):
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    assert launched_together() == launch
    assert speaks() == (launch is None)
