"""The reference of names, from docstrings: settings with their defaults, and types that lead on.

A type of adfast in a signature leads to where it is explained, and must be explained somewhere
unless `conf.nitpick_ignore` says that callers do not make it. Types of Python and of other
libraries are shown as they are: their documentation would be asked of a network.
"""

from __future__ import annotations

import inspect
from collections import Counter
from functools import cache
from typing import Any

from docutils import nodes
from sphinx.addnodes import desc_content, pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

from adfast.config import Config
from adfast.settings.commented_toml import literal
from adfast.settings.described import Setting, describe

NOT_EXPLAINED = {"model_config", "model_post_init"}  # pydantic's


def is_config(value: object) -> bool:
    """Whether it is a class of settings."""
    return isinstance(value, type) and issubclass(value, Config)


def signature(
    app: Sphinx, kind: str, name: str, value: Any, options: object, shown: str, returns: str
) -> tuple[str, str] | None:
    """None of a class of settings, whose fields stand below it; of other classes, of `__init__`."""
    if kind != "class":
        return None
    if is_config(value):
        return "", ""
    if shown == "(*_: Any, **__: Any)":  # of a `__new__` that looks at the class alone
        parameters = [*inspect.signature(value.__init__).parameters.values()][1:]
        return str(inspect.Signature(parameters)).replace("'", ""), ""
    return None


@cache
def settings_of(config: type[Config]) -> dict[str, Setting]:
    """The settings of a class by name, those of its sections left to these."""
    return {setting.path: setting for setting in describe(config)}


def tell_default(
    app: Sphinx, kind: str, name: str, value: Any, options: object, lines: list[str]
) -> None:
    """Behind the meaning of a setting stands what it accepts, and its default."""
    if kind != "attribute":
        return
    owner, _, field = name.rpartition(".")
    config = owners(owner)
    setting = settings_of(config).get(field) if config else None
    if setting is None:
        return
    said = [setting.accepts] if setting.accepts else []
    if setting.default is not None:
        said.append(f"by default ``{literal(setting.default)}``")
    text = "; ".join(said).replace("*", r"\*").replace("|", r"\|")
    lines += [f"{text[:1].upper()}{text[1:]}.", ""]


@cache
def owners(name: str) -> type[Config] | None:
    """The class of settings that goes by `name`, or None."""
    module, _, name_there = name.rpartition(".")
    try:
        found = getattr(__import__(module, fromlist=[name_there]), name_there)
    except (ImportError, AttributeError, ValueError):
        return None
    return found if is_config(found) else None


def skip(app: Sphinx, kind: str, name: str, value: object, skipped: bool, options: object) -> bool:
    """Whether a member is left out: also what pydantic alone looks at."""
    return skipped or name in NOT_EXPLAINED


def explained_bases(app: Sphinx, name: str, value: type, options: object, bases: list[Any]) -> None:
    """Of the bases only those of adfast that callers meet."""
    unmet = {"adfast.config.Config", *(named for _, named in app.config.nitpick_ignore)}
    bases[:] = [
        base
        for base in bases
        if (place := f"{base.__module__}.{getattr(base, '__qualname__', '')}").startswith("adfast.")
        and place not in unmet
    ]


def leave_out_empty_bases(app: Sphinx, page: nodes.document) -> None:
    """Where none of its bases is left, a class has no line for them."""
    for content in page.findall(desc_content):
        if content.children and content[0].astext().strip() == "Bases:":
            content.remove(content[0])


def elsewhere(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.Node | None:
    """The type as it is shown, linked where its last name says enough, or of another library."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if target.startswith("adfast."):
        return None
    entry = classes_by_last_name(env).get(target)
    if entry is None:
        return shown
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, shown, target)


def classes_by_last_name(env: BuildEnvironment) -> dict[str, ObjectEntry]:
    """The classes that are explained, by names that only one of them has."""
    entries = env.domains.python_domain.objects.items()
    named = [
        (name.rpartition(".")[2], entry) for name, entry in entries if entry.objtype == "class"
    ]
    places = Counter(last for last, entry in named if not entry.aliased)
    return {last: entry for last, entry in named if not entry.aliased and places[last] == 1}


def setup(app: Sphinx) -> dict[str, bool]:
    """Shape what autodoc finds."""
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-docstring", tell_default)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-bases", explained_bases)
    app.connect("doctree-read", leave_out_empty_bases)
    app.connect("missing-reference", elsewhere)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
