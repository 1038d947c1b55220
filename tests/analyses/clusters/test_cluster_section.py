"""The section and the table on clusters."""

import re

import numpy as np
import pytest

from analyses.clusters.synthetic_clusters import (
    CHOICE,
    clusters,
    code_clusters,
    with_partition,
    with_row,
)
from analyses.printing import joined, printed  # noqa: F401
from analyses.subjects import SPLIT, blocks, columns, run, subject
from latentscape.analyses.clusters import ANALYSIS
from latentscape.core.findings import Skip
from latentscape.reporting.blocks import Aside, Plate, Table


def section_of(*results, **more):
    runs = [[run("m", result, **more)] for result in results]
    return ANALYSIS.section(subject(ANALYSIS, *runs))


def table_of(text_of, result, width=80):
    return text_of(lambda: ANALYSIS.print_table(result), width)


def test_there_is_no_section_without_clusters():
    assert ANALYSIS.section(subject(ANALYSIS, [run("m")])) is None


def test_clusters_stand_in_the_order_of_their_labels():
    section = section_of(clusters())
    means, examples = blocks(section, Plate)
    assert means.panels[0].strips[0].columns == ["ring", "bar", "bar", "dot"]
    assert [strip.label for strip in examples.panels[0].strips] == [
        "ring · 19",
        "bar · 17",
        "bar · 11",
        "dot · 13",
    ]
    confusion = blocks(section, Table)[-1]
    assert [cell.text for cell in confusion.rows[1]] == ["bar", "2", "11", "4", "17"]
    assert confusion.rows[1][2].heat == pytest.approx(11 / 17)


def test_a_cluster_without_test_images_is_not_shown():
    result = clusters()
    agreement = result.kmeans.agreement
    confusion = (*agreement.confusion[:2], (0, 0, 0), agreement.confusion[3])
    result.kmeans.pictures.means[2] = np.nan
    result = with_partition(
        result,
        0,
        "kmeans",
        sizes=(19, 17, 0, 13),
        agreement=agreement.model_copy(update={"confusion": confusion}),
    )
    means, _ = blocks(section_of(result), Plate)
    assert means.panels[0].strips[0].columns == ["ring", "bar", "dot"]


def test_a_number_of_clusters_that_was_chosen_stands_with_those_that_were_tried():
    table = blocks(section_of(clusters()), Table)[0]
    assert [cell.text for cell in table.rows[0]] == ["m: silhouette", "0.110", "0.125", "0.100"]
    assert [cell.best for cell in table.rows[0]] == [False, False, True, False]
    result = clusters()
    for place in range(3):
        result = with_row(result, place, choice=None)
    heads = [table.head[0][0] for table in blocks(section_of(result), Table)]
    assert "Number of clusters" not in heads


def test_clusters_without_labels_go_by_number():
    section = section_of(clusters(labels=()))
    means, _ = blocks(section, Plate)
    # The larger first.
    assert means.panels[0].strips[0].columns == ["#1", "#2", "#4", "#3"]
    assert all(table.head[0][0] != "Cluster" for table in blocks(section, Table))


def test_vectors_have_tables_alone():
    section = section_of(clusters(shape=(20,)))
    assert not blocks(section, Plate)
    assert blocks(section, Table)[-1].head[0][0] == "Cluster"


def test_a_way_of_clustering_says_what_it_was_fitted_to():
    result = with_partition(clusters(), 0, "agglomerative", n_fitted=77)
    (table,) = [table for table in blocks(section_of(result), Table) if table.apart]
    fitted = [cell.text for cell in columns(table, "Fitted on", "codes")]
    assert fitted[:4] == ["100", "100", "77", "100"]


def test_numbers_of_clusters_are_not_merged_over_data():
    other = with_row(clusters("b"), 1, k=3)
    runs = [[run("a", clusters("a"))], [run("b", other, data="other")]]
    table = blocks(ANALYSIS.section(subject(ANALYSIS, *runs)), Table)[0]
    starred = {row[0].text: [cell.best for cell in row[1:]] for row in table.rows}
    assert starred[f"raw pixels ({SPLIT.format('toy')}): silhouette"] == [False, True, False]
    assert starred[f"raw pixels ({SPLIT.format('other')}): silhouette"] == [True, False, False]


MISSING = Skip(item="UMAP was", reason="missing_package", detail={"command": "pip install it"})


def test_what_was_left_out_is_said_once():
    result = clusters()
    for place in range(3):
        result = with_row(result, place, skipped=(MISSING,))
    (aside,) = blocks(section_of(result), Aside)
    assert aside.paragraphs == ["UMAP was left out: install it with: pip install it."]
    assert not ANALYSIS.is_current(result)
    assert ANALYSIS.is_current(clusters())


def _empty(reason="no_labels"):
    row = code_clusters("m", "model", 2, 0.5)
    skip = Skip(item="Clusters [all] were", reason=reason)
    row = row.model_copy(update={"partitions": (), "k": None, "choice": None, "skipped": (skip,)})
    return clusters().model_copy(update={"rows": (row,)})


def test_findings_of_nothing_but_an_excuse_are_shown(printed):  # noqa: F811
    section = section_of(_empty())
    sentence = "Clusters [all] were left out: the data have no labels."
    assert blocks(section, Aside)[0].paragraphs == [sentence]
    assert not blocks(section, Table)
    assert joined(table_of(printed, _empty())).count(sentence) == 1


def test_scores_are_those_of_each_code():
    model, pixels, pca = ANALYSIS.scores(clusters())
    assert [code.kind for code in (model, pixels, pca)] == ["model", "pixels", "pca"]
    assert list(model.scores) == [metric.key for metric in ANALYSIS.metrics]
    assert model.scores["kmeans_accuracy"] == 0.5
    assert pixels.scores["umap_hungarian"] == pytest.approx(0.7)
    assert pca.scores["kmeans_ari"] == pytest.approx(0.32)
    assert not any(code.scores for code in ANALYSIS.scores(clusters(labels=())))


@pytest.mark.parametrize("settings", [{"k": 50}, {"k": "auto"}, {"fit": "all"}])
def test_other_ways_to_cluster_are_not_what_was_reported(settings):
    """More clusters are purer ones."""
    result = clusters()
    assert ANALYSIS.not_customary(result, run("m", result)) == ()
    other = result.model_copy(update={"settings": ANALYSIS.settings(**settings)})
    (metric,) = ANALYSIS.not_customary(other, run("m", other))
    assert metric.key == "kmeans_accuracy"


@pytest.mark.parametrize("width", [50, 80, 180])
def test_the_table_fits_any_width(printed, width):  # noqa: F811
    text = table_of(printed, clusters(seed=0), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width > 50:
        phrases = ("simple-20, K-means", "49.0 %", "4 clusters by silhouette (3: 0.110, 4: 0.125")
        assert all(phrase in joined(text) for phrase in (*phrases, "fitted"))


def test_each_way_of_clustering_prints_what_it_was_fitted_to(printed):  # noqa: F811
    result = with_partition(clusters(), 0, "agglomerative", n_fitted=77)
    text = table_of(printed, result, 180)
    assert re.search(r"simple-20, K-means +4 +100 ", text)
    assert re.search(r"simple-20, Agglomerative +4 +77 ", text)
    assert not re.search(r"fitted +accuracy", table_of(printed, result, 60))


def test_each_protocol_is_told_once():
    result = with_row(clusters(), 1, k=5)
    sentences = ANALYSIS.protocol(result)
    assert sentences[:2] == [
        "4 clusters, a number chosen without labels, by the silhouette of K-means (of the mixture: "
        "by BIC)",
        "Fitted to at most 100 training examples, scored on 60 test examples",
    ]
    assert sum(sentence.startswith("5 clusters") for sentence in sentences) == 1
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize(
    "changes",
    [
        {"label_names": ("ring", "bar")},
        {"label_names": ("ring", "bar", "line")},
        {"rows": []},
    ],
)
def test_what_does_not_fit_together_is_refused(changes):
    content = clusters().model_dump()
    with pytest.raises(ValueError, match="columns|no labels|at least 1"):
        type(clusters()).model_validate({**content, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"k": 3},
        {"sizes": (19, 17, 11, 12)},
        {"method": "k-means"},
        {"agreement": {"majority": 2.0}},
        {"pictures": {"test_clusters": np.array([4])}},
    ],
)
def test_a_partition_that_does_not_fit_is_refused(changes):
    content = clusters().model_dump()
    content["rows"][0]["partitions"][0].update(changes)
    with pytest.raises(ValueError, match="validation error"):
        type(clusters()).model_validate(content)


def test_choices_survive_json():
    assert CHOICE == type(CHOICE).model_validate_json(CHOICE.model_dump_json())
