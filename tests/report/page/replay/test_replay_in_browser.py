"""The replay in a browser shows what was recorded, however it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from report.conftest import PHONE, OpenPage, WritePage, opener, sideways_scroll
from report.page.replay.replay_panel import Replay
from report.synthetic_run import EPISODES, HELD_OUT, SIZE, STEPS, edit_evaluation

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "</script><img src=x onerror=alert(1)><b onclick=alert(1)>&amp;\"'"


@pytest.fixture(scope="module")
def shared(browser: Browser, reported_run: Path) -> Iterator[Replay]:
    with opener(browser) as open_file:
        yield Replay(open_file(reported_run / "report.html"), reported_run)


@pytest.fixture
def replay(shared: Replay) -> Replay:
    """The median goal at its first step; the page is shared, it takes a second to open."""
    shared.page.mouse.move(0, 0)
    shared.choose("median")
    shared.part("layer").select_option(value="1")
    shared.part("head").select_option(value="-1")
    shared.press("Home")
    return shared


def test_playing_walks_where_the_recording_went(replay: Replay) -> None:
    replay.part("speed").select_option(value="30")  # half a minute to its end
    replay.part("play").click()
    replay.page.wait_for_selector("#replay-panel:not([data-episode='1'])")
    assert replay.part("play").text_content() == "Pause"
    replay.part("play").click()
    assert replay.part("play").text_content() == "Play"
    assert replay.agent == replay.recorded
    stopped = replay.at
    replay.page.wait_for_timeout(100)
    assert replay.at == stopped


def test_playing_ends_at_the_last_step_and_begins_anew(replay: Replay) -> None:
    replay.part("speed").select_option(value="100")
    replay.press("End", "ArrowLeft", "ArrowLeft", " ")
    replay.page.wait_for_selector("#replay-panel[data-playing=false]")
    assert replay.at == (EPISODES, STEPS)
    assert "time is up" in replay.part("earned").text_content()
    replay.press(" ")
    replay.page.wait_for_selector("#replay-panel[data-playing=true]")
    assert replay.at[0] < EPISODES
    replay.press(" ")


def test_keys_step_through_episodes_and_runs(replay: Replay) -> None:
    reward = replay.played["reward"][replay.run]
    first = int(np.flatnonzero(reward.ravel())[0])
    for keys, expected in (
        (["ArrowRight"] * 3, (1, 3)),
        (["ArrowLeft"], (1, 2)),
        (["Shift+ArrowRight"] * 2, (3, 0)),
        (["ArrowLeft"], (2, STEPS)),
        (["ArrowRight"], (3, 0)),
        (["Shift+ArrowLeft"], (2, 0)),
        (["End"], (EPISODES, STEPS)),
        (["ArrowRight"], (EPISODES, STEPS)),
        (["r"], (first // STEPS + 1, first % STEPS + 1)),
        (["Home"], (1, 0)),
        (["ArrowLeft", "Shift+ArrowLeft"], (1, 0)),
    ):
        replay.press(*keys)
        assert replay.at == expected
        assert replay.agent == replay.recorded
    before = replay.run
    replay.press("n")
    assert replay.run != before
    replay.press("p")
    assert replay.run == before


def test_controls_keep_their_own_keys(replay: Replay) -> None:
    replay.part("step").press("ArrowRight")
    assert replay.at == (1, 1)
    replay.part("episode").press("ArrowRight")
    assert replay.at == (2, 0)
    replay.part("step-on").press(" ")
    assert replay.at == (2, 1)
    assert replay.panel.get_attribute("data-playing") == "false"
    replay.part("head").press("End")
    assert replay.at == (2, 1)


def test_choosing_a_task_changes_goal_and_returns(replay: Replay) -> None:
    options = replay.part("task").locator("option").all_text_contents()
    assert [text.split(":")[0] for text in options] == [
        f"row {task // SIZE}, column {task % SIZE}" for task in HELD_OUT
    ]
    returns = replay.played["reward"].sum(axis=-1)
    for task in (0, 7, len(HELD_OUT) - 1):
        replay.part("task").select_option(value=str(task))
        replay.part("seed").select_option(index=2)
        assert replay.run == (task, 2)
        goal = replay.page.locator("#replay-view .goal")
        place = tuple(int(goal.get_attribute(f"data-{name}")) for name in ("row", "column"))
        assert place == divmod(HELD_OUT[task], SIZE)
        replay.part("episode").fill(str(EPISODES))
        earned = replay.part("earned").text_content()
        assert earned.startswith(f"Return 0 of {returns[task, 2, -1]};")


def test_pointing_at_the_context_says_the_stored_attention(replay: Replay) -> None:
    replay.press(*["Shift+ArrowRight"] * 4, *["ArrowRight"] * 6)
    run = list(zip(*(replay.attention[name] for name in ("task", "seed")), strict=True))
    index, query = run.index(replay.run), 4 * STEPS + 6
    for layer, head in ((0, 0), (0, 1), (1, 1), (1, -1)):
        replay.part("layer").select_option(value=str(layer))
        replay.part("head").select_option(value=str(head))
        stored = replay.attention["percent"][index, query, layer]
        stored = stored.mean(axis=0) if head < 0 else stored[head]
        ages = replay.attention["age"][index, query, layer]
        for age, percent in zip(ages.tolist(), stored.tolist(), strict=True):
            episode, step = divmod(query - age, STEPS)
            text = replay.point_at(episode + 1, step)
            row, column = replay.played["observation"][(*replay.run, episode, step)]
            assert text.startswith(
                f"Episode {episode + 1}, step {step}: row {row}, column {column}"
            )
            assert text.endswith(f"Attention: {round(percent)}%")
        assert replay.point_at(1, 0).endswith("Attention: 0%")
        rest = 100 - stored.sum()
        said = replay.part("summary").text_content()
        assert (f"{round(rest)}% is spread over transitions not listed" in said) == (rest > 0.5)


def test_cells_of_the_map_wear_the_attention_of_their_moments(replay: Replay) -> None:
    replay.press("r", "Shift+ArrowRight", *["ArrowRight"] * 6)
    episode, step = replay.at
    task, seed = replay.run
    index = replay.attention["task"].tolist().index(task)
    query = (episode - 1) * STEPS + step
    shares = np.zeros((SIZE, SIZE))
    percent = replay.attention["percent"][index, query, 1].mean(axis=0)
    for age, value in zip(replay.attention["age"][index, query, 1], percent, strict=True):
        moment = divmod(query - int(age), STEPS)
        shares[tuple(replay.played["observation"][(task, seed, *moment)])] += value
    radii = replay.page.eval_on_selector_all(
        "#replay-view .attended", "(all) => all.map((each) => Number(each.getAttribute('r')))"
    )
    np.testing.assert_allclose(radii, 0.46 * np.sqrt(shares.ravel() / 100), atol=1e-9)
    row, column = np.unravel_index(shares.argmax(), shares.shape)
    said = f"Most of it, {round(shares.max())}%, on row {row}, column {column}."
    assert said in replay.part("summary").text_content()


def test_most_attended_moments_can_be_focused_and_gone_to(replay: Replay) -> None:
    replay.press("Shift+ArrowRight", "ArrowRight", "ArrowRight")
    first = replay.part("top").locator("button").first
    # Head 1 looks at the present moment, and no other is attended to more.
    assert first.text_content().startswith("26% episode 2, step 2: row")
    first.focus()
    assert replay.page.locator("#replay-view .pointed").get_attribute("visibility") == "visible"
    assert replay.part("readout").text_content().endswith("Attention: 26%")
    first.evaluate("(button) => button.blur()")
    assert replay.page.locator("#replay-view .pointed").get_attribute("visibility") == "hidden"
    replay.part("top").locator("button").nth(1).click()
    assert replay.at in {(2, step) for step in range(2)} | {(1, step) for step in range(STEPS)}


def test_run_without_attention_says_which_have_one(replay: Replay) -> None:
    recorded = set(zip(*(replay.attention[n].tolist() for n in ("task", "seed")), strict=True))
    other = next(run for run in np.ndindex(len(HELD_OUT), 4) if run not in recorded)
    replay.part("task").select_option(value=str(other[0]))
    replay.part("seed").select_option(index=other[1])
    assert "runs with a button above" in replay.part("summary").text_content()
    assert not replay.part("top").locator("button").first.is_visible()


def test_pressing_a_field_goes_there(replay: Replay) -> None:
    replay.part("context").click(position=replay.field(9, 4))
    assert replay.at == (9, 4)


def test_replay_fits_a_phone_and_its_fingers(reported_run: Path, open_page: OpenPage) -> None:
    replay = Replay(open_page(reported_run / "report.html", PHONE), reported_run)
    assert sideways_scroll(replay.page) == 0
    targets = replay.panel.locator("button:visible, select:visible, input:visible")
    assert targets.count() > 15
    for target in targets.all():
        box = target.bounding_box()
        assert box["height"] >= 44
        assert box["width"] >= 44
        assert box["x"] + box["width"] <= PHONE
    replay.part("reward").tap()
    assert replay.at != (1, 0)
    assert replay.agent == replay.recorded
    replay.part("context").tap(position=replay.field(21, 6))
    assert replay.part("readout").text_content().startswith("Episode 21, step 6")
    assert replay.at == (21, 6)


def test_replay_plays_by_itself_only_where_motion_is_welcome(
    reported_run: Path, open_page: OpenPage
) -> None:
    still = Replay(open_page(reported_run / "report.html"), reported_run)
    still.part("view").scroll_into_view_if_needed()
    still.page.wait_for_timeout(300)
    assert still.panel.get_attribute("data-playing") == "false"
    moving = open_page(reported_run / "report.html", reduced_motion="no-preference")
    moving.locator("#replay-transport, #replay-play").scroll_into_view_if_needed()
    moving.wait_for_selector("#replay-panel[data-playing=true]")


def test_hostile_names_are_shown_and_nothing_else(
    run_copy: Path, open_page: OpenPage, write_page_alone: WritePage
) -> None:
    edit_evaluation(run_copy, "per_task", [
        outcome | {"label": HOSTILE}
        for outcome in json.loads((run_copy / "evaluation.json").read_text())["per_task"]
    ])  # fmt: skip
    page = open_page(write_page_alone(run_copy))
    replay = Replay(page, run_copy)
    replay.press("r", "ArrowRight")
    assert HOSTILE in replay.part("task").locator("option").first.text_content()
    assert HOSTILE in page.locator("#replay-view svg").get_attribute("aria-label")
    assert page.locator("img, [onclick]").count() == 0
