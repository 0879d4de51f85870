"""The card of a run's model: what it was made of, how, and what it earned, in Hugging Face's form.

Every figure is read from the run's own files, whose writers are the stages; what is not there yet
is said to be missing.

Source of the form: Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from adfast.errors import RunError, shown
from adfast.printable import printable
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.stage_records import FILE_NAME, WAY_OUT, StageRecord, read_provenance
from adfast.runs.recipe.methods import METHODS

if TYPE_CHECKING:
    from adfast.runs.run import Run

UNKNOWN_LICENCE = "unknown"
TAGS = ("reinforcement-learning", "in-context-reinforcement-learning", "algorithm-distillation")


def model_card(run: Run, licence: str | None = None, usage: str = "") -> str:
    """The card of what `run` has trained, as Markdown below a header of YAML.

    `licence` is an identifier of Hugging Face's, None where nobody has said which it is; `usage` is
    a part that says how to load the model. Raises `RunError` before the run is trained, and where
    its files are damaged.
    """
    run.directory.require("train")
    provenance = read_provenance(run.path)
    stages = {} if provenance is None else provenance.stages
    made_by = {} if provenance is None else provenance.model_extra or {}
    files = run.directory.evaluation()
    results = files.read() if run.directory.is_finished(files.stage) else None
    if results is not None and results.agent is not None:
        results = None  # somebody else acted there
    parts = [
        header(run, results, licence),
        f"# {text(run.path.resolve().name)}",
        introduction(run, stages),
        usage,
        f"## Data\n\n{table(data_rows(run, stages))}",
        f"## Split\n\n{split_sentence(run)}",
        f"## Method\n\n{table(method_rows(run, stages))}",
        f"## What it earned\n\n{earned(run, results)}",
        f"## Intended use\n\n{intended_use(run)}",
        f"## Licence\n\n{licence_sentence(licence, is_exported=not run.recipe.is_rl2)}",
        f"## Made by\n\n{table(origin_rows(made_by))}\n\n{FROM_SETTINGS}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


FROM_SETTINGS = (
    "All settings are in the run's `run.toml`; `adfast run run.toml` makes such a model again."
)


def header(run: Run, results: EvaluationResults | None, licence: str | None) -> str:
    """The YAML that Hugging Face reads; strings are spelt as in JSON, which YAML contains."""
    name = run.path.resolve().name
    lines = [
        "---",
        "library_name: adfast",
        f"license: {licence or UNKNOWN_LICENCE}",
        "pipeline_tag: reinforcement-learning",
        f"tags: {spelt(list(TAGS))}",
    ]
    if results is not None:
        metrics = [
            {"type": "mean_return", "name": label, "value": value}
            for label, value in figures(results).items()
        ]
        place = {"name": results.tasks_name, "type": results.tasks_name}
        task = {"type": "reinforcement-learning", "name": "in-context reinforcement learning"}
        result = {"task": task, "dataset": place, "metrics": metrics}
        lines.append(f"model-index: {spelt([{'name': name, 'results': [result]}])}")
    return "\n".join([*lines, "---"])


def introduction(run: Run, stages: Mapping[str, StageRecord]) -> str:
    """What it is, in two sentences."""
    kind = "policy with a memory" if run.recipe.is_rl2 else "transformer"
    learned = (
        "by acting in the training tasks (RL2)"
        if run.recipe.is_rl2
        else "from the histories of other agents"
    )
    parameters = noted(run, stages, "train", "parameters")
    return (
        f"A {kind} of {parameters:,} parameters, made to learn new tasks in context: its weights "
        "stay as they are, and what it has done and seen is all that it goes by. How much it gets "
        "better from episode to episode, the figures below say. It was trained "
        f"{learned}, by adfast."
    )


def data_rows(run: Run, stages: Mapping[str, StageRecord]) -> Iterator[tuple[str, str]]:
    """What it was trained on."""
    recipe = run.recipe
    if recipe.environment is not None:
        yield "environment", code(recipe.environment.id)
        yield "histories", f"{run.histories.num_histories:,}, recorded"
        yield "transitions", f"{run.histories.num_transitions:,}"
        return
    yield "tasks", f"{code(recipe.family.name)} {settings(recipe.family.options)}".rstrip()
    if recipe.is_rl2:
        steps = noted(run, stages, "train", "environment_steps")
        yield "environment steps that it played itself", f"{steps:,}"
        return
    collection = recipe.collection
    yield (
        "source algorithm",
        f"{code(collection.algorithm)} {settings(collection.options)}".rstrip(),
    )
    if "collect" not in stages:  # a live run stores none
        yield "histories", f"{run.plan.num_histories:,}, made while training"
    else:
        yield "histories", f"{noted(run, stages, 'collect', 'histories'):,}"
        yield "transitions", f"{noted(run, stages, 'collect', 'transitions'):,}"
    one_in = collection.keep_every
    kept = f", of which one in {one_in:,} is kept" if one_in > 1 else ""
    yield "episodes of each", f"{collection.episodes:,}{kept}"


def split_sentence(run: Run) -> str:
    """How many tasks it saw, and which it did not."""
    split = run.split
    unseen = (
        "The latter two were not played"
        if run.recipe.is_rl2
        else "No history of the latter two was read"
    )
    return (
        f"Tasks: {len(split.train):,} for training, {len(split.validation):,} for choices, "
        f"{len(split.held_out):,} held out. {unseen} in training. Seed "
        f"{run.recipe.seed}."
    )


def method_rows(run: Run, stages: Mapping[str, StageRecord]) -> Iterator[tuple[str, str]]:
    """How it was trained."""
    recipe = run.recipe
    yield "method", f"{code(recipe.method)}: {METHODS[recipe.method].about}"
    if recipe.is_rl2:
        yield "body", code(recipe.rl2.body)
    else:
        training, model = recipe.training, recipe.model
        yield "objective", code(training.objective)
        yield "model", f"layers: {model.num_layers}, width: {model.width}, heads: {model.num_heads}"
        field = recipe.receptive_field
        yield "sees back", "all of a history" if field is None else f"{field:,} transitions"
        batch = f"{training.batch_size} windows of {training.context_length:,} transitions"
        yield "updates", f"{training.updates:,}, {batch} each, {code(training.optimizer)}"
        yield "tokens", f"{noted(run, stages, 'train', 'tokens'):,}"
    yield "seconds", f"{stages['train'].seconds:,.0f}"


def figures(results: EvaluationResults) -> dict[str, float]:
    """The mean returns that a card states, by what they are of."""
    summary, kind = results.summary, results.tasks_kind
    last5 = "last five episodes" if results.episodes >= 5 else f"all {results.episodes} episodes"
    found = {f"first episode, {kind} tasks": summary.mean_by_episode[0]}
    found[f"{last5}, {kind} tasks"] = summary.last5_mean
    return {label: round(value, 4) for label, value in found.items()}


def earned(run: Run, results: EvaluationResults | None) -> str:
    """The figures of the run's own evaluation."""
    if results is None:
        return "Not evaluated yet."
    summary, references = results.summary, results.references
    rows = [(label, f"{value:.2f}") for label, value in figures(results).items()]
    low, high = summary.last5_ci95
    rows[1] = (rows[1][0], f"{rows[1][1]} (95%: {low:.2f} to {high:.2f})")
    if summary.last5_share_of_optimal is not None:
        rows.append(("share of the optimum in these", f"{summary.last5_share_of_optimal:.0%}"))
    known = {"a random policy": references.random, "who knows the task": references.optimal}
    rows += [(who, f"{last(value):.2f}") for who, value in known.items() if value is not None]
    other = results.family if run.recipe.evaluation.family is not None else None
    options = "" if other is None else f" {settings(other.options)}".rstrip()
    tasks = f"{len(results.evaluated.task_ids)} {results.tasks_kind} tasks"
    place = f"{code(results.tasks_name)}{options}, {tasks}"
    return (
        f"Mean return of an episode in {place}, {results.num_seeds} seeds each, {results.episodes} "
        f"episodes in a row, temperature {results.temperature:g}:\n\n{table(iter(rows))}"
    )


def last(value: float | tuple[float, ...]) -> float:
    """A reference at the last episode."""
    return value[-1] if isinstance(value, tuple) else value


def intended_use(run: Run) -> str:
    """What it is for, and what nobody has looked at."""
    schema = run.tasks.transition_schema
    return (
        "Research on in-context reinforcement learning. It acts where an observation is "
        f"{text(str(schema.observation))} and there are {schema.num_actions} actions. What it does "
        "in tasks of another kind than those above was not measured here; nor is it made to decide "
        "anything about people."
    )


def licence_sentence(licence: str | None, *, is_exported: bool) -> str:
    """Under which licence it is shared, if that was said."""
    if licence is not None:
        return f"{code(licence)}."
    by = ": `adfast export RUN --to DIR --licence apache-2.0`" if is_exported else ""
    return (
        f"Not chosen. Whoever trained the model says so{by}. adfast itself is under Apache-2.0, "
        "and asks nothing of what it trains."
    )


def origin_rows(made_by: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The code, the versions and the machine of the stage that was finished last."""
    versions = made_by.get("versions")
    if isinstance(versions, Mapping):
        yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items())
    for name in ("commit", "date", "platform", "processor"):
        if made_by.get(name):
            yield name, str(made_by[name])


def noted(run: Run, stages: Mapping[str, StageRecord], stage: str, name: str) -> int:
    """What a stage has counted; raises `RunError` where it has not, or no whole number."""
    value = (stages[stage].model_extra or {}).get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RunError(
            f"{run.path / FILE_NAME}: damaged: stages.{stage}.{name} must be a whole number, got "
            f"{shown(value)}; {WAY_OUT}"
        )
    return value


def settings(values: Mapping[str, Any]) -> str:
    """Options as code; nothing where there are none."""
    return ", ".join(code(f"{name} = {value}") for name, value in values.items())


def table(rows: Iterator[tuple[str, str]]) -> str:
    """A table of two columns."""
    cells = [(text(name), value.replace("|", r"\|").replace("\n", " ")) for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in cells)])


def code(value: str) -> str:
    """`value` as code, whatever it holds."""
    return f"`{printable(value).replace('`', chr(39))}`"


def text(value: str) -> str:
    """`value` in a sentence, in which nothing of it means anything."""
    shown = printable(value)
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>#|" else c for c in shown)


def spelt(value: Any) -> str:
    """`value` as JSON."""
    return json.dumps(value, ensure_ascii=True)
