"""What notebooks show of runs, findings and studies."""

import re
from pathlib import Path

import pytest

from latentscape.core.cards import card, with_link
from latentscape.runs import Run
from synthetic import make_run, study_of


def test_a_run_says_what_it_is(tmp_path):
    findings = make_run(tmp_path, "plain")
    assert repr(findings.run) == f"Run('{findings.run.path}')"
    assert repr(findings) == f"RunFindings({findings.run!r})"


def test_the_table_of_a_run_has_recipe_data_epochs_and_error_beside_pca(tmp_path):
    findings = make_run(tmp_path, "plain", epochs=4)
    table = findings._repr_html_()
    assert table == findings.run._repr_html_()
    cells = dict(re.findall(r"<th[^>]*>([^<]*)</th><td[^>]*>([^<]*)</td>", table))
    assert cells["recipe"].startswith("plain")
    assert findings.data.name in cells["data"]
    assert cells["epochs"].startswith(f"4 of {findings.recipe.train.epochs} in ")
    assert re.fullmatch(r"0\.\d+; PCA with 2 components 0\.\d+", cells["MSE per pixel"])
    assert "<a " not in table
    assert "http" not in table


def test_an_unfinished_and_a_damaged_run_have_a_table_too(tmp_path):
    run = make_run(tmp_path, "plain").run
    run.model_file.unlink()
    assert "not finished" in run._repr_html_()
    (run.path / "recipe.yaml").write_text("[", encoding="utf-8")
    assert "is damaged" in Run(run.path)._repr_html_()


def test_nothing_in_a_table_is_taken_for_html(tmp_path):
    table = card("<b>", [("<i>", "<script>x</script>")], ("<u>", '"&'))
    assert set(re.findall(r"</?(\w+)", table)) == {"table", "caption", "tr", "th", "td"}
    assert "&lt;script&gt;" in table
    run = make_run(tmp_path, "plain", facts={"name": "<img src=x>"}).run
    assert "<img" not in run._repr_html_()


def test_a_report_is_linked_where_a_notebook_can_open_it(tmp_path, monkeypatch):
    (tmp_path / "a b" / "runs").mkdir(parents=True)
    report = tmp_path / "a b" / "runs" / "report.html"
    assert with_link("T", report, "Report") == "T"
    report.touch()
    monkeypatch.chdir(tmp_path)
    assert "<a href='a%20b/runs/report.html'" in with_link("T", report, "Report")
    monkeypatch.chdir(report.parent)
    assert "<a href='report.html'" in with_link("T", Path("report.html"), "Report")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert f"<code>{report}</code>" in with_link("T", report, "Report")


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_study_has_a_row_for_each_configuration(tmp_path, seeds):
    labels = ("plain", "vae")
    study = study_of([make_run(tmp_path, n, n, seed=s) for s in range(seeds)] for n in labels)
    assert repr(study) == f"<StudyFindings of {study.name}: plain, vae>"
    table = study._repr_html_()
    for label in labels:
        assert f"<th scope='row' style='text-align:left'>{label}</th>" in table
    assert table.count("<tr>") == 1 + len(labels)
    assert (" ± " in table) == (seeds > 1)
