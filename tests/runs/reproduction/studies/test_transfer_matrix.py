"""The matrix of transfer: whose tasks are whose, and improvements by what own models earn."""

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import RunError
from adfast.runs.reproduction.matrix import fill
from adfast.runs.reproduction.studies.transfer_matrix import (
    BUT,
    KINDS,
    MIXTURES,
    TESTED,
    TRAINED,
    matrices,
    random_row,
    trained_row,
)
from runs.reproduction.studies.part_records import record, states_of

EVERY = len(KINDS) * TESTED


def own_tasks(family):
    kinds, own = family.members_of(np.arange(family.num_tasks))
    return set(zip(kinds.tolist(), own.tolist(), strict=True))


@pytest.mark.parametrize("name", TRAINED)
def test_no_model_is_trained_on_what_it_is_tested_on(name):
    recipe = trained_row(name).parts[0].recipe
    trained = tasks.make("mixture", **recipe.family.model_dump()["options"])
    tested = tasks.make("mixture", **recipe.evaluation.family.model_dump()["options"])
    assert trained.transition_schema == tested.transition_schema
    assert tested.num_tasks == recipe.evaluation.family_tasks == EVERY
    kinds, _ = tested.members_of(np.arange(EVERY))
    assert np.array_equal(kinds, np.repeat(np.arange(len(KINDS)), TESTED))
    assert not own_tasks(trained) & own_tasks(tested)
    assert {list(KINDS)[kind] for kind, _ in own_tasks(trained)} == set(TRAINED[name])


def test_every_kind_is_trained_alone_in_mixtures_and_left_out():
    assert {"dark-room", "key-to-door", "keys-and-boxes", "bandit", "random-world"} <= set(KINDS)
    assert set(KINDS) == set(tasks.names()) - {"mixture", "water-maze"}
    assert len(BUT) == len(KINDS)
    assert len(TRAINED) == 2 * len(KINDS) + len(MIXTURES)


def filled(made):
    told, hidden = matrices()
    states = states_of((*told.rows, *hidden.rows), made)
    return (told, fill(told, states)), (hidden, fill(hidden, states))


def test_improvement_is_a_share_of_what_the_own_model_gains_above_random():
    def made(part):
        if part.row.name == random_row().name:
            return record(part, 1.0, 1.0, tasks=EVERY)
        is_agent = "in-" in part.row.name
        last = 3.0 if part.row.name == "transfer-bandit" else 5.0
        return record(part, 1.0, last, noise=0.1, tasks=TESTED if is_agent else EVERY)

    (told, one), (_, hidden) = filled(made)
    assert one.scales == dict.fromkeys(KINDS, 4.0) | {"bandit": 2.0}
    lines = dict(zip((line.label for line in told.lines), one.fields, strict=True))
    assert lines["dark-room"][0].value == pytest.approx(1.0)
    assert lines["bandit"][0].value == pytest.approx(0.5)
    assert lines["all eight"][-1].value == pytest.approx(2.0)
    assert lines["all eight"][-1].low < 2.0 < lines["all eight"][-1].high
    assert lines["all eight"][-1].tasks == TESTED
    assert [found is not None for found in lines["heuristic"]] == [True] * 4 + [False] * 4
    assert all(found is not None for line in hidden.fields for found in line)


def test_fields_are_read_from_the_tasks_of_their_kind():
    def made(part):
        if part.row.name == random_row().name:
            return record(part, 0.0, 0.0, tasks=EVERY)
        made_up = record(part, 0.0, 1.0, tasks=EVERY)
        returns = made_up.array
        if part.row.name == "transfer-all":
            returns[:, 1:] = np.repeat(np.arange(len(KINDS)), TESTED)[:, None]
        return made_up.model_copy(update={"returns": returns.tolist()})

    (told, one), _ = filled(made)
    lines = dict(zip((line.label for line in told.lines), one.fields, strict=True))
    assert [found.value for found in lines["all eight"]] == pytest.approx(list(range(8)))


def test_what_is_missing_or_has_no_scale_is_no_field():
    def made(part):
        if part.row.name == "transfer-dark-room":
            return None
        earns_nothing = part.row.name in ("transfer-bandit", random_row().name)
        return record(part, 0.0, 0.0 if earns_nothing else 1.0, tasks=EVERY)

    (_, one), _ = filled(made)
    assert one.scales["dark-room"] is None  # its own model lacks
    assert one.scales["bandit"] is None  # whose own model earns no more than random
    assert one.scales["dark-house"] == 1.0
    assert all(line[0] is None is line[-1] for line in one.fields)

    def grouped(part):
        return record(part, 0.0, 1.0, tasks=EVERY).model_copy(update={"tasks_per_row": 2})

    with pytest.raises(RunError, match="must have each task's returns to be told apart"):
        filled(grouped)
