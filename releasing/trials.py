"""What a wheel has to do in a bare environment: generate data alone, run the demo, go again."""

from __future__ import annotations

import re
from pathlib import Path

from releasing.archives import PIP, ROOT
from releasing.bare import BareEnvironment
from releasing.generated_data import SETTINGS

# What an uninstall may leave (docs/installing.md): compiled simulators beside the code, and what
# Matplotlib keeps of the fonts that it found.
LEFT = (
    r"environment/lib/python[\d.]+/site-packages/adfast/(.+/)?__pycache__/[^/]+\.compiled",
    r"home/\.(cache|config)/matplotlib/.+",
)
# pip's own, whatever it installs; it asks rustc for its version, which writes its settings.
OF_PIP = r"home/(\.cache/pip|\.rustup)/.+"


def try_data_alone(bare: BareEnvironment, wheel: Path) -> str:
    """Generate data with the wheel and its dependencies; returns a line of what it took.

    Raises `SystemExit` with what fails.
    """
    seconds, megabytes = bare.install(wheel)
    bare.succeed("python", *PIP, "check")
    bare.succeed("python", ROOT / "releasing" / "generated_data.py")
    return f"data alone: {megabytes:,.0f} MB, installed in {seconds:.0f} s"


def try_demo(bare: BareEnvironment, wheel: Path) -> str:
    """Run the demo in small, with what the error of a run without it says to install."""
    seconds, megabytes = bare.install(f"{wheel}[train,report]")
    bare.succeed("python", *PIP, "check")
    bare.succeed("adfast", "run", "dark-room", *SETTINGS)
    page = bare.folder / "elsewhere" / "runs" / "dark-room" / "report.html"
    expect(page.is_file(), f"{page} was not written")
    triton = "with" if (bare.site_packages / "triton").exists() else "without"
    return f"the demo, {triton} Triton: {megabytes:,.0f} MB, installed in {seconds:.0f} s"


def try_uninstall(bare: BareEnvironment, before: set[str]) -> str:
    """Uninstall, and compare with what was there `before` it was installed."""
    bare.succeed("python", *PIP, "uninstall", "--yes", "adfast")
    added = {name for name in bare.files() - before if not re.fullmatch(OF_PIP, name)}
    of_others = re.compile(r"environment/(?!bin/adfast|lib/python[\d.]+/site-packages/adfast)")
    left = {name for name in added if not of_others.match(name)}
    said = {name for name in left if any(re.fullmatch(pattern, name) for pattern in LEFT)}
    expect(left == said, f"left behind and not said: {sorted(left - said)[:20]}")
    return f"uninstalled; left {len(said)} files of compiled code and fonts, as said"


def expect(holds: bool, otherwise: str) -> None:
    """Raise `SystemExit` with a sentence unless something holds."""
    if not holds:
        raise SystemExit(otherwise)
