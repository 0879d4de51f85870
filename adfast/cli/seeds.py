"""`adfast run` with several training seeds, and with the folder of such runs."""

from __future__ import annotations

from pathlib import Path

from adfast.cli.comparison import print_comparison
from adfast.cli.interruption import stoppable
from adfast.cli.stages import spell, terminal_hooks
from adfast.errors import InvalidArgument
from adfast.runs.comparison.comparison import compare
from adfast.runs.hooks import QUIET
from adfast.runs.seeds import parse_seeds
from adfast.runs.study import Study, holds_study


def run_seeds(
    recipe: str,
    seeds: str | None,
    folder: Path | None,
    settings: list[str],
    *,
    fresh: bool,
    as_json: bool,
) -> None:
    """Carry out a recipe with each seed, or what of a folder is not finished, and pool them."""
    asked = None if seeds is None else [f"seed-{seed}" for seed in parse_seeds(seeds)]
    if holds_study(recipe):
        study = opened(recipe, asked, folder, settings, fresh=fresh)
    else:
        study = Study.of_seeds(recipe, parse_seeds(seeds or ""), folder, settings, fresh=fresh)
    options = [] if seeds is None else ["--seeds", seeds]
    with stoppable("the run of these seeds", spell("run", study.path, *options)) as should_stop:
        study.carry_out(terminal_hooks(should_stop), only=asked)
        runs = [study.path / name for name in asked or study.parts]
        compare(runs, study.path, hooks=QUIET)
        print_comparison(study.path, as_json=as_json)


def opened(
    path: str, asked: list[str] | None, folder: Path | None, settings: list[str], *, fresh: bool
) -> Study:
    """The study in a folder, as it stands; raises `InvalidArgument` for what would change it."""
    given = {"--run": folder is not None, "--set and --method": bool(settings), "--fresh": fresh}
    for option, is_given in given.items():
        if is_given:
            raise InvalidArgument(
                f"{path} has its settings and its place already; leave out {option}, or give the "
                "recipe that it was made of"
            )
    study = Study.open(path)
    missing = [name for name in asked or () if name not in study.parts]
    if missing:
        raise InvalidArgument(
            f"{path} has no {', '.join(missing)}; to add seeds, give the recipe that it was made "
            f"of: adfast run RECIPE --run {path} --seeds ..."
        )
    return study
