"""The section and the tables on anomalies."""

import numpy as np
import pytest

from analyses.anomalies.synthetic_anomalies import anomalies
from analyses.printing import joined, printed  # noqa: F401
from analyses.subjects import blocks, columns, run, subject
from latentscape.analyses.anomalies import ANALYSIS
from latentscape.analyses.anomalies.result import Anomalies
from latentscape.analyses.anomalies.sentences import describe_verdict
from latentscape.core.findings import Skip
from latentscape.reporting.blocks import Aside, Plate, Table

NO_NORMAL = Skip(item="AUROC [all] was", reason="no_normal")


def without_normal(**more):
    return anomalies(normal=None, **more).model_copy(update={"skipped": (NO_NORMAL,)})


def section_of(*results):
    runs = [[run("m", result)] for result in results]
    return ANALYSIS.section(subject(ANALYSIS, *runs))


def one_vs_rest(seeds=1):
    """Make a study of which each row calls another label normal."""
    labels = (("ring", 0.0), ("bar", 0.04))
    return subject(
        ANALYSIS,
        *(
            [
                run(name, anomalies(normal=(name,), gain=gain + 0.01 * seed), seed=seed)
                for seed in range(seeds)
            ]
            for name, gain in labels
        ),
    )


def test_there_is_no_section_without_scores():
    assert ANALYSIS.section(subject(ANALYSIS, [run("m")])) is None


def test_anomaly_scores_stand_beside_their_baselines():
    section = section_of(anomalies())
    (table,) = blocks(section, Table)
    assert [cell.text for cell in table.rows[0]] == ["Reconstruction error", "0.900", "0.890"]
    assert [cell.best for cell in table.rows[-1]] == [False, False, True]
    assert table.caption == "Normal is ring. 40 of 60 images are anomalous."


def test_the_most_and_the_least_anomalous_stand_above_their_reconstructions():
    (plate,) = blocks(section_of(anomalies()), Plate)
    assert [panel.title for panel in plate.panels] == ["Most anomalous", "Least anomalous"]
    kinds = [strip.label for strip in plate.panels[0].strips]
    assert kinds == ["Image", "Reconstruction"] * 2
    assert not blocks(section_of(anomalies(shape=(20,))), Plate)


def test_a_study_of_labels_against_the_rest_ends_with_the_mean():
    (table,) = blocks(ANALYSIS.section(one_vs_rest()), Table)
    assert [row[0].text for row in table.rows] == ["ring", "bar", "Mean"]
    assert table.apart == 1
    assert [cell.text for cell in columns(table, "Reconstruction error", "model")] == [
        "0.900",
        "0.940",
        "0.920",
    ]
    baseline = columns(table, "k-NN distance", "baseline")
    assert [cell.text for cell in baseline] == ["0.905", "0.905", "0.905"]
    assert table.caption.endswith("the last is the mean of all lines.")


def test_deviations_are_those_over_seeds():
    (table,) = blocks(ANALYSIS.section(one_vs_rest(seeds=2)), Table)
    model = columns(table, "k-NN distance", "model")
    assert [cell.text for cell in model] == ["0.915", "0.955", "0.935"]
    # The mean over rows has none, which would pass for one over seeds.
    assert [cell.note for cell in model] == ["± 0.0071", "± 0.0071", ""]
    assert [cell.note for cell in columns(table, "k-NN distance", "baseline")][:1] == ["± 0"]


def test_models_with_the_same_normal_have_no_mean():
    (table,) = blocks(section_of(anomalies(), anomalies()), Table)
    assert [row[0].text for row in table.rows] == ["m", "m"]
    assert table.apart == 0


def test_a_score_that_a_row_lacks_has_no_mean():
    first, second = (anomalies(normal=(name,)) for name in ("ring", "bar"))
    scores = {key: score for key, score in second.scores.items() if key != "latent_knn"}
    second = second.model_copy(update={"scores": scores})
    (table,) = blocks(section_of(first, second), Table)
    assert [cell.text for cell in columns(table, "k-NN distance", "model")] == ["0.910", "–", "–"]


def test_without_a_normal_there_is_no_auroc_but_there_are_pictures():
    section = section_of(without_normal())
    assert not blocks(section, Table)
    assert len(blocks(section, Plate)) == 1
    assert section.lead.startswith("The pictures are the images that are most unlike")
    assert "AUROC" not in section.lead
    runs = [run("a", without_normal())], [run("b", anomalies())]
    (table,) = blocks(ANALYSIS.section(subject(ANALYSIS, *runs)), Table)
    assert [row[0].text for row in table.rows] == ["b"]


SENTENCE = "AUROC [all] was left out: no labels were named as the normal ones."


def test_what_was_left_out_is_said():
    (aside,) = blocks(section_of(without_normal()), Aside)
    assert aside.paragraphs == [SENTENCE]


@pytest.mark.parametrize("width", [50, 80, 180])
def test_the_table_fits_any_width(printed, width):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(anomalies()), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width > 50:
        phrases = ("Reconstruction error 0.900 0.890", "Normal: ring. 40 of 60 images")
        assert all(phrase in joined(text) for phrase in phrases)


def test_without_a_normal_no_more_is_printed_than_why(printed):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(without_normal()), 180)
    sentences = [f"{sentence}." for sentence in ANALYSIS.protocol(without_normal())]
    verdict = describe_verdict(without_normal())
    assert joined(text).strip() == " ".join([verdict, *sentences, SENTENCE])


def test_a_study_prints_auroc_row_by_row_and_their_mean(printed):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_rows(one_vs_rest()), 180)
    table = text[text.index("Anomalies: AUROC") :].splitlines()
    lines = {line.split()[0]: line.split()[1:] for line in table if line.split()}
    # Four scores of the model, then those of the baselines.
    baselines = ["0.890", "0.905", "0.920", "0.935"]
    assert lines["ring"] == ["0.900", "0.910", "0.920", "0.930", *baselines]
    assert lines["bar"] == ["0.940", "0.950", "0.960", "0.970", *baselines]
    assert lines["mean"] == ["0.920", "0.930", "0.940", "0.950", *baselines]


@pytest.mark.parametrize("width", [50, 80])
def test_auroc_of_a_study_fits_into_a_narrow_terminal(printed, width):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_rows(one_vs_rest(2)), width)
    assert max(map(len, text.splitlines())) <= width
    assert "0.935" in text
    assert "±" in text


def test_a_study_without_anomalies_has_no_table_of_them(printed):  # noqa: F811
    plain = subject(ANALYSIS, [run("a")], [run("b", without_normal())])
    assert printed(lambda: ANALYSIS.print_rows(plain)) == ""
    same = subject(ANALYSIS, [run("a", anomalies())], [run("b", anomalies())])
    assert "mean" not in printed(lambda: ANALYSIS.print_rows(same), 180)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": np.zeros(59, np.int64)},
        {"labels": np.full(60, 3)},
        {"labels": np.full(60, -2)},
        {"label_names": ("ring",)},
        {"scores": {"other": {"auroc": 0.5, "values": np.zeros(60, np.float32)}}},
        {"scores": {"latent_knn": {"auroc": 1.5, "values": np.zeros(60, np.float32)}}},
        {"scores": {"latent_knn": {"auroc": 0.5, "values": np.zeros(9, np.float32)}}},
        {"highest": anomalies(shape=(20,)).highest},
    ],
)
def test_what_does_not_fit_together_is_refused(changes):
    content = anomalies().model_dump()
    with pytest.raises(ValueError, match="validation error"):
        Anomalies.model_validate({**content, **changes})
