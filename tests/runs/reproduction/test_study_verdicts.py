"""Each published ordering is judged by the parts that are done, on every recipe that has them."""

import numpy as np
import pytest

from adfast.runs.files.results import References
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_table import Panel, Row, StudyTable
from adfast.runs.reproduction.verdicts import source_of, verdicts_of

SEEDS, EPISODES, EVERY, TRIAL = (1, 2, 3), 20, 4, 10
# Method -> what it earns at first and in the end.
EARNED = {"ad": (1.0, 14.0), "ed": (2.0, 0.5), "ad-shuffled": (6.0, 6.2), "rl2": (2.0, 16.0)}
SOURCE = np.minimum(np.arange(EPISODES * EVERY) / 4, 16.0)


def record(method, seed, earned):
    generator = np.random.default_rng(seed)
    curve = np.linspace(*earned, EPISODES)
    returns = curve + generator.normal(0, 0.3, (8, EPISODES))
    return PartRecord.model_construct(
        name=f"{method}-{seed}",
        method=method,
        seed=seed,
        settings={"collection.keep_every": EVERY, "rl2.trial_episodes": TRIAL},
        task_ids=tuple(range(8 * seed, 8 * seed + 8)),
        tasks_per_row=1,
        returns=returns.tolist(),
        optimal=17.0,
        references=References(
            random=0.3, source=SOURCE[:EPISODES].tolist(), source_every_kth=SOURCE[::EVERY].tolist()
        )
        if method != "rl2"
        else References(random=0.3),
    )


def judged(earned, recipe="dark-room", missing=()):
    """The verdicts of a study of `earned`, by claim."""
    rows = tuple(Row(method, method, recipe, method, seeds=SEEDS) for method in earned)
    # What varies by level, or is of another evaluation, is no method of the paper's.
    elsewhere = Row("elsewhere", "ed", recipe, "ed", evaluation={"evaluation.episodes": 3})
    panels = (Panel("Methods", (*rows, elsewhere)), Panel("Width", rows, axis="width"))
    table = StudyTable("study", "A study", "", panels)
    states = {}
    for name, part in table.parts.items():
        made = part.row.name != "elsewhere" and name not in missing
        content = record(part.row.method, part.seed, earned[part.row.method]) if made else None
        states[name] = PartState(part, "done" if made else "not run yet", content)
    return {found.claim: found for found in verdicts_of(table, states)}


def test_what_was_published_is_supported_by_what_is_like_it():
    found = judged(EARNED)
    assert [(claim, one.verdict) for claim, one in found.items()] == [
        ("dark-room: AD rises in context", "supported"),
        ("dark-room: AD needs fewer episodes than its source", "supported"),
        ("dark-room: ED does not rise above its first episodes", "supported"),
        ("dark-room: AD on shuffled episodes does not improve in context", "supported"),
        ("dark-room: RL2 earns as much as AD, or more", "supported"),
        ("dark-room: RL2 earns as much as AD within its own trials", "supported"),
    ]
    rising, fewer, *_, above, within = (one.evidence for one in found.values())
    assert rising.startswith("+10.")
    assert rising.endswith(", 3 seeds")
    # To .8 x 16 = 12.8 the source takes 53 episodes, of which each fourth is known: 50 to 53.
    assert fewer.startswith("-3")
    assert fewer.endswith(" episodes, 3 seeds")
    assert above.startswith("+1.")
    # In the last five of ten episodes of twenty on a line.
    assert within.startswith("+1.37")


def test_rl2_is_judged_within_its_trials_too():
    found = judged(EARNED | {"ad": (1.0, 14.0), "rl2": (8.0, 8.0)})
    assert found["dark-room: RL2 earns as much as AD, or more"].verdict == "refuted"
    assert found["dark-room: RL2 earns as much as AD within its own trials"].verdict == "supported"


@pytest.mark.parametrize(
    ("method", "earned", "claim"),
    [
        ("ad", (5.0, 4.0), "AD rises"),
        ("ad-shuffled", (2.0, 9.0), "shuffled"),
        ("ed", (2.0, 9.0), "ED does not rise"),
        ("rl2", (2.0, 9.0), "or more"),
        ("rl2", (0.0, 1.0), "within its own trials"),
    ],
)
def test_what_is_otherwise_is_refuted(method, earned, claim):
    found = judged(EARNED | {method: earned})
    (one,) = (one for name, one in found.items() if claim in name)
    assert one.verdict == "refuted"


def test_ad_that_never_gets_there_does_not_need_fewer_episodes():
    found = judged({"ad": (1.0, 3.0)})
    assert found["dark-room: AD needs fewer episodes than its source"].verdict == "undecided"
    assert "unknown" in found["dark-room: AD needs fewer episodes than its source"].evidence


def test_what_is_not_done_is_not_judged_and_what_is_not_there_is_not_claimed():
    found = judged({"ad": EARNED["ad"], "rl2": EARNED["rl2"]}, missing=("rl2-seed-1",))
    assert len(found) == 4
    assert found["dark-room: RL2 earns as much as AD, or more"].evidence.endswith(", 2 seeds")
    missing = tuple(f"rl2-seed-{seed}" for seed in SEEDS)
    found = judged({"ad": EARNED["ad"], "rl2": EARNED["rl2"]}, missing=missing)
    assert found["dark-room: RL2 earns as much as AD, or more"].verdict == "not judged yet"
    assert not judged({"ad-every-k": (1.0, 2.0)})


def test_source_is_known_in_its_first_episodes_and_in_those_that_are_kept():
    curve = source_of(record("ad", 1, (0, 1)))
    assert curve.episodes.tolist() == [*range(1, 21), *range(21, 81, 4)]
    np.testing.assert_allclose(curve.returns, SOURCE[curve.episodes - 1])
    assert source_of(record("rl2", 1, (0, 1))) is None
