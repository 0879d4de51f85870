"""Where values enter simulators, Gymnasium's faces, agents and evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from adfast import tasks
from adfast.evaluation.agents.agent import Agent
from adfast.evaluation.agents.random_agent import RandomAgent
from adfast.evaluation.environments.play import play
from adfast.evaluation.in_context import evaluate
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from adfast.simulators.gymnasium_env import FamilyEnv, FamilyVectorEnv
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from attacks.face import Face, digest
from attacks.faces_of_histories import REAL

ROOM = tasks.make("dark-room", size=3, episode_length=8)
N = 3


def integers(values: Any) -> list[int]:
    """What was given as plain integers, whatever held it."""
    return [int(value) for value in np.asarray(values).tolist()]


def new_simulator() -> BatchSimulator:
    simulator = BatchSimulator(ROOM, [1, 2, 3], 7)
    simulator.reset()
    return simulator


def simulator_state(simulator: BatchSimulator) -> Any:
    return [*simulator._environments, simulator._waiting]


def stepped(simulator: BatchSimulator, a: dict[str, Any], result: Any) -> bool:
    """Whether the simulator is where one is that was told the same plainly."""
    twin = new_simulator()
    mask = None if a["mask"] is None else np.array(integers(a["mask"]), bool)
    expected = twin.step(np.array(integers(a["actions"])), mask)
    same = all(np.array_equal(x, y) for x, y in zip(result, expected, strict=True))
    return same and digest(simulator_state(twin)) == digest(simulator_state(simulator))


SIMULATOR_STEP = Face(
    "BatchSimulator.step",
    subject=new_simulator,
    arguments=lambda _, rng: {"actions": rng.integers(0, 5, N), "mask": np.ones(N, bool)},
    call=lambda simulator, a: simulator.step(a["actions"], a["mask"]),
    check=stepped,
    state=simulator_state,
)


def reseeded(simulator: BatchSimulator, a: dict[str, Any], _: Any) -> bool:
    twin = new_simulator()
    mask = np.array(integers(a["mask"]), bool)
    twin.reseed(np.array(integers(a["random_streams"]), np.uint64), mask)
    twin.reset(mask)
    simulator.reset(mask)
    return digest(simulator_state(twin)) == digest(simulator_state(simulator))


SIMULATOR_RESEED = Face(
    "BatchSimulator.reseed",
    subject=new_simulator,
    arguments=lambda _, rng: {"random_streams": rng.integers(0, 99, N), "mask": np.ones(N, bool)},
    call=lambda simulator, a: simulator.reseed(a["random_streams"], a["mask"]),
    check=reseeded,
    state=simulator_state,
)
SIMULATOR = Face(
    "BatchSimulator",
    arguments=lambda _, rng: {
        "family": ROOM,
        "task_ids": rng.integers(0, 9, N),
        "seed": int(rng.integers(99)),
        "random_streams": rng.integers(0, 99, N),
        "auto_reset": True,
        "copy": True,
    },
    call=lambda _, a: BatchSimulator(
        a["family"],
        a["task_ids"],
        a["seed"],
        random_streams=a["random_streams"],
        auto_reset=a["auto_reset"],
        copy=a["copy"],
    ),
    check=lambda _, a, simulator: (
        simulator.task_ids.tolist() == integers(a["task_ids"]) and simulator.seed == a["seed"]
    ),
)


def vector_state(vector: FamilyVectorEnv) -> Any:
    generator = vector._np_random.bit_generator.state if vector._np_random else None
    return [simulator_state(vector._simulator), vector._ended, str(generator)]


def new_vector() -> FamilyVectorEnv:
    vector = FamilyVectorEnv(N, size=3, episode_length=8)
    vector.reset(seed=1)
    return vector


def vector_reset(vector: FamilyVectorEnv, a: dict[str, Any], result: Any) -> bool:
    twin, seed = new_vector(), a["seed"]
    if np.ndim(seed):
        seed = [None if entry is None else int(entry) for entry in seed]
    elif seed is not None:
        seed = int(seed)
    mask = np.array(integers(a["mask"]), bool)
    expected = twin.reset(seed=seed, options={"reset_mask": mask})
    return seed is None or np.array_equal(result[0], expected[0])


VECTOR_RESET = Face(
    "FamilyVectorEnv.reset",
    subject=new_vector,
    arguments=lambda _, rng: {"seed": rng.integers(0, 99, N), "mask": np.ones(N, bool)},
    call=lambda vector, a: vector.reset(seed=a["seed"], options={"reset_mask": a["mask"]}),
    check=vector_reset,
    state=vector_state,
    weight=2,
)
VECTOR = Face(
    "FamilyVectorEnv",
    arguments=lambda _, rng: {
        "num_envs": N,
        "family": "dark-room",
        "task_ids": rng.integers(0, 9, N),
        "copy": True,
        "autoreset_mode": "SameStep",
        "size": 3,
        "episode_length": 8,
    },
    call=lambda _, a: FamilyVectorEnv(**a),
    check=lambda _, a, vector: vector.num_envs == N,
    weight=1,
)
SINGLE_STEP = Face(
    "FamilyEnv: reset and step",
    subject=lambda: FamilyEnv(size=3, episode_length=8),
    arguments=lambda _, rng: {"seed": int(rng.integers(99)), "action": int(rng.integers(5))},
    call=lambda single, a: (single.reset(seed=a["seed"]), single.step(a["action"])),
    check=lambda single, a, result: isinstance(result[1][1], float),
    weight=2,
)

ACTING = Transformer(
    ModelConfig(width=8, num_heads=1, feed_forward_width=8, num_layers=1, attention_window=5),
    TransitionSchema(DiscreteObservation((3, 3)), 5, 8),
    0,
)
ASKED = Transformer(ACTING.config.model_copy(update={"reads_return": True}), ACTING.schema, 0)
READING = Transformer(ACTING.config, REAL, 0)
with torch.no_grad():
    for model in (ACTING, READING):
        model.head.normal_(generator=torch.Generator().manual_seed(0))


def observed(model: Transformer, rng: np.random.Generator) -> np.ndarray:
    if model is READING:
        return rng.normal(size=(2, 2)).astype(np.float32)
    return rng.integers(0, 3, (2, 2))


def new_agent(model: Transformer, autoreset: Any) -> Agent:
    agent, rng = Agent(model, 2, autoreset=autoreset), np.random.default_rng(0)
    agent.act(observed(model, rng))
    agent.act(observed(model, rng), [1, 0], [True, False], [False] * 2, observed(model, rng))
    return agent


def agent_state(agent: Agent) -> Any:
    step: Any = agent._acting
    cache = [tensor.numpy().copy() for tensor in (step._cache.step, step._cache.start)]
    known = None if agent._known is None else agent._known.is_known
    state = [step._episode_step, step._draws.count, step._action, agent._is_new, known]
    return [part.copy() if isinstance(part, np.ndarray) else part for part in [*cache, *state]]


def as_twin(values: Any, done: np.ndarray | None = None) -> Any:
    """What was given in the plainest form; of final observations the rows that are read."""
    if done is None:
        return np.array(np.asarray(values).tolist())
    rows = [[0, 0]] * len(done)
    for row in np.flatnonzero(done):
        rows[row] = np.asarray(values[row]).tolist()
    return np.array(rows)


def acted(model: Transformer, autoreset: Any) -> Any:
    def check(agent: Agent, a: dict[str, Any], actions: Any) -> bool:
        twin = new_agent(model, autoreset)
        read = slice(1, None) if autoreset == "next-step" else slice(None)
        told = {}
        for name in ("reward", "terminated", "truncated"):
            told[name] = np.zeros(2) if name == "reward" else np.zeros(2, bool)
            told[name][read] = np.asarray(a[name])[read].tolist()
        done = told["terminated"] | told["truncated"]
        final = as_twin(a["final_observation"], done) if autoreset == "same-step" else None
        expected = twin.act(as_twin(a["observation"]), *told.values(), final)
        same = np.array_equal(actions, expected)
        return same and digest(agent_state(agent)) == digest(agent_state(twin))

    return check


def act_face(model: Transformer, autoreset: Any, name: str) -> Face:
    return Face(
        f"Agent.act, {name}, {autoreset}",
        subject=lambda: new_agent(model, autoreset),
        arguments=lambda _, rng: {
            "observation": observed(model, rng),
            "reward": rng.integers(0, 2, 2),
            "terminated": rng.random(2) < 0.3,
            "truncated": rng.random(2) < 0.3,
            "final_observation": observed(model, rng),
        },
        call=lambda agent, a: agent.act(*a.values()),
        check=acted(model, autoreset),
        state=agent_state,
        weight=3,
    )


def a_history(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Four transitions in each of two environments, as they are stored."""
    history = {}
    for name, field in ACTING.schema.fields.items():
        low_high = (0, min(field.sizes or (2,)))
        history[name] = rng.integers(*low_high, (2, 4, *field.shape)).astype(field.dtype)
    history["observation"][:, 0] = observed(ACTING, np.random.default_rng(1))
    return history


def new_reader(autoreset: Any) -> Agent:
    agent = Agent(ACTING, 2, autoreset=autoreset)
    agent.act(observed(ACTING, np.random.default_rng(1)))
    return agent


def read(agent: Agent, a: dict[str, Any], _: Any) -> bool:
    twin = new_reader("same-step")
    fields = {name: np.array(a[name]) for name in ACTING.schema.fields}
    twin.read(fields, None if a["length"] is None else np.array(integers(a["length"])))
    return digest(agent_state(agent)) == digest(agent_state(twin))


AGENT_READ = Face(
    "Agent.read",
    subject=lambda: new_reader("same-step"),
    arguments=lambda _, rng: {**a_history(rng), "length": rng.integers(0, 5, 2)},
    call=lambda agent, a: agent.read({n: v for n, v in a.items() if n != "length"}, a["length"]),
    check=read,
    state=agent_state,
    weight=3,
)
TRANSITION_AGENT = Face(
    "TransitionAgent",
    arguments=lambda _, rng: {
        "schema": ACTING.schema,
        "num_environments": 2,
        "temperature": 0.5,
        "seed": 3,
        "random_streams": np.arange(2),
        "autoreset": "same-step",
    },
    call=lambda _, a: RandomAgent(**a),
    check=lambda _, a, agent: agent.num_environments == 2 and agent.act([[0, 0]] * 2).shape == (2,),
)
AGENT = Face(
    "Agent",
    arguments=lambda _, rng: {
        "model": ASKED,
        "target_return": 3.5,
        "num_environments": 2,
        "temperature": 0.5,
        "seed": 3,
        "random_streams": np.arange(2),
        "autoreset": "same-step",
        "device": "cpu",
        "precision": "float32",
    },
    call=lambda _, a: Agent(a["model"], **{n: v for n, v in a.items() if n != "model"}),
    check=lambda _, a, agent: (
        agent.num_environments == 2
        and agent.temperature == float(a["temperature"])
        and agent.target_return
        == (0.0 if a["target_return"] is None else float(a["target_return"]))
    ),
)
AGENT_RESET = Face(
    "Agent.reset",
    subject=lambda: new_agent(ACTING, "next-step"),
    arguments=lambda _, rng: {"mask": rng.random(2) < 0.5},
    call=lambda agent, a: agent.reset(a["mask"]),
    check=lambda agent, a, _: (
        agent._is_new.tolist()
        == ([True, True] if a["mask"] is None else np.asarray(a["mask"]).tolist())
    ),
    state=agent_state,
    weight=2,
)
EVALUATE = Face(
    "evaluate",
    arguments=lambda _, rng: {
        "agent": ACTING,
        "family": ROOM,
        "task_ids": rng.integers(0, 9, 2),
        "episodes": 1,
        "seeds": 1,
        "temperature": 1.0,
        "seed": 2,
    },
    call=lambda _, a: evaluate(
        a["agent"],
        a["family"],
        a["task_ids"],
        episodes=a["episodes"],
        seeds=a["seeds"],
        temperature=a["temperature"],
        seed=a["seed"],
        progress=False,
    ),
    check=lambda _, a, found: (
        found.task_ids.tolist() == integers(a["task_ids"])
        and found.returns.shape == (len(a["task_ids"]), a["seeds"], a["episodes"])
    ),
    attacked=("agent", "family", "task_ids", "temperature", "seed"),
    weight=1,
)
PLAY = Face(
    "play",
    subject=lambda: new_agent(ACTING, "next-step"),
    arguments=lambda _, rng: {"agent": None, "environment": new_pair(), "episodes": 1, "seed": 3},
    call=lambda agent, a: play(
        agent if a["agent"] is None else a["agent"], a["environment"], a["episodes"], seed=a["seed"]
    ),
    check=lambda _, a, played: played.returns.shape == (2, 1),
    state=agent_state,
    attacked=("environment", "seed"),
    weight=1,
)


def new_pair() -> FamilyVectorEnv:
    return FamilyVectorEnv(2, size=3, episode_length=8)


FACES = [
    *(SIMULATOR_STEP, SIMULATOR_RESEED, SIMULATOR, VECTOR_RESET, VECTOR, SINGLE_STEP),
    *(act_face(ACTING, mode, "counted") for mode in ("same-step", "next-step")),
    *(act_face(READING, mode, "real") for mode in ("same-step", "next-step")),
    *(AGENT, AGENT_RESET, AGENT_READ, TRANSITION_AGENT, EVALUATE, PLAY),
]
