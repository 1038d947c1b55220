"""A run and a study of version 0.1.0, with every analysis that there was.

Both are of 8 x 8 digits. The study has two seeds of a VAE, the first of which is the run. Its
second plain run was taken away, to keep the files small: a failure stands in its place.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import latentscape
from analyses.printing import printed  # noqa: F401
from latentscape.analyses.notes import skip_sentences
from latentscape.analyses.registry import analyses, analysis
from latentscape.analyses.summaries import code_scores
from latentscape.api.console import print_subject
from latentscape.api.pages.sections import sections
from latentscape.api.subjects import subject_json, subject_of, write_study
from latentscape.evaluation.pictures import Pictures
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.evaluation.study import StudyFindings
from latentscape.runs import OpenRun, RunFindings, open_run, read_part
from latentscape.runs.architecture import Architecture
from latentscape.runs.legacy import MIGRATIONS, migrate_run

FIXTURES = Path(__file__).parents[2] / "fixtures" / "legacy"
PARTS = [item.name for item in analyses()]
OF_EVERY_RUN = (Architecture, Evaluation, Latent, Pictures)


@pytest.fixture
def path(tmp_path) -> Path:
    return shutil.copytree(FIXTURES / "run", tmp_path / "run")


@pytest.fixture
def study(tmp_path) -> Path:
    """The directory of the study, its runs beside it."""
    folder = shutil.copytree(FIXTURES / "study", tmp_path / "study")
    shutil.copytree(FIXTURES / "run", folder / "vae-digits-0")
    return folder / "two-digits"


def test_the_run_opens(path):
    opened = OpenRun(path)
    assert opened.recipe.name == "vae-20"
    assert opened.model.latent_dim == 4
    assert opened.split.sizes == {"train": 600, "validation": 60, "test": 100}
    assert [epoch.epoch for epoch in opened.run.history.epochs] == [1, 2, 3, 4]
    assert [event.kind for event in opened.run.events] == ["collapse"]
    assert opened.findings.snapshots.epochs == (1, 4)


def test_every_part_is_known_by_its_name_of_today(path):
    assert {*MIGRATIONS} == {*PARTS, *(kind.part for kind in OF_EVERY_RUN)}
    assert {*RunFindings(open_run(path)).parts} == {*MIGRATIONS}


@pytest.mark.parametrize("kind", OF_EVERY_RUN, ids=lambda kind: kind.part)
def test_what_was_measured_of_every_run_is_read(path, kind):
    assert RunFindings(open_run(path)).get(kind) is not None


@pytest.mark.parametrize("part", PARTS)
def test_the_result_of_every_analysis_is_read(path, part):
    item = analysis(part)
    result = RunFindings(open_run(path)).get(item.result)
    assert result is not None
    assert all(item.protocol(result))
    skip_sentences(item, result)


def test_numbers_are_those_that_were_written(path):
    written = json.loads((path / "findings.json").read_text(encoding="utf-8"))
    findings = RunFindings(open_run(path))
    assert findings.require(Evaluation).metrics == written["evaluation"]["metrics"]
    assert findings.require(Latent).elbo == written["latent"]["elbo"]
    scores = {code.name: code.scores for code in code_scores(findings)}
    for row in written["probing"]["rows"]:
        for method, key in (("knn", "knn_accuracy"), ("logistic", "logistic_accuracy")):
            whole = row["results"][method][-1]  # With the labels of all training images.
            assert scores[row["name"]][key] == whole["accuracy"]["mean"]


def test_the_report_has_the_section_of_every_analysis(path):
    page, run = latentscape.report(path).read_text(encoding="utf-8"), subject_of(path)
    assert all(item.section(run) for item in analyses())
    for section in sections(run):
        assert f'id="{section.id}"' in page, section.id


@pytest.mark.parametrize("width", [60, 180])
def test_the_run_and_each_of_its_results_are_printed(path, printed, width):  # noqa: F811
    run = subject_of(path)
    text = printed(lambda: print_subject(run), width)
    assert "has collapsed" in text
    for item in analyses():
        text += printed(lambda: item.print_table(run.rows[0].get(item.result)), width)  # noqa: B023
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


def test_moving_the_findings_into_files_of_their_own_changes_nothing(path):
    before = RunFindings(open_run(path))
    facts, pictures = before.to_json(), before.require(Pictures)
    migrate_run(path)
    after = RunFindings(open_run(path))
    assert not list(path.glob("findings.*"))
    assert after.to_json() == facts
    assert np.array_equal(after.require(Pictures).samples.images, pictures.samples.images)
    for item in analyses():
        assert after.get(item.result) is not None


def test_the_study_is_read_and_reported(study):
    page = latentscape.report(study).read_text(encoding="utf-8")
    subject = subject_of(study)
    assert [row.label for row in subject.rows] == ["vae", "plain"]
    assert [len(row.runs) for row in subject.rows] == [2, 1]
    for item in analyses():
        assert any(row.get(item.result) for row in subject.rows), item.name
    for section in sections(subject):
        assert f'id="{section.id}"' in page, section.id
    assert subject_json(subject)["kind"] == "study"


def test_the_study_is_printed_with_deviations_and_failures(study, printed):  # noqa: F811
    text = printed(lambda: print_subject(subject_of(study)), 180)
    assert "0.1627 ± 0.0019" in text
    assert "plain, seed 1, was not trained: plain-digits-1 diverged 4 times" in text


def test_a_study_that_is_written_anew_is_of_today(study):
    members = subject_of(study).study.members
    write_study(study, members)
    assert not (study / "findings.json").exists()
    assert read_part(study, StudyFindings).members == members
    assert [row.label for row in subject_of(study).rows] == ["vae", "plain"]
