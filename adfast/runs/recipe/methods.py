"""The methods: what is trained on which histories, as settings laid over any family's recipe.

A method is nothing but its settings: `--method ed` is what a person could write by `--set`. They
lie above those of the recipe's file and below what is set on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adfast.errors import InvalidArgument, UnknownName

AD = "ad"
EVERY_K = "ad-every-k"
RL2 = "rl2"


@dataclass(frozen=True)
class Method:
    """A method: what it trains on, which question it answers, and what of the family it needs.

    `settings` are the overlay, by their dotted paths.
    """

    about: str
    question: str
    needs: str
    settings: Mapping[str, Any] = field(default_factory=dict)


ANY_FAMILY = "nothing"
PLANNER = "an expert: a planner, which searches through its steps for the best policy, or `steer`"
OF_ONE_ACTOR = {"collection.streams_per_learner": "none"}  # whatever a recipe's own source has

METHODS: Mapping[str, Method] = {
    AD: Method(
        "Algorithm Distillation: the recipe as it stands.",
        "Does a model of learning histories learn in context?",
        ANY_FAMILY,
    ),
    "ed": Method(
        "Expert distillation: histories of the optimal policy, which never had to search.",
        "Must histories show learning, or is it enough that they show what is right?",
        PLANNER,
        {"collection.algorithm": "optimal", **OF_ONE_ACTOR},
    ),
    "ad-annealed-expert": Method(
        "AD of an expert whose noise falls over a history: progress without a learner.",
        "Must a learner have made the progress, or does any progress do?",
        PLANNER,
        {
            "collection.algorithm": "annealed-expert",
            **OF_ONE_ACTOR,
            "collection.options.noise_start": 1.0,
            "collection.options.noise_end": 0.0,
        },
    ),
    EVERY_K: Method(
        "AD on every k-th episode of a history; k = 4 unless collection.keep_every is set.",
        "Does the model learn as much faster than its source as its histories were thinned?",
        "histories of enough episodes: what is kept must fill a context",
        {"collection.keep_every": 4},
    ),
    "ad-single-stream": Method(
        "AD on a single history of each training task.",
        "Are many tasks worth more than many histories of each?",
        "many tasks, or there are few histories",
        {"collection.histories_per_task": 1, "collection.streams_per_learner": 1},
    ),
    "ad-shuffled": Method(
        "AD on histories whose episodes are in an order that is drawn: no progress is left.",
        "Is it the order, that behaviour gets better, which is learned?",
        ANY_FAMILY,
        {"training.episode_order": "shuffled"},
    ),
    "ad-no-reward": Method(
        "AD by a model that is told no rewards, neither in training nor when it acts.",
        "Is the reward what is read, or does behaviour give the task away?",
        ANY_FAMILY,
        {"model.reads_rewards": False},
    ),
    "ad-foreign-reward": Method(
        "AD on histories with the rewards of another task's; acting, the rewards are true.",
        "Is it read where rewards were paid, or only that there are some?",
        "two training tasks",
        {"training.rewards": "foreign"},
    ),
    "return-conditioned": Method(
        "AD that is told the return of each episode, and asked for the best when it acts.",
        "Does it help to be told how good behaviour was, and can a good one be asked for?",
        ANY_FAMILY,
        {"model.reads_return": True},
    ),
    "dpt": Method(
        "DPT: predicts the optimal action from what random actions brought, in no order.",
        "Is it enough to be told what is right, and must a context show learning at all?",
        f"{PLANNER}; observations that are counted",
        {
            "collection.algorithm": "annealed-expert",
            **OF_ONE_ACTOR,
            "collection.options.noise_start": 1.0,
            "collection.options.noise_end": 1.0,
            "collection.labels": True,
            "training.objective": "optimal-action",
            "model.context": "set",
            "model.layout": "one-token",
            "model.position_encoding": "none",
            "model.num_learned_positions": "none",
            "model.attention_window": "none",
        },
    ),
    "ad-of-ideal": Method(
        "AD of the best known learner, disturbed, and asked at each step what it would do.",
        "How much of the best learner does a model take over?",
        "an ideal learner that can act",
        {
            "collection.algorithm": "ideal-learner",
            **OF_ONE_ACTOR,
            "collection.options.noise": 0.1,
            "collection.options.others": 0.2,
            "collection.options.others_episodes": 3,
            "collection.episodes": 10,
            "collection.keep_every": 1,
            "collection.labels": True,
            "training.objective": "optimal-action",
            "training.context_length": 200,  # the ten episodes, where an ideal learner is known
        },
    ),
    "ad-of-posterior-sampling": Method(
        "AD of posterior sampling, which acts as if a task that may be were the task.",
        "Is a source that explores on purpose a better teacher than one that learns slowly?",
        "a planner, at most 16,384 tasks, and observations that tell the state",
        {
            "collection.algorithm": "posterior-sampling",
            **OF_ONE_ACTOR,
            "collection.episodes": 40,
            "collection.keep_every": 1,
        },
    ),
    RL2: Method(
        "RL2: a policy with a memory, trained by reinforcement learning over whole trials.",
        "Does it take histories of learning, or can learning to learn be learned by acting?",
        "a family; its settings are [rl2]",
        {"rl2.evaluate_every": 20, "evaluation.temperature": 1.0},
    ),
}


def find_method(name: Any) -> Method:
    """The method `name`; raises `UnknownName`."""
    if not isinstance(name, str) or name not in METHODS:
        raise UnknownName("method", str(name), sorted(METHODS))
    return METHODS[name]


def refuse_thick_histories(method: str, keep_every: int) -> None:
    """Raise `InvalidArgument` where every episode would be kept by the method that keeps some."""
    if method == EVERY_K and keep_every == 1:
        raise InvalidArgument(
            f'method "{EVERY_K}" needs collection.keep_every of at least 2, got 1; set it, as in '
            "--set collection.keep_every=4, or take --method ad"
        )
