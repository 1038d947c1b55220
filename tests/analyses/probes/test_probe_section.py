"""The section and the table on probes."""

import pytest

from analyses.printing import joined, printed  # noqa: F401
from analyses.probes.synthetic_probes import code_probes, probes, with_row
from analyses.subjects import SPLIT, blocks, run, subject
from latentscape.analyses.probes import ANALYSIS
from latentscape.analyses.probes.result import ProbeResult, Probes
from latentscape.core.findings import Skip
from latentscape.reporting.blocks import Aside, Gallery, Table


def section_of(result):
    return ANALYSIS.section(subject(ANALYSIS, [run("m", result)]))


def table_of(text_of, result, width=80):
    return text_of(lambda: ANALYSIS.print_table(result), width)


def test_there_is_no_section_without_probes():
    assert ANALYSIS.section(subject(ANALYSIS, [run("m")])) is None


def test_probes_are_drawn_and_listed_by_number_of_labels():
    section = section_of(probes("m"))
    curves, learning = blocks(section, Gallery)
    assert [chart.name for chart in curves.charts] == ["probe-knn", "probe-logistic", "probe-mlp"]
    assert "m ends at 70.00." in curves.charts[0].svg
    assert [chart.name for chart in learning.charts] == ["probe-loss-m", "probe-accuracy-m"]
    table = blocks(section, Table)[0]
    assert [head[0] for head in table.head] == ["k-NN on", "10", "30", "100", "Chosen"]
    assert (table.rows[0][1].text, table.rows[0][1].note) == ("60.0 %", "± 2.0, 47–71")
    assert table.rows[0][-1].text == "k 5"
    assert table.apart == 2


def test_choices_of_several_perceptrons_are_listed():
    result = probes("m")
    choices = {"epochs": 60, "best_epochs": (42, 60, 58)}
    score = result.rows[0].scores_of("mlp")[-1].model_copy(update={"choices": choices})
    mlp = ProbeResult(probe="mlp", scores=(score,))
    (table,) = blocks(section_of(with_row(result, 0, results=(mlp,))), Table)[-1:]
    assert table.rows[0][-1].text == "epochs 60, best epochs 42, 60 and 58"


def test_probes_of_several_seeds_are_averaged_and_baselines_stand_once():
    seeds = [run("m", probes("m", seed=seed), seed=seed) for seed in (0, 1, 2)]
    table = blocks(ANALYSIS.section(subject(ANALYSIS, seeds)), Table)[0]
    assert [row[0].text for row in table.rows] == ["m", "raw pixels", "PCA, 2"]
    assert (table.rows[0][3].text, table.rows[0][3].note) == ("70.0 %", "± 1.0, 57–80")
    # The baseline is the same for every seed: its deviation is the one over draws.
    assert table.rows[1][1].note == "± 2.0, 50–74"
    assert table.rows[1][3].note == "61–83"


def test_probes_of_raw_pixels_are_not_merged_over_data():
    other = with_row(probes("b"), 1, results=code_probes("raw pixels", "pixels", 3, 0.15).results)
    runs = [[run("a", probes("a"))], [run("b", other, data="other")]]
    table = blocks(ANALYSIS.section(subject(ANALYSIS, *runs)), Table)[0]
    accuracies = {row[0].text: row[1].text for row in table.rows}
    assert accuracies[f"raw pixels ({SPLIT.format('toy')})"] == "63.0 %"
    assert accuracies[f"raw pixels ({SPLIT.format('other')})"] == "25.0 %"


def test_probes_with_all_labels_only_need_no_curve():
    result = probes()
    for place, row in enumerate(result.rows):
        last = tuple(r.model_copy(update={"scores": r.scores[-1:]}) for r in row.results)
        result = with_row(result, place, curves=(), results=last)
    section = section_of(result)
    assert not blocks(section, Gallery)
    assert len(blocks(section, Table)) == 3


def test_curves_without_validation_examples():
    result = probes("m")
    curves = [p.model_copy(update={"validation": None}) for p in result.rows[0].curves]
    _, learning = blocks(section_of(with_row(result, 0, curves=tuple(curves))), Gallery)
    assert "training ends at" in learning.charts[0].svg
    assert "validation" not in learning.charts[0].svg


def _empty():
    skip = Skip(item="Probes [all] were", reason="no_labels")
    row = code_probes("m", "model", 2, 0.5)
    row = row.model_copy(update={"results": (), "curves": (), "skipped": (skip,)})
    return probes().model_copy(update={"rows": (row,)})


def test_findings_of_nothing_but_an_excuse_are_shown(printed):  # noqa: F811
    section = section_of(_empty())
    sentence = "Probes [all] were left out: the data have no labels."
    assert blocks(section, Aside)[0].paragraphs == [sentence]
    assert not blocks(section, Table)
    assert joined(table_of(printed, _empty())).count(sentence) == 1
    assert [code.scores for code in ANALYSIS.scores(_empty())] == [{}]


def test_scores_are_those_with_all_labels():
    model, *baselines = ANALYSIS.scores(probes("m"))
    assert (model.name, model.kind) == ("m", "model")
    assert [code.kind for code in baselines] == ["pixels", "pca"]
    assert model.scores == pytest.approx(
        {"knn_accuracy": 0.7, "logistic_accuracy": 0.71, "probe_accuracy": 0.72}
    )
    assert list(model.scores) == [metric.key for metric in ANALYSIS.metrics]


@pytest.mark.parametrize("width", [50, 80, 180])
def test_the_table_fits_any_width(printed, width):  # noqa: F811
    text = table_of(printed, probes(seed=0), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width > 80:
        phrases = ("simple-20, k-NN", "59.0 ± 2.0 % (46–71)", "raw pixels, MLP")
        assert all(phrase in joined(text) for phrase in phrases)


@pytest.mark.parametrize(
    "changes",
    [{"probe": "svm"}, {"scores": []}, {"scores": [{"labels": 10}, {"labels": 10}]}],
)
def test_what_does_not_fit_together_is_refused(changes):
    content = probes().model_dump(mode="json")
    result = content["rows"][0]["results"][0]
    scores = [{**result["scores"][0], **score} for score in changes.get("scores", result["scores"])]
    content["rows"][0]["results"][0] = {**result, **changes, "scores": scores}
    with pytest.raises(ValueError, match="no probe|at least 1|order"):
        Probes.model_validate(content)
