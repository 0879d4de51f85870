"""The page carries what was seen, smaller or of fewer runs where that is too much."""

import base64
import gzip
from types import SimpleNamespace

import numpy as np
import pytest

from adfast import tasks
from adfast.report.page.replay import views
from adfast.report.page.replay.views import views_of
from adfast.report.page.sights_section import sights_section
from adfast.simulators import BatchSimulator
from adfast.tasks.catalogue import make

SEEDS, EPISODES, STEPS = 2, 3, 6
RUNS = [(task, seed) for task in range(4) for seed in range(SEEDS)]


def run_of(family, draws):
    """Four tasks that were walked through at random, as a page sees them."""
    simulator = BatchSimulator(family, np.arange(4 * SEEDS * EPISODES) % 4)
    seen = [simulator.reset()]
    for actions in draws.integers(family.num_actions, size=(STEPS, 4 * SEEDS * EPISODES)):
        seen.append(simulator.step(actions).final_observation)
    observation = np.stack(seen, axis=1).reshape(4, SEEDS, EPISODES, STEPS + 1, -1)
    returns = draws.random((4, SEEDS, EPISODES))
    evaluation = SimpleNamespace(
        per_task=[SimpleNamespace(rank=rank) for rank in (0.1, 0.9, 0.4, 0.5)],
        evaluated=SimpleNamespace(array=returns),
    )
    trajectories = SimpleNamespace(observation=observation)
    return SimpleNamespace(tasks=family, trajectories=trajectories, evaluation=evaluation)


@pytest.fixture(scope="module")
def walked():
    family = make("water-maze", picture=(96, 128), episode_length=STEPS)
    return run_of(family, np.random.default_rng(0))


def frames_in(found):
    """The runs, and their frames, of what the page carries."""
    description, blob = found
    content = gzip.decompress(base64.b64decode(blob))
    place = description["arrays"]["frames"]
    return description["runs"], np.frombuffer(content, np.uint8).reshape(place["shape"])


def test_frames_of_exemplary_runs_are_every_other_pixel_of_what_was_seen(walked):
    runs, frames = frames_in(views_of(walked, RUNS))
    assert (len(runs), frames.shape) == (3, (3, EPISODES, STEPS + 1, 48, 64, 3))
    task, seed = RUNS[runs[1]]
    poses = walked.trajectories.observation[task, seed, 2]
    scene = walked.tasks.transition_schema.observation.scene
    np.testing.assert_array_equal(frames[1, 2], scene.render(poses)[:, ::2, ::2])


def test_what_does_not_fit_becomes_less(walked, monkeypatch):
    whole = len(views_of(walked, RUNS)[1])
    monkeypatch.setattr(views, "MAX_VIEW_CHARACTERS", whole // 2)
    runs, frames = frames_in(views_of(walked, RUNS))
    assert len(runs) < 3
    monkeypatch.setattr(views, "MAX_VIEW_CHARACTERS", whole // 6)
    runs, frames = frames_in(views_of(walked, RUNS))
    assert (len(runs), frames.shape[3] < 48) == (1, True)
    monkeypatch.setattr(views, "MAX_VIEW_CHARACTERS", 10)
    assert views_of(walked, RUNS) is None


def test_where_nothing_is_drawn_there_are_no_views():
    family = tasks.make("dark-room", episode_length=STEPS)
    assert views_of(run_of(family, np.random.default_rng(0)), RUNS) is None
    assert sights_section(family) == []


def test_contact_sheet_names_what_it_shows(walked):
    (section,) = sights_section(walked.tasks)
    assert section.html.count('<img src="data:image/png;base64,') == 10
    assert "from above, north on top" in section.html
    assert "The model sees 96 x 128 pixels" in section.html
