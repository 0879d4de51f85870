"""Verdicts on the critique's claims, of parts whose returns are given."""

import pytest

from adfast.errors import RunError
from adfast.runs.reproduction.studies import half_room, size, transfer, water_maze
from adfast.runs.reproduction.studies.catalogue import find_study
from runs.reproduction.studies.part_records import record, states_of


def sized(small, large):
    rows = size.CLAIM.rows

    def made(part):
        if part.row is rows[0]:
            return record(part, 0.0, small(part.seed), noise=0.2)
        return record(part, 0.0, large)

    return size.verdict_of(states_of(rows, made))


@pytest.mark.parametrize(
    ("small", "verdict"),
    [
        (lambda seed: 9.9, "supported"),
        (lambda seed: 9.0, "refuted"),
        (lambda seed: 9.52, "undecided"),  # too near to .95 of 10 to tell
        (lambda seed: 12.0 if seed > 1 else 9.0, "undecided"),  # one seed says something else
    ],
)
def test_a_small_model_that_earns_as_much_is_enough(small, verdict):
    found = sized(small, 10.0)
    assert (found.claim, found.verdict) == (8, verdict)
    assert (found.seeds, found.n) == (5, 80)
    low, high = found.interval
    assert low < high
    assert f"({low:.2f} to {high:.2f})" in found.evidence


@pytest.mark.parametrize(("share", "verdict"), [(0.7, "supported"), (0.2, "refuted")])
def test_half_a_room_is_judged_without_a_leak(share, verdict):
    def made(part):
        return record(part, 0.0, share * 10.0, noise=0.5, tasks=5)

    found = half_room.verdict_of(states_of(half_room.CLAIM.rows, made))
    assert (found.claim, found.verdict, found.n) == (None, verdict, 25)


def transferred(model, control, own=1.0):
    """The verdict where the model and a control improve by so much, the other controls by none."""

    def made(part):
        name = part.row.name
        improved = {transfer.MODEL.name: model, transfer.OWN.name: own}.get(name, 0.0)
        improved = control if name == transfer.control_row("heuristic").name else improved
        noise = 0.05 if name == transfer.MODEL.name else 0.0
        return record(part, 0.1, 0.1 + improved, noise=noise, random=0.1)

    return transfer.verdict_of(states_of(transfer.CLAIM.rows, made))


@pytest.mark.parametrize(
    ("model", "control", "verdict"),
    [
        (0.5, 0.1, "supported"),
        (0.5, 0.8, "refuted"),  # the heuristic does better
        (0.02, 0.0, "refuted"),  # hardly anything is learned
        (0.5, 0.5, "undecided"),  # as much as the heuristic
    ],
)
def test_what_transfers_must_be_more_than_any_control(model, control, verdict):
    found = transferred(model, control)
    assert (found.claim, found.verdict) == (5, verdict)
    assert found.evidence.count("to be above") == 5
    assert "more than heuristic, corrected" in found.evidence


def test_improvement_is_a_share_of_what_the_targets_own_model_gains():
    assert "improvement: 0.25 " in transferred(0.5, 0.0, own=2.0).evidence


@pytest.mark.parametrize("study", [transfer, size, half_room])
def test_nothing_is_judged_before_all_parts_are_there(study):
    rows = study.CLAIM.rows
    parts = sum(len(row.parts) for row in rows)
    none = study.verdict_of(states_of(rows, lambda part: None))
    assert (none.verdict, none.interval) == ("not judged yet", None)
    assert none.evidence == f"{parts} of {parts} parts are missing"

    def all_but_one(part):
        return None if part is rows[0].parts[0] or part.seed == 5 else record(part, 0.0, 1.0)

    found = study.verdict_of(states_of(rows, all_but_one))
    assert found.verdict == "not judged yet"
    with pytest.raises(RunError, match="the verdict needs the state of part"):
        study.verdict_of({})


def test_parts_of_other_tasks_are_not_held_against_each_other():
    def made(part):
        other = part.row is size.CLAIM.rows[0] and part.seed == 3
        return record(part, 0.0, 9.0, ids=tuple(range(1, 17)) if other else None)

    with pytest.raises(RunError, match="must be of the same tasks to be held against each other"):
        size.verdict_of(states_of(size.CLAIM.rows, made))


@pytest.mark.parametrize("name", ["transfer", "size", "half-room"])
def test_claims_are_judged_by_parts_of_their_study(name):
    table = find_study(name)
    (claim,) = table.claims
    assert {row.name for row in claim.rows} <= {part.row.name for part in table.parts.values()}
    assert all(row.seeds == (1, 2, 3, 4, 5) for row in claim.rows)
    assert "Refuted where" in claim.rule


@pytest.mark.parametrize(
    ("ad", "ed", "verdict"),
    [
        ((0.1, 0.8), (0.15, 0.15), "supported"),
        ((0.1, 0.2), (0.15, 0.15), "refuted"),  # twice as much is not four times
        ((0.1, 0.8), (0.15, 0.6), "refuted"),  # whoever was shown the expert learns as well
    ],
)
def test_water_maze_is_learned_by_ad_alone(ad, ed, verdict):
    def made(part):
        first, last = ad if part.row.method == "ad" else ed
        return record(part, first, last, early=10, noise=0.02)

    states = states_of(water_maze.CLAIM.rows, made)
    assert water_maze.CLAIM.verdict_of(states).verdict == verdict
