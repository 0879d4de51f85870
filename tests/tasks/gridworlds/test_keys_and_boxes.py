"""Keys and Boxes: its twin, its puzzles, its dead ends, its optimum, and what one trick earns."""

from functools import cache, partial

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.simulators import BatchSimulator
from adfast.tasks.checked_calls import checked_observe, checked_reset, checked_step
from adfast.tasks.gridworlds.puzzles import KEY, REWARD, Puzzles, worth_of_keys
from reference.keys_and_boxes import VARIANTS, KeysAndBoxesReference, drawn_puzzle
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant

NO_OP, UP, RIGHT, DOWN, LEFT = range(5)


@every_variant("keys-and-boxes")
def test_long_random_run_matches_reference(options):
    family = tasks.make("keys-and-boxes", **options)
    task_ids = np.arange(23) * 45_577 % family.num_tasks
    assert_follows_twin(family, partial(KeysAndBoxesReference, **options), task_ids, 8)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_puzzles_are_those_of_the_reference(options):
    family = tasks.make("keys-and-boxes", **options)
    names = ("size", "boxes", "boxed_keys", "rewards")
    drawn_by = {name: options[name] for name in names if name in options}
    for task_id in (0, 7, family.num_tasks - 1):
        keys, boxes, contents = (part[0].tolist() for part in family.drawn(np.array([task_id])))
        places = {divmod(cell, family.size): ("key", c) for c, cell in enumerate(keys)}
        places |= {divmod(cell, family.size): ("box", c) for c, cell in enumerate(boxes)}
        inside = {
            colour: "reward" if content == REWARD else ("key", content - KEY)
            for colour, content in enumerate(contents)
            if content
        }
        assert (places, inside) == drawn_puzzle(task_id, **drawn_by)


def test_default_has_a_million_puzzles_of_three_keys_and_three_boxes_one_of_which_holds_a_key():
    family = tasks.make("keys-and-boxes")
    assert family.num_tasks >= 10**6
    task_ids = np.arange(0, family.num_tasks, 16)
    keys, boxes, contents = family.drawn(task_ids)
    cells = np.concatenate([keys, boxes], axis=1)
    assert cells.shape == (len(task_ids), 5)
    assert (np.diff(np.sort(cells, axis=1), axis=1) > 0).all()  # cells of their own
    assert (np.sort(contents, axis=1) == [REWARD, REWARD, KEY + 2]).all()
    counts = np.bincount(cells.ravel(), minlength=81)
    assert abs(counts - cells.size / 81).max() < 5 * (cells.size / 81) ** 0.5
    known = np.concatenate([np.sort(cells, axis=1), contents], axis=1)
    assert len(np.unique(known, axis=0)) > 0.99 * len(task_ids)


@pytest.mark.parametrize("options", [{"boxes": 6, "boxed_keys": 4, "rewards": 2}, {"boxes": 4}])
def test_every_puzzle_can_be_solved(options):
    family = tasks.make("keys-and-boxes", **options)
    lying = family.lying_keys
    worth = worth_of_keys(family.drawn(np.arange(2000)).contents)
    assert (worth[:, 1 : 1 + lying].sum(axis=1) == family.rewards).all()
    assert (worth[:, 0] == 0).all()


def test_puzzles_do_not_depend_on_how_many_there_are():
    few = tasks.make("keys-and-boxes", puzzles=5).task_parameters(np.arange(5))
    many = tasks.make("keys-and-boxes").task_parameters(np.arange(99))
    np.testing.assert_array_equal(few, many[:5])


# One row of a room of 5 x 5: red key, green key, red box with the blue key, green box with a
# reward, blue box with a reward.
LINE = Puzzles(np.array([[0, 1]]), np.array([[2, 3, 4]]), np.array([[KEY + 2, REWARD, REWARD]]))


def walk(monkeypatch, actions, start=(1, 0)):
    """Rewards, the held keys and whether it was a dead end, of an episode on `LINE`, in Python."""
    monkeypatch.setattr("adfast.tasks.gridworlds.keys_and_boxes.drawn_puzzles", lambda *_: LINE)
    family = tasks.make("keys-and-boxes", size=5, start=start, held_observed=True)
    state = checked_reset(family, 0, 0, 0)
    seen, rewards = [state[:3]], []
    for action in actions:
        state, reward, _ = checked_step(family, 0, state, action, 0)
        seen.append(checked_observe(family, 0, state))
        rewards.append(reward)
    (is_dead_end,) = family.dead_ends(np.array([0]), np.array([seen]))
    return rewards, [held for *_, held in seen], is_dead_end


def test_one_key_after_the_other_earns_everything(monkeypatch):
    around = [DOWN, RIGHT, RIGHT, UP]
    rewards, held, is_dead_end = walk(
        monkeypatch, [UP, *around, RIGHT, RIGHT, DOWN, LEFT, LEFT, LEFT, UP, *around]
    )
    assert held == [0, 1, 1, 1, 1, 3, 3, *[0] * 5, 2, 2, 2, 2, 0]  # the blue key was in the red box
    assert np.flatnonzero(rewards).tolist() == [6, 15]
    assert not is_dead_end


def test_second_key_loses_the_first_and_what_it_led_to(monkeypatch):
    rewards, held, is_dead_end = walk(monkeypatch, [UP, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT])
    assert held == [0, 1, 2, 2, 0, 0, 0]
    assert rewards == [0, 0, 0, 1, 0, 0]
    assert is_dead_end


def test_box_stays_shut_without_its_key_and_pays_once(monkeypatch):
    rewards, held, is_dead_end = walk(
        monkeypatch, [UP, LEFT, LEFT, RIGHT, RIGHT, LEFT], start=(1, 4)
    )
    assert sum(rewards) == 0
    assert held == [0] * 7
    assert not is_dead_end
    rewards, _, _ = walk(monkeypatch, [UP, RIGHT, RIGHT, NO_OP, LEFT, RIGHT], start=(1, 1))
    assert rewards == [0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_dead_ends_are_those_of_the_reference(options):
    family = tasks.make("keys-and-boxes", **options)
    task_ids = np.arange(150) * 26_297 % family.num_tasks
    length = family.episode_length
    actions = np.random.default_rng(3).integers(5, size=(length, len(task_ids)))
    seen = np.zeros((len(task_ids), length + 1, len(family.observation_sizes)), np.int64)
    expected = []
    for index, task_id in enumerate(task_ids):
        twin = KeysAndBoxesReference(int(task_id), **options, random_stream=index)
        seen[index, 0] = twin.reset()
        for step, action in enumerate(actions[:, index]):
            seen[index, step + 1] = twin.step(action)[0]
        expected.append(twin.is_dead_end)
    np.testing.assert_array_equal(family.dead_ends(task_ids, seen), expected)


def optimum_by_exhaustion(task_id, options):
    """The best expected return by trying every action in every state at every step, in the twin."""
    room = KeysAndBoxesReference(task_id, **options)
    room.reset()

    @cache
    def best(cell, held, taken, steps):
        if steps == room.episode_length:
            return 0
        values = []
        for action in range(room.num_actions):
            room.cell, room.held, room.taken, room.steps = cell, held, set(taken), steps
            _, reward, _, _ = room.step(action)
            after = (room.cell, room.held, frozenset(room.taken), steps + 1)
            values.append(reward + best(*after))
        return max(values)

    cells = [(row, column) for row in range(room.size) for column in range(room.size)]
    starts = cells if room.start == "random" else [room.start]
    return sum(best(start, None, frozenset(), 0) for start in starts) / len(starts)


@pytest.mark.parametrize(
    ("start", "boxed_keys", "episode_length"),
    [
        pytest.param("centre", 0, 3, marks=pytest.mark.thorough),
        ("random", 1, 3),
        ("centre", 1, 9),
        pytest.param("random", 0, 9, marks=pytest.mark.thorough),
        ("centre", 0, 14),
        pytest.param("random", 1, 14, marks=pytest.mark.thorough),
    ],
)
def test_optimum_is_what_exhaustion_finds(start, boxed_keys, episode_length):
    options = {
        "size": 4,
        "start": start,
        "boxed_keys": boxed_keys,
        "episode_length": episode_length,
    }
    family = tasks.make("keys-and-boxes", **options)
    found = [optimum_by_exhaustion(task_id, options) for task_id in range(3)]
    np.testing.assert_allclose(family.optimal_return(np.arange(3)), found, rtol=1e-14)


def test_optimum_of_the_default_is_almost_always_two():
    optimal = tasks.make("keys-and-boxes").optimal_return(np.arange(200))
    assert optimal.mean() > 1.95
    assert set(optimal) <= {1, 2}


def return_to_the_last_reward(family, task_ids, episodes):
    """float64 `[N, episodes]`: what who knows one trick earns, which takes no notice of keys.

    Until something was paid it wanders. From then on it goes to where that was, rows first, and
    wanders there for the rest of the episode.
    """
    simulator = BatchSimulator(family, task_ids, seed=1)
    generator = np.random.default_rng(2)
    cells = simulator.reset().astype(int)
    goals = np.full(cells.shape, -1)
    arrived = np.zeros(len(task_ids), bool)
    returns = np.zeros((len(task_ids), episodes))
    for step in range(episodes * family.episode_length):
        if step % family.episode_length == 0:
            arrived[:] = goals[:, 0] < 0
        arrived |= (cells == goals).all(axis=1)
        down, right = np.sign(goals - cells).T
        towards = np.where(
            down != 0, np.where(down > 0, DOWN, UP), np.where(right > 0, RIGHT, LEFT)
        )
        actions = np.where(arrived, generator.integers(5, size=len(task_ids)), towards)
        result = simulator.step(actions)
        reached, cells = result.final_observation.astype(int), result.observation.astype(int)
        goals = np.where(result.reward[:, None] > 0, reached, goals)
        returns[:, step // family.episode_length] += result.reward
    return returns


def test_returning_to_the_last_reward_earns_under_half_the_optimum():
    family = tasks.make("keys-and-boxes")
    task_ids = np.arange(600)
    returns = return_to_the_last_reward(family, task_ids, 100)
    paid = returns[:, :50].sum(axis=1) > 0
    assert paid.mean() > 0.5  # most have something to return to
    assert returns[paid, 50:].mean() < 0.5 * family.optimal_return(task_ids)[paid].mean()


def test_interface_of_dark_room_has_its_schema_and_room():
    family = tasks.make("keys-and-boxes", interface="dark-room")
    assert family.transition_schema == tasks.make("dark-room").transition_schema
    assert family.start_cell == tasks.make("dark-room").start_cell
    assert (family.size, family.episode_length) == (9, 20)
    again = tasks.make("keys-and-boxes", **family.model_dump())
    assert again == family


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_schema_and_state_follow_the_options(options):
    family = tasks.make("keys-and-boxes", **options)
    size, boxes = options.get("size", 9), options.get("boxes", 3)
    held = (1 + boxes,) if options.get("held_observed") else ()
    assert family.observation_sizes == (size, size, *held)
    lying = boxes - options.get("boxed_keys", 1)
    assert family.state_sizes == (size, size, 1 + boxes, 2**lying)
    assert family.planner


def test_map_says_what_lies_where():
    family = tasks.make("keys-and-boxes")
    keys, boxes, contents = (part[0] for part in family.drawn(np.array([5])))
    marks = {(mark.row, mark.column): mark.name for mark in family.task_map(5).landmarks}
    assert [marks[divmod(int(cell), 9)] for cell in keys] == ["red key", "green key"]
    names = {REWARD: "a reward", KEY + 2: "the blue key"}
    assert [marks[divmod(int(cell), 9)] for cell in boxes] == [
        f"{colour} box with {names[content]}"
        for colour, content in zip(("red", "green", "blue"), contents, strict=True)
    ]
    assert family.task_label(5) == "puzzle 5"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 1}, "keys-and-boxes: size must be greater than or equal to 2, got 1"),
        ({"size": 17}, "size must be less than or equal to 16, got 17"),
        ({"boxes": 7}, "boxes must be less than or equal to 6, got 7"),
        ({"boxed_keys": 3}, "boxed_keys must be below boxes, 3, so that a key lies in the room"),
        ({"rewards": 3}, "rewards must be at most 2, the boxes that hold no key, got 3; take more"),
        ({"size": 2}, "size must give each of 2 keys and 3 boxes a cell of its own, got 2"),
        ({"puzzles": 0}, "puzzles must be greater than or equal to 1, got 0"),
        ({"held_observed": "yes"}, "held_observed must be true or false, got 'yes'"),
        ({"interface": "dark"}, "interface must be 'own' or 'dark-room', got 'dark'"),
        (
            {"interface": "dark-room", "episode_length": 50},
            'episode_length must be 20 where interface is "dark-room", got 50; leave it out',
        ),
        (
            {"interface": "dark-room", "held_observed": True},
            'held_observed must be False where interface is "dark-room", got True',
        ),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("keys-and-boxes", **options)


def test_puzzle_that_does_not_exist_is_refused():
    with pytest.raises(InvalidArgument, match=r"of keys-and-boxes must be in 0\.\.1048575, got -1"):
        tasks.make("keys-and-boxes").drawn(np.array([-1]))


def test_dead_ends_do_not_depend_on_what_made_one_go_there():
    family = tasks.make("keys-and-boxes", puzzles=50, permute_actions=True, slip=0.2)
    ids = np.array([7, 50 * 33 + 7])
    seen = np.random.default_rng(0).integers(9, size=(1, 51, 2)).repeat(2, axis=0)
    plain = family.plain.dead_ends(ids[:1], seen[:1])
    assert family.dead_ends(ids, seen).tolist() == [*plain, *plain]
