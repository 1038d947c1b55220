"""What a report says of codes: worth, clusters, probes, maps, legibility, anomalies."""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from latentscape.analyses.anomalies import section as anomalies
from latentscape.analyses.clusters import section as clusters
from latentscape.analyses.legibility import section as legible
from latentscape.analyses.maps import section as maps
from latentscape.analyses.neighbours import section as neighbours
from latentscape.analyses.probes import section as probes
from latentscape.api.pages import reported, worth
from latentscape.api.pages.page import write_page
from latentscape.api.pages.plates import progress
from latentscape.reporting.blocks import Gallery, Plate, Prose, Table
from latentscape.reporting.strips import sheet
from latentscape.reporting.subject import Subject, gather

from .synthetic import findings, variant
from .synthetic_learned import PARTS, analysed, study_of_analysed
from .test_page import Page

SECTIONS = {"worth", "clusters", "probes", "maps", "legibility", "neighbours", "anomalies"}
MADE = {
    "clustering": {"worth", "clusters"},
    "probing": {"worth", "probes"},
    "projection": {"maps"},
    "legibility": {"worth", "legibility"},
    "neighbours": {"neighbours"},
    "anomalies": {"anomalies"},
}


SPLIT = "{}, train: 100, validation: 10, test: 60, split 0"


def _elsewhere(run):
    """Let a run have been trained and tested on other data."""
    run.values["data"]["name"] = "other"
    run.arrays["originals"] = 1 - run.arrays["originals"]
    run.arrays["neighbour_queries"] = 1 - run.arrays["neighbour_queries"]
    return run


def _subject(*runs):
    return Subject(None, gather(None, runs))


def _study(*groups):
    study = study_of_analysed(groups)
    return Subject(study, gather(study, [run for group in groups for run in group]))


def _blocks(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def _column(table, name, unit=None):
    (place,) = [
        n for n, head in enumerate(table.head) if head[0] == name and unit in (None, head[1])
    ]
    return [row[place] for row in table.rows]


def _written(folder, *runs, study=None):
    return write_page("T", "", study, runs, folder).read_text("utf-8")


@pytest.mark.parametrize("part", PARTS)
def test_a_section_stands_where_its_findings_do(part, tmp_path):
    page = Page(_written(tmp_path, analysed(parts=(part,))))
    assert page.sections & SECTIONS == MADE[part]


def test_a_run_that_was_not_analysed_has_none_of_them(tmp_path):
    assert not Page(_written(tmp_path, findings())).sections & SECTIONS


@pytest.mark.parametrize(
    "more",
    [{}, {"shape": (3, 9, 14), "latent_dim": 5}, {"shape": (20,)}, {"labelled": False}],
    ids=["grey", "colour", "vectors", "unlabelled"],
)
def test_pages_of_all_kinds_of_data_are_whole(more, tmp_path):
    parts = [part for part in PARTS if more.get("labelled", True) or part != "legibility"]
    text = _written(tmp_path, analysed(parts=parts, **more))
    page = Page(text)
    assert not page.all("script")
    for _, attributes in page.elements:
        for name in ("src", "href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png;base64,"))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in page.all("svg"))
    assert not re.search(r"\b(nan|None|inf|undefined)\b", re.sub(r"base64,[^\"]*", "", text))
    for path in (tmp_path / "figures").glob("*.svg"):
        ET.fromstring(path.read_text("utf-8"))


def test_a_whole_study_is_one_file_of_modest_size(tmp_path):
    groups = [
        [analysed(f"{n} {d}", latent_dim=d, seed=s) for s in range(3)]
        for n in "abc"
        for d in (2, 6)
    ]
    study = study_of_analysed(groups)
    text = _written(tmp_path, *(run for group in groups for run in group), study=study)
    assert Page(text).sections >= SECTIONS
    assert len(text) < 4_000_000


# --- what the code is good for ---


def test_models_and_baselines_stand_in_one_table_each_of_them_once():
    groups = [[analysed(n, latent_dim=d, seed=s) for s in (0, 1)] for n, d in (("a", 2), ("b", 6))]
    first, second = _blocks(worth.section(_study(*groups)), Table)
    for table in (first, second):
        names = [row[0].text for row in table.rows]
        assert names == ["a", "b", "raw pixels", "PCA, 2", "PCA, 6"]
        assert table.apart == 3
    cell = _column(first, "K-means accuracy", "majority")[0]
    assert (cell.text, cell.note) == ("49.5 %", "± 0.7")
    assert _column(second, "Readable", "of 16")[0].text == "12.5"


def test_a_baseline_that_is_best_is_marked_best():
    first, second = _blocks(worth.section(_subject(analysed(gain=-0.1))), Table)
    best = [cell.best for cell in _column(first, "K-means accuracy", "majority")]
    assert best == [False, True, False]
    # Originals are no reconstructions, so the share of them that is read is nobody's to beat.
    readable = _column(second, "Readable", "of test images")
    assert [cell.text for cell in readable] == ["65.0 %", "98.5 %", "70.0 %"]
    assert [cell.best for cell in readable] == [False, False, True]


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (0.2, "m beats raw pixels and PCA, 2 in everything measured."),
        (-0.2, "m does not beat raw pixels or PCA, 2 in anything measured."),
        (
            0.0,
            "m does not beat raw pixels in anything measured; it beats PCA, 2 in everything "
            "measured.",
        ),
    ],
)
def test_what_is_not_beaten_is_said(gain, verdict):
    assert worth.section(_subject(analysed("m", gain=gain))).blocks[-1].paragraphs == [verdict]


def test_metrics_that_are_not_beaten_are_named():
    run = analysed("m", gain=0.2, parts=("clustering",))
    run.values["clustering"]["rows"][1]["methods"]["kmeans"] |= {"majority": 0.9, "nmi": 0.9}
    (verdict,) = worth.section(_subject(run)).blocks[-1].paragraphs
    assert verdict.startswith(
        "m does not beat raw pixels in K-means accuracy (majority) and K-means NMI; it beats"
    )


def test_few_metrics_stand_in_one_table():
    (table,) = _blocks(worth.section(_subject(analysed(parts=("probing", "legibility")))), Table)
    assert len(table.head) == 6
    assert "Trained on train, chosen on validation, scored on test." in table.caption
    assert "highest probability." in table.caption


# --- reported and obtained ---


def _claimed(label, reported_numbers, **more):
    run = analysed(label, **more)
    run.values["reported"] = [
        {"metric": metric, "reported": said, "obtained": got, "latent_dim": 2}
        for metric, (said, got) in reported_numbers.items()
    ]
    return run


def test_accuracies_are_reported_in_percent_and_differ_by_points():
    run = _claimed("m", {"kmeans_accuracy": (0.5457, 0.561), "readable_of_16": (9, 8)})
    (table,) = _blocks(reported.section(_subject(run)), Table)
    lines = [[cell.text for cell in row[3:]] for row in table.rows]
    assert lines == [["54.6 %", "56.1 %", "+1.5 points", "yes"], ["9", "8", "−1", "no"]]


def test_several_models_and_metrics_are_crossed_with_their_deviations():
    groups = [
        [_claimed("a", {"kmeans_accuracy": (0.4, 0.495)}, seed=s) for s in (0, 1)],
        [_claimed("b", {"readable_of_16": (16, 12.5)}, seed=s) for s in (0, 1)],
        [analysed("c", seed=s) for s in (0, 1)],
    ]
    for run in groups[2]:
        run.values["reported"] = []
    (table,) = _blocks(reported.section(_study(*groups)), Table)
    obtained = _column(table, "K-means accuracy", "obtained")
    assert [(cell.text, cell.note) for cell in obtained] == [
        ("49.5 %", "± 0.7, reached"),
        ("49.5 %", "± 0.7"),
        ("49.5 %", "± 0.7"),
    ]
    said = _column(table, "Readable of 16", "reported")
    assert [cell.text for cell in said] == ["–", "16", "–"]
    assert _column(table, "Readable of 16", "obtained")[1].note == "± 0.71, not reached"
    assert _column(table, "Training")[0].note == "1.0 ×"


# --- clusters ---


def test_clusters_stand_in_the_order_of_their_labels():
    section = clusters.section(_subject(analysed()))
    means, examples = _blocks(section, Plate)
    assert means.panels[0].strips[0].columns == ["ring", "bar", "bar", "dot"]
    assert [strip.label for strip in examples.panels[0].strips] == [
        "ring · 19",
        "bar · 17",
        "bar · 11",
        "dot · 13",
    ]
    confusion = _blocks(section, Table)[-1]
    assert [cell.text for cell in confusion.rows[1]] == ["bar", "2", "11", "4", "17"]
    assert confusion.rows[1][2].heat == pytest.approx(11 / 17)


def test_a_cluster_without_test_images_is_not_shown():
    run = analysed()
    method = run.values["clustering"]["rows"][0]["methods"]["kmeans"]
    method["sizes"][2], method["confusion"][2] = 0, [0, 0, 0]
    run.arrays["cluster_means"][2] = np.nan
    means, _ = _blocks(clusters.section(_subject(run)), Plate)
    assert means.panels[0].strips[0].columns == ["ring", "bar", "dot"]


def test_a_number_of_clusters_that_was_chosen_stands_with_those_that_were_tried():
    table = _blocks(clusters.section(_subject(analysed("m"))), Table)[0]
    assert [cell.text for cell in table.rows[0]] == ["m: silhouette", "0.110", "0.125", "0.100"]
    assert [cell.best for cell in table.rows[0]] == [False, False, True, False]
    run = analysed()
    for row in run.values["clustering"]["rows"]:
        row["chosen"] = None
    heads = [table.head[0][0] for table in _blocks(clusters.section(_subject(run)), Table)]
    assert "Number of clusters" not in heads


def test_clusters_without_labels_go_by_number():
    section = clusters.section(_subject(analysed(labelled=False)))
    means, _ = _blocks(section, Plate)
    # The larger first.
    assert means.panels[0].strips[0].columns == ["#1", "#2", "#4", "#3"]
    assert all(table.head[0][0] != "Cluster" for table in _blocks(section, Table))


def test_codes_of_two_numbers_are_drawn_by_label_and_by_cluster():
    (row,) = _subject(analysed()).rows
    by_label, by_cluster = maps.latent_map(row).svg, maps.cluster_map(row).svg
    assert len(re.findall('class="ring', by_label)) == 3
    assert len(re.findall('class="ring', by_cluster)) == 4
    assert len(re.findall('class="ring k1"', by_cluster)) == 2  # two clusters of one label


def test_a_way_of_clustering_says_what_it_was_fitted_to():
    run = analysed("m")
    run.values["clustering"]["rows"][0]["methods"]["agglomerative"]["n_fit"] = 77
    (table,) = [t for t in _blocks(clusters.section(_subject(run)), Table) if t.apart]
    fitted = [cell.text for cell in _column(table, "Fitted on", "codes")]
    assert fitted[:4] == ["100", "100", "77", "100"]


def test_clusters_of_codes_without_labels_go_by_number_on_their_map():
    (row,) = _subject(analysed(labelled=False)).rows
    chart = maps.cluster_map(row)
    assert re.findall(r">(#\d)<", chart.svg) == ["#1", "#2", "#3", "#4"]
    assert chart.caption.endswith("by cluster, each under its number")


def test_numbers_of_clusters_are_not_merged_over_data():
    other = _elsewhere(analysed("b"))
    other.values["clustering"]["rows"][1] |= {"k": 3}
    table = _blocks(clusters.section(_study([analysed("a")], [other])), Table)[0]
    starred = {row[0].text: [cell.best for cell in row[1:]] for row in table.rows}
    assert starred[f"raw pixels ({SPLIT.format('toy')}): silhouette"] == [False, True, False]
    assert starred[f"raw pixels ({SPLIT.format('other')}): silhouette"] == [True, False, False]


def test_what_was_left_out_is_said_once(tmp_path):
    run = analysed()
    sentence = "UMAP was left out: install it"
    for row in run.values["clustering"]["rows"]:
        row["left_out"] = [sentence]
    assert _written(tmp_path, run).count(f"{sentence}.") == 1


def test_findings_of_nothing_but_an_excuse_are_shown(tmp_path):
    run = analysed(parts=())
    out = {"protocol": "", "left_out": ["There are no labels"]}
    run.values["clustering"] = {"protocol": "", "rows": [_nothing("methods")]}
    run.values["probing"] = {"protocol": "", "rows": [_nothing("results")]}
    run.values["projection"] = {**out, "rows": [], "maps": []}
    run.values["legibility"] = {**out}
    run.values["neighbours"] = {**out, "k": 8, "agreement": {}}
    run.values["anomalies"] = {**out, "normal": None, "scores": {}, "baselines": {}, "n": 60}
    text = _written(tmp_path, run)
    assert text.count("There are no labels.") == 6
    assert "worth" not in Page(text).sections


def _nothing(part):
    return {
        **{"name": "m", "kind": "model", "dim": 2, "left_out": ["There are no labels"]},
        **{"protocol": "", "chosen": None, "k": None, part: {}},
    }


# --- probes ---


def test_probes_are_drawn_and_listed_by_number_of_labels():
    section = probes.section(_subject(analysed("m", seed=1)))
    curves, learning = _blocks(section, Gallery)
    assert [chart.name for chart in curves.charts] == ["probe-knn", "probe-logistic", "probe-mlp"]
    assert "m ends at 70.00." in curves.charts[0].svg
    assert [chart.name for chart in learning.charts] == ["probe-loss-m", "probe-accuracy-m"]
    table = _blocks(section, Table)[0]
    assert [head[0] for head in table.head] == ["k-NN on", "10", "30", "100", "Chosen"]
    assert (table.rows[0][1].text, table.rows[0][1].note) == ("60.0 %", "± 2.0")
    assert table.rows[0][-1].text == "k 5"
    assert table.apart == 2


def test_probes_of_several_seeds_are_averaged_and_baselines_stand_once():
    section = probes.section(_study([analysed("m", seed=s) for s in (0, 1, 2)]))
    table = _blocks(section, Table)[0]
    assert [row[0].text for row in table.rows] == ["m", "raw pixels", "PCA, 2"]
    assert (table.rows[0][3].text, table.rows[0][3].note) == ("70.0 %", "± 1.0")
    # The baseline is the same for every seed: its deviation is the one over draws.
    assert table.rows[1][1].note == "± 2.0"
    assert table.rows[1][3].note == ""


def test_probes_of_raw_pixels_are_not_merged_over_data():
    other = _elsewhere(analysed("b"))
    entry = other.values["probing"]["rows"][1]["results"]["knn"][0]
    entry["accuracy"] = {**entry["accuracy"], "mean": 0.25}
    table = _blocks(probes.section(_study([analysed("a")], [other])), Table)[0]
    found = {row[0].text: row[1].text for row in table.rows}
    assert found[f"raw pixels ({SPLIT.format('toy')})"] == "63.0 %"
    assert found[f"raw pixels ({SPLIT.format('other')})"] == "25.0 %"


def test_probes_with_all_labels_only_need_no_curve():
    run = analysed(parts=("probing",))
    for row in run.values["probing"]["rows"]:
        row["curves"] = []
        row["results"] = {kind: entries[-1:] for kind, entries in row["results"].items()}
    section = probes.section(_subject(run))
    assert not _blocks(section, Gallery)
    assert len(_blocks(section, Table)) == 3


# --- maps ---


def test_maps_of_pixels_and_pca_stand_before_those_of_the_models():
    section = maps.section(_study([analysed("a")], [analysed("b", latent_dim=6)]))
    galleries = _blocks(section, Gallery)
    assert [gallery.title.partition(":")[0] for gallery in galleries] == ["PCA", "t-SNE", "UMAP"]
    names = [chart.caption for chart in galleries[1].charts]
    assert names == ["raw pixels", "PCA, 2", "PCA, 6", "a", "b"]
    assert "trustworthiness 0.953 · continuity 0.970 · k-NN 87.5 %" in galleries[1].charts[0].svg
    assert galleries[1].title == "t-SNE: perplexity 30"


def test_maps_of_raw_pixels_are_not_merged_over_data():
    section = maps.section(_study([analysed("a")], [_elsewhere(analysed("b"))]))
    names = [chart.caption for chart in _blocks(section, Gallery)[0].charts]
    both = [f"{name} ({SPLIT.format('toy')})" for name in ("raw pixels", "PCA, 2")]
    assert names == [*both, *(name.replace("toy", "other") for name in both), "a", "b"]


@pytest.mark.parametrize(("dim", "method"), [(2, "The code itself"), (6, "t-SNE")])
def test_images_are_drawn_on_one_map_of_the_model(dim, method, tmp_path):
    run = analysed("m", latent_dim=dim)
    chart = maps.section(_subject(run)).blocks[-1]
    assert f"m, {method}:" in chart.caption
    pictures = re.findall(r'href="data:image/png;base64,([^"]*)"', chart.svg)
    assert 1 <= len(pictures) <= 12
    assert Image.open(BytesIO(b64decode(pictures[0]))).size == (10, 12)


def test_images_on_a_map_do_not_cover_each_other():
    run = analysed(latent_dim=6)
    run.arrays["map_tsne_0"][:] = 0.0
    run.arrays["map_tsne_0"][0] = 1.0
    chart = maps.section(_subject(run)).blocks[-1]
    assert chart.svg.count("<image ") == 2


def test_maps_keep_their_proportions():
    run = analysed(latent_dim=6, parts=("projection",))
    run.arrays["map_tsne_0"] = np.stack([np.linspace(0, 10, 40), np.linspace(0, 1, 40)], axis=1)
    chart = _blocks(maps.section(_subject(run)), Gallery)[1].charts[-1]
    places = np.array(re.findall(r"M([\d.]+) ([\d.]+)h0", chart.svg), dtype=float)
    width, height = np.ptp(places, axis=0)
    assert width / height == pytest.approx(10, rel=0.05)


# --- legibility ---


def test_what_can_be_read_is_counted_epoch_by_epoch_and_by_label():
    groups = [[analysed("a", seed=s) for s in (0, 1)], [analysed("b", seed=s) for s in (0, 1)]]
    of_16, shares = _blocks(legible.section(_study(*groups)), Table)
    assert [name for name, _ in of_16.head] == ["Readable", "a", "b"]
    lines = {row[0].text: [cell.text for cell in row[1:]] for row in of_16.rows}
    assert lines == {
        "Epoch 1": ["8", "8"],
        "Epoch 3": ["12", "12"],
        "The model kept": ["12.5", "12.5"],
        "The originals": ["16", "16"],
    }
    assert [row[0].text for row in shares.rows] == ["a", "b", "PCA, 2", "The originals"]
    assert [cell.text for cell in shares.rows[0]] == ["a", "75.0 %", "90", "75", "60"]
    assert shares.rows[0][-1].heat == pytest.approx(0.4)


def test_the_accuracy_of_the_judge_is_always_told():
    assert "reads 98.5 % of 60 test images rightly" in legible.section(_subject(analysed())).lead


def test_what_was_read_stands_above_each_picture():
    section = legible.section(_subject(analysed("m")))
    (plate,) = _blocks(section, Plate)
    original, read = plate.panels[0].strips
    assert original.columns[:4] == ["ring", "bar", "dot", "ring"]
    assert read.columns[:5] == ["× bar", "bar", "dot", "ring", "× dot"]
    assert read.label == "m: 12 of 16"


def test_each_reconstruction_stands_under_its_own_original():
    other = _elsewhere(analysed("b"))
    other.arrays["example_labels"] = np.full(16, 2)
    other.values["legibility"] |= {"n": 80, "originals": 0.5}
    other.values["legibility"]["judge"] = {"accuracy": 0.5, "n_train": 90, "n_test": 80}
    section = legible.section(_study([analysed("a")], [other], [analysed("c")]))
    first, second = _blocks(section, Plate)
    assert [plate.name for plate in (first, second)] == ["legibility-a", "legibility-b"]
    assert [s.label.partition(":")[0] for s in first.panels[0].strips] == ["Original", "a", "c"]
    assert [s.label.partition(":")[0] for s in second.panels[0].strips] == ["Original", "b"]
    assert second.panels[0].strips[0].columns[:2] == ["dot", "dot"]
    assert "a, c: It learned from 100 labelled" in section.lead
    assert "b: It learned from 90 labelled training images and reads 50.0 % of 80" in section.lead
    of_16, shares = _blocks(section, Table)
    assert of_16.caption.startswith("Of sixteen test images of each split")
    assert shares.caption.startswith("Share of 60 to 80 test images")
    found = {row[0].text: row[1].text for row in shares.rows[-shares.apart :]}
    assert found[f"The originals ({SPLIT.format('toy')})"] == "98.5 %"
    assert found[f"The originals ({SPLIT.format('other')})"] == "50.0 %"
    assert len(found) == 4


def test_snapshots_tell_how_many_are_read():
    (plate,) = progress(_subject(analysed("m")))
    assert [panel.strips[0].label for panel in plate.panels[:2]] == ["m: 8 read", "m: 12 read"]
    (plain,) = progress(_subject(findings("m")))
    assert plain.panels[0].strips[0].label == "m"


# --- neighbours and anomalies ---


def test_neighbours_of_another_label_are_crossed():
    (plate,) = _blocks(neighbours.section(_subject(analysed("m"))), Plate)
    code, pixels = plate.panels
    assert code.title == "In the code of m"
    assert code.strips[0].columns == ["ring", "", "ring", "ring", "ring", "ring", "× bar"]
    assert pixels.strips[1].columns[-1] == "× dot"


def test_pixels_stand_once_beside_several_models():
    (plate,) = _blocks(neighbours.section(_subject(analysed("a"), analysed("b"))), Plate)
    assert [panel.title for panel in plate.panels] == [
        "In the code of a",
        "In the code of b",
        "In pixels",
    ]


def test_it_is_the_nearest_image_whose_label_is_counted():
    other = analysed("b", gain=0.01)
    told = _blocks(neighbours.section(_subject(analysed("a"), other)), Prose)[-1]
    sentence = (
        "By the code, the nearest training image of {} of the test images has their label (by "
        "pixels 94.6 %)."
    )
    assert told.paragraphs == [
        f"a: {sentence.format('91.7 %')}",
        f"b: {sentence.format('92.7 %')}",
    ]


def _collapsed(label):
    """Take away what analysis leaves out where all codes are the same."""
    run = analysed(label)
    del run.arrays["neighbours_latent"], run.arrays["neighbours_latent_labels"]
    del run.values["neighbours"]["agreement"]["latent"]
    run.values["neighbours"]["left_out"] = ["All codes are the same, so none is nearer"]
    return run


def test_a_collapsed_code_has_neighbours_in_pixels_only():
    section = neighbours.section(_subject(_collapsed("m")))
    (plate,) = _blocks(section, Plate)
    assert [panel.title for panel in plate.panels] == ["In pixels"]
    assert _blocks(section, Prose)[-1].paragraphs[0].startswith("By pixels, the nearest training")
    (plate,) = _blocks(neighbours.section(_subject(_collapsed("m"), analysed("b"))), Plate)
    assert [panel.title for panel in plate.panels] == ["In the code of b", "In pixels"]


def test_queries_without_any_neighbours_are_not_shown():
    run = _collapsed("m")
    del run.arrays["neighbours_pixels"], run.values["neighbours"]["agreement"]["pixels"]
    section = neighbours.section(_subject(run))
    assert not _blocks(section, Plate)
    assert len(_blocks(section, Prose)) == 1  # the protocol


def test_anomaly_scores_stand_beside_their_baselines():
    section = anomalies.section(_subject(analysed("m")))
    (table,) = _blocks(section, Table)
    assert [cell.text for cell in table.rows[0]] == ["Reconstruction error", "0.900", "0.890"]
    assert [cell.best for cell in table.rows[-1]] == [False, False, True]
    assert table.caption == "Normal is ring. 40 of 60 images are anomalous."


def test_a_study_of_labels_against_the_rest_ends_with_the_mean():
    groups = [
        [analysed(name, normal=[name], gain=gain, seed=s) for s in (0, 1)]
        for name, gain in (("ring", 0.0), ("bar", 0.04))
    ]
    (table,) = _blocks(anomalies.section(_study(*groups)), Table)
    assert [row[0].text for row in table.rows] == ["ring", "bar", "Mean"]
    assert table.apart == 1
    assert [cell.text for cell in _column(table, "Reconstruction error", "model")] == [
        "0.900",
        "0.940",
        "0.920",
    ]
    baseline = _column(table, "k-NN distance", "baseline")
    assert [cell.text for cell in baseline] == ["0.905", "0.905", "0.905"]


def test_means_and_baselines_are_those_of_the_study():
    groups = [[analysed(name, normal=[name])] for name in ("ring", "bar")]
    study = study_of_analysed(groups)
    for row in study["rows"]:
        row["anomaly_baselines"] = {"pixel_knn": {"mean": 0.625, "sd": 0.0125, "n": 2}}
    study["anomalies"] = {
        "scores": {"latent_knn": {"mean": 0.75, "sd": 0.1, "n": 2}},
        "baselines": {"pixel_knn": {"mean": 0.5, "sd": 0.1, "n": 2}},
    }
    subject = Subject(study, gather(study, [run for group in groups for run in group]))
    (table,) = _blocks(anomalies.section(subject), Table)
    baseline = _column(table, "k-NN distance", "baseline")
    assert [cell.text for cell in baseline] == ["0.625", "0.625", "0.500"]
    assert [cell.note for cell in baseline] == ["± 0.013", "± 0.013", ""]
    assert _column(table, "k-NN distance", "model")[-1].text == "0.750"


def test_models_with_the_same_normal_have_no_mean():
    section = anomalies.section(_study([analysed("a")], [analysed("b")]))
    (table,) = _blocks(section, Table)
    assert [row[0].text for row in table.rows] == ["a", "b"]


def test_an_image_of_nothing_is_a_gap():
    picture = Image.open(BytesIO(sheet(np.array([[[[1.0]]], [[[np.nan]]]]), 2, 96)))
    assert picture.getpixel((0, 0))[-1] == 255
    assert picture.getpixel((2, 0))[-1] == 0


def test_only_analysed_rows_of_a_study_are_in_the_sections():
    subject = _subject(analysed("a"), variant("vae"))
    table = _blocks(legible.section(subject), Table)[0]
    assert [name for name, _ in table.head] == ["Readable", "a"]
    assert [row[0].text for row in _blocks(worth.section(subject), Table)[0].rows][0] == "a"


def test_without_a_normal_there_is_no_auroc_but_there_are_pictures():
    run = analysed()
    found = run.values["anomalies"]
    found |= {"normal": None, "n_anomalous": None}
    for score in (*found["scores"].values(), *found["baselines"].values()):
        score["auroc"] = None
    section = anomalies.section(_subject(run))
    assert not _blocks(section, Table)
    assert len(_blocks(section, Plate)) == 1
    assert section.lead.startswith("The pictures are the images that are most unlike")
    assert "AUROC" not in section.lead
    (table,) = _blocks(anomalies.section(_subject(run, analysed("b"))), Table)
    assert [row[0].text for row in table.rows] == ["b"]
