"""What notebooks show of runs, findings, tables, data, recipes and pictures."""

import re
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import latentscape
from latentscape.api.display import MAX_ROWS, html_of, view_of
from latentscape.api.pages.rendering import notebook_style
from latentscape.api.pictures import Sheet
from latentscape.config import load_recipe
from latentscape.core.doors import Displayed
from latentscape.core.records import Dataset
from latentscape.core.tables import Table
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis
from latentscape.doctor.trial import Side, Trial
from latentscape.doctor.trial_table import verdict
from latentscape.doctor.wording import FOLLOWING, heading
from latentscape.reporting.sentences import describe_verdict
from latentscape.runs import Run, write_part
from synthetic import add, change, make_run, study_of
from toys import ToyAnalysis, ToyResult, register, scores

LEGACY = Path(__file__).parents[1] / "fixtures" / "legacy"


def words_of(html: str) -> str:
    """Text of an output, without its style."""
    without = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", without)))


def classes(kind: type) -> set[type]:
    return {kind, *(below for sub in kind.__subclasses__() for below in classes(sub))}


def test_everything_that_says_it_is_displayed_has_a_view():
    default = view_of.dispatch(object)
    ours = [k for k in classes(Displayed) - {Displayed} if k.__module__.startswith("latentscape")]
    assert {"Run", "RunFindings", "StudyFindings", "Dataset", "Recipe", "Sheet", "Result"} <= {
        kind.__name__ for kind in ours
    }
    for kind in ours:
        assert view_of.dispatch(kind) is not default, kind


def rules(css: str) -> list[tuple[str, str]]:
    """Selector and content of each rule that stands in no other."""
    depth, parts = 0, [""]
    for letter in re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        is_edge = (letter, depth) in (("{", 1), ("}", 0))
        parts = [*parts, ""] if is_edge else [*parts[:-1], parts[-1] + letter]
    assert depth == 0
    return [(a.strip(), b) for a, b in zip(parts[::2], parts[1::2], strict=False)]


def test_the_style_reaches_nothing_outside():
    inside, preferred, dark = rules(notebook_style())
    assert inside[0] == ".latentscape"
    assert preferred[0] == "@media (prefers-color-scheme: dark)"
    ((selector, colours),) = rules(preferred[1])
    assert selector.endswith(" .latentscape")
    assert dark[0].endswith(" .latentscape")
    assert colours.split() == dark[1].split()
    assert ":root" not in inside[1]
    assert set(re.findall(r"--\w+", dark[1])) == set(re.findall(r"(--\w+):", inside[1]))


def test_a_run_shows_what_it_is_and_how_it_did(tmp_path):
    findings = make_run(tmp_path, "plain", epochs=4)
    html = findings.run._repr_html_()
    assert findings._repr_html_() == html
    words = words_of(html)
    assert "plain-0 run" in words
    assert f"data {findings.data.name}, 100 to train and 60 to test" in words
    assert f"epochs 4 of {findings.recipe.train.epochs} in 2.00 s" in words
    assert describe_verdict(findings.require(latentscape.Evaluation).comparison) in words
    assert html.count("data:image/png;base64,") == 6  # Originals, model, PCA; two panels.
    assert html.count("<svg") == 1
    assert "training ends at" in html
    assert not re.search(r"(src|href)=['\"](?!data:)", html)
    assert "<script" not in html


def test_vectors_have_no_pictures(tmp_path):
    html = make_run(tmp_path, shape=(9,)).run._repr_html_()
    assert "data:image" not in html
    assert "<svg" in html


def test_a_run_that_is_not_finished_shows_its_epochs(tmp_path):
    run = make_run(tmp_path, "plain").run
    run.model_file.unlink()
    words = words_of(run._repr_html_())
    assert "not finished" in words
    assert "validation_loss" in words


def test_a_run_that_was_not_evaluated_shows_its_epochs(tmp_path):
    run = make_run(tmp_path, "plain").run
    (run.path / "findings" / "evaluation.json").unlink()
    assert "validation_loss" in words_of(run._repr_html_())


def test_a_damaged_run_says_so(tmp_path):
    run = make_run(tmp_path, "plain").run
    (run.path / "recipe.yaml").write_text("[", encoding="utf-8")
    assert "It cannot be shown. " in words_of(Run(run.path)._repr_html_())


def test_a_collapse_comes_first(tmp_path):
    run = make_run(tmp_path, "collapsed", "collapsed").run
    words = words_of(run._repr_html_())
    assert words.index("This model does not use its code.") < words.index("Original")


def diagnosed(*symptoms: str) -> Diagnoses:
    items = tuple(Diagnosis(symptom=key, value=2.0, threshold=1.0) for key in symptoms)
    return Diagnoses(
        stage="after", looked_at="validation", n=10, diagnoses=items, examined=("blur", "grey_veil")
    )


def test_diagnoses_show_the_likeliest_cause_first(tmp_path):
    diagnoses = diagnosed("blur", "grey_veil")
    words = words_of(diagnoses._repr_html_())
    assert "2 symptoms of the 2 looked for on 10 validation examples" in words
    assert words.index(heading(diagnoses.diagnoses[0])) < words.index(FOLLOWING)
    assert diagnoses.table["symptom"] == ("blur", "grey_veil")
    assert repr(diagnoses) == "<Diagnoses: blur, grey_veil>"
    healthy = diagnosed()
    assert "Nothing is wrong" in words_of(healthy._repr_html_())
    assert repr(healthy) == "<Diagnoses: nothing is wrong>"
    run = add(make_run(tmp_path), diagnoses).run
    assert heading(diagnoses.diagnoses[0]) in words_of(run._repr_html_())


def test_a_trial_shows_both_settings():
    current = Side(epochs=2, share=1, steps=20, seconds=1.5, number=2.0, error=0.05)
    trial = Trial(
        symptom="blur",
        changes={"model.likelihood.kind": "bernoulli"},
        current=current,
        mended=current.model_copy(update={"steps": 21}),
        looked_at="validation",
        n=40,
        examples=60,
    )
    words = words_of(trial._repr_html_())
    assert "--set model.likelihood.kind=bernoulli trial" in words
    assert verdict(trial) in words
    assert "steps 20 21" in words
    assert repr(trial) == "<Trial of blur: the change does not help>"


def test_nothing_is_taken_for_html(tmp_path):
    run = make_run(tmp_path, "plain", facts={"name": "<img src=x>"}).run
    table = Table.of_rows("<b>", [{"<u>": "<script>x</script>"}])
    for html in (run._repr_html_(), table._repr_html_()):
        assert "<img src=x>" not in html
        assert not re.search(r"<(b|u|script)>", html)
    assert "&lt;script&gt;" in table._repr_html_()


def test_a_report_is_linked_where_a_notebook_can_open_it(tmp_path, monkeypatch):
    run = make_run(tmp_path / "a b", "plain").run
    monkeypatch.chdir(tmp_path)
    assert "<a href" not in html_of(run)
    (run.path / "report.html").touch()
    assert re.search(r'<a href="a%20b/\w+/plain-0/report.html"', html_of(run))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert "<a href" not in html_of(run)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_study_has_a_row_for_each_configuration(tmp_path, seeds):
    labels = ("plain", "vae")
    study = study_of([make_run(tmp_path, n, n, seed=s) for s in range(seeds)] for n in labels)
    html = study._repr_html_()
    assert repr(study) == f"<StudyFindings of {study.name}: plain, vae>"
    for label in labels:
        assert f'<th scope="row">{label}</th>' in html
    assert ("± " in words_of(html)) == (seeds > 1)
    assert "<svg" in html


def test_a_result_shows_its_scores_and_how_they_were_obtained(monkeypatch):
    register(monkeypatch, ToyAnalysis())
    result = ToyResult(codes=scores("plain", 2, ["toy_a", "toy_b"], 0.1))
    words = words_of(result._repr_html_())
    assert "Toys analysis" in words
    assert "plain ★ 60.0 %" in words
    assert "raw pixels 53.0 %" in words
    assert "They were scored on test." in words
    assert "80.50" in words_of(ToyResult(number=80.5)._repr_html_())
    assert repr(result) == "<ToyResult: toy>"


def test_an_evaluation_shows_the_baselines(tmp_path):
    evaluation = make_run(tmp_path).require(latentscape.Evaluation)
    assert "PCA, 2 components 0.01200" in words_of(evaluation._repr_html_())
    assert repr(evaluation) == ("<Evaluation on 60 test examples: MSE 0.01000, of PCA 0.01200>")


def test_a_long_table_shows_its_ends(tmp_path):
    rows = [{"n": n, "x": n / 7, "even": not n % 2} for n in range(100)]
    html = Table.of_rows("numbers", rows, {"x": "s"})._repr_html_()
    assert html.count("<tr>") == 2 + MAX_ROWS
    assert "9 1.286 no … … … 90 12.86 yes" in words_of(html)
    assert "100 rows." in words_of(html)


def test_data_show_examples_under_their_labels(digits, small):
    words = words_of(digits._repr_html_())
    assert "5,000 of 1 × 28 × 28, uint8" in words
    assert "0: 500, 1: 500" in words
    assert re.search(r"\d \d \d \d \d \d \d \d", words)
    assert digits._repr_html_().count("data:image/png") == 2
    assert repr(digits) == "<Dataset mnist-5k: 5,000 of 1 × 28 × 28, 10 labels>"
    assert "train 500 validation 50 test 100" in words_of(small._repr_html_())
    assert repr(small) == "<Split of mnist-5k: 500 train, 50 validation, 100 test>"
    few = Dataset("few", np.zeros((3, 1, 8, 8), np.uint8), np.arange(3), ("a", "b", "c"))
    assert few._repr_html_().count("data:image/png") == 1
    vectors = Dataset("vectors", np.zeros((3, 8), np.float32), value_range=(0.0, 1.0))
    assert "data:image" not in vectors._repr_html_()
    assert repr(vectors) == "<Dataset vectors: 3 of 8>"


def test_a_summary_of_data_is_shown_as_on_the_terminal():
    summary = latentscape.show_data("digits")
    words = words_of(summary._repr_html_())
    assert f"split {summary.split['train']:,} train, " in words
    assert f"fingerprint {summary.fingerprint}" in words
    assert repr(summary) == "<DataSummary of digits: 1,797 of 1 × 8 × 8>"


def test_a_recipe_shows_its_settings():
    recipe = load_recipe("conv-vae")
    words = words_of(recipe._repr_html_())
    assert recipe.about in words
    assert f"epochs {recipe.train.epochs} " in words
    assert "kind: gaussian" in words
    assert repr(recipe) == "<Recipe conv-vae>"


def test_the_settings_of_a_study_are_shown():
    study = latentscape.load_study("quickstart")
    words = words_of(study._repr_html_())
    assert study.about in words
    assert f"configurations {study.combinations} seeds {study.seeds} " in words
    assert repr(study).startswith(f"<Study quickstart: {study.combinations} configurations, ")


def test_notes_stand_below_what_a_run_shows(tmp_path):
    run = make_run(tmp_path, "given", "conditional").run
    words = words_of(run._repr_html_())
    assert words.index("Original") < words.index("Trained with labels.")


def test_a_picture_is_shown_as_it_was_drawn(tmp_path):
    png = b"\x89PNG"
    sheet = Sheet(np.zeros((4, 1, 8, 8)), "Four images.", tmp_path / "sample.png", None, png)
    html = sheet._repr_html_()
    assert 'src="data:image/png;base64,iVBORw=="' in html
    assert 'alt="Four images."' in html
    assert sheet._repr_png_() == png
    assert repr(sheet) == f"<Sheet of shape 4 × 1 × 8 × 8 in {tmp_path}/sample.png: Four images.>"
    vectors = Sheet(np.zeros((4, 9)), "Four vectors.", None, tmp_path / "sample.npy")
    assert "Four vectors." in words_of(vectors._repr_html_())


def test_a_run_of_version_0_1_0_is_shown_and_drawn_too(tmp_path):
    run = Run(shutil.copytree(LEGACY / "run", tmp_path / "run"))
    html = run._repr_html_()
    assert "It cannot be shown" not in html
    assert html.count("data:image/png;base64,") == 6
    assert len(run.history.table) == len(run.history.epochs) > 0
    assert run.metrics["of"][-1] == "mean image"
    assert set(run.scores["kind"]) >= {"model", "pixels", "pca"}
    for name in ("curves", "reconstructions", "samples", "traversals", "map"):
        assert getattr(run.plot, name)()._repr_png_()


def test_findings_that_change_are_shown_as_they_are(tmp_path):
    findings = make_run(tmp_path)
    before = findings.run._repr_html_()
    changed = change(findings, latentscape.Evaluation, difference=None)
    assert words_of(changed.run._repr_html_()).count("PCA") == words_of(before).count("PCA")
    write_part(findings.run.path, findings.architecture, findings.run.identity)
    assert words_of(findings.run._repr_html_()) == words_of(before)
