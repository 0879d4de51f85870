"""The notebook of the whole way runs, each cell in turn, and shows what it promises."""

import os
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "the-whole-way.ipynb"
SIZES = tomllib.loads((ROOT / "tests" / "snippets" / "sizes.toml").read_text(encoding="utf-8"))


def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_notebook_is_kept_without_outputs_and_every_cut_is_of_something_there():
    code = [cell for cell in notebook().cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    for cut in SIZES["notebook"]:
        assert any(cut["find"] in cell.source for cell in code), cut


@pytest.mark.slow
def test_notebook_runs_from_an_empty_folder(tmp_path, monkeypatch):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    made = notebook()
    for cell in made.cells:
        for cut in SIZES["notebook"]:
            cell.source = cell.source.replace(cut["find"], cut["replace"])
    work = tmp_path / "work"
    work.mkdir()
    client = NotebookClient(made, timeout=600, resources={"metadata": {"path": str(work)}})
    client.execute()
    shown = {
        cell.source.splitlines()[-1]: output.data["text/html"]
        for cell in made.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result" and "text/html" in output.data
    }
    assert set(shown) == {"run", "results", "adfast.replay(run)", 'findings["history-loss"]'}
    assert "data:image/png;base64," in shown["run"]
    assert "data:image/png;base64," in shown["results"]
    assert "<iframe srcdoc=" in shown["adfast.replay(run)"]
    assert "<script" not in shown["run"] + shown["results"] + shown['findings["history-loss"]']
    assert (work / "runs" / "the-whole-way" / "report.html").is_file()
    assert (work / "runs" / "the-whole-way-model" / "model.safetensors").is_file()
