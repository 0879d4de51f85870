"""The command that puts RL2's PPO beside a recurrent one of others goes through its work."""

import numpy as np

from benchmarks import recurrent_ppo
from benchmarks.rivals.optional import is_installed


def test_command_goes_through_every_measurement(capsys):
    assert recurrent_ppo.main(["--small", "--threads", "1"]) == 0
    printed = capsys.readouterr()
    assert "adfast RL2, 4 environments" in printed.out
    if is_installed(recurrent_ppo.RIVAL):
        assert "ratio to the faster one" in printed.out
    else:
        assert "pip install sb3-contrib" in printed.err


def test_the_rival_is_told_what_the_policy_sees():
    import adfast.simulators.gymnasium_env  # noqa: F401, registers the family

    environment = recurrent_ppo.TrialEnvironment(3)
    seen, _ = environment.reset()
    for step in range(1, 201):
        assert seen.sum() == 5  # row, column, step in the episode, action, reward
        assert seen[9 + 9 + (step - 1) % 20] == 1
        seen, _, is_over, _, _ = environment.step(np.int64(2))
        assert is_over == (step == 200)
    assert seen[9 + 9 + 20 + 2] == 1
