"""Histories in another order and with other rewards, one at a time in plain Python."""

from reference.random_streams import step_key, stream_key

EPISODE_ORDER, FOREIGN_REWARDS = 30, 31


def shuffled(history, number, seed):
    """A history (field -> list of rows) with its episodes sorted by their keys."""
    starts = [t for t, step in enumerate(history["episode_step"]) if step == 0 or t == 0]
    ends = [*starts[1:], len(history["episode_step"])]
    key = stream_key(seed, EPISODE_ORDER, number)
    keys = [step_key(*key, episode) for episode in range(len(starts))]
    order = sorted(range(len(starts)), key=lambda episode: keys[episode])
    rows = [t for episode in order for t in range(starts[episode], ends[episode])]
    return {name: [values[t] for t in rows] for name, values in history.items()}


def donor(task_ids, number, seed):
    """The history whose rewards history `number` gets: those of other tasks, by task, are equal."""
    others = sorted(
        (other for other in range(len(task_ids)) if task_ids[other] != task_ids[number]),
        key=lambda other: (task_ids[other], other),
    )
    key = step_key(*stream_key(seed, FOREIGN_REWARDS, number), 0)
    return others[key * len(others) >> 32]


def with_rewards_of(history, giver):
    """`history` with the rewards of `giver`, from the beginning again where they end."""
    length, given = len(history["reward"]), giver["reward"]
    return {**history, "reward": [given[t % len(given)] for t in range(length)]}
