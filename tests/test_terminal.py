"""What a terminal shows of runs and studies, at any width."""

import re
from io import StringIO

import pytest
from rich.console import Console

from latentscape import terminal
from latentscape.reporting.learned import learned_baselines
from latentscape.terminal import layout
from reporting.synthetic import COLLAPSE, SUPERVISED, findings, likelihood, study_of, variant
from reporting.synthetic_learned import analysed, study_of_analysed


@pytest.fixture
def shown(monkeypatch):
    """Return a function that prints findings on a terminal of some width."""

    def show(printing, values, width=80, colours=False):
        stream, system = StringIO(), "standard" if colours else None
        console = Console(
            file=stream, width=width, color_system=system, force_terminal=colours, no_color=False
        )
        monkeypatch.setattr(layout, "_console", lambda: console)
        printing(values)
        return stream.getvalue()

    return show


def _run(run):
    return terminal.print_run, run.values


def _joined(text):
    return re.sub(r"\s+", " ", text)


def test_a_bound_is_printed_as_the_sum_it_is(shown):
    text = shown(*_run(variant("vae")))
    assert "ELBO −100.2 nats per image = −(distortion 94.45 + rate 5.800)" in text
    assert "4 of 6 dimensions active, dimensions 1 and 4 inactive" in text


def test_a_codebook_is_printed_with_its_use(shown):
    assert "31 of 32 codes used, perplexity 25.25" in shown(*_run(variant("vq")))


def test_many_inactive_dimensions_are_not_listed(shown):
    run = variant("vae")
    run.values["latent"] |= {"active": [True] + [False] * 40, "collapsed": list(range(1, 41))}
    run.values["latent"]["active_units"] = 1
    assert "1 of 41 dimensions active\n" in shown(*_run(run))


def test_a_collapse_is_printed_once_and_in_red(shown):
    run = variant("collapsed")
    assert _joined(shown(*_run(run))).count(f"{COLLAPSE}.") == 1
    assert "\x1b[1;31mThe posterior has collapsed" in shown(*_run(run), colours=True)


def test_a_likelihood_is_printed_with_protocol_and_warning(shown):
    text = shown(*_run(variant("vae")))
    assert "NLL 98.12 ± 0.44 nats per image, 1.180 bits per dimension" in text
    assert "  500 importance samples for each of 60 test images." in text
    assert "  Trained on grey pixels and measured on others." in text
    coloured = shown(*_run(variant("vae")), colours=True)
    assert "\x1b[33mTrained on grey pixels" in coloured


def test_a_likelihood_of_one_image_has_no_error(shown):
    run = variant("vae")
    run.values["likelihood"] = likelihood(se=None, warning="")
    text = shown(*_run(run))
    assert "NLL 98.12 nats per image" in text
    assert "±" not in text


def test_quality_is_printed_beside_real_images(shown):
    text = _joined(shown(*_run(variant("conditional"))))
    assert "2,000 samples from the prior: Fréchet classifier distance 40.12 (0.2665)" in text
    assert "precision 51 % (88 %), recall 1.4 % (87 %)" in text
    assert "label distance 35 %, label asked for recognised in 62 %" in text
    assert (
        "names 98.6 % of the test images rightly: compare runs on the same data, with as many"
        in text
    )
    assert "recognised" not in shown(*_run(variant("vae")))


def test_a_supervised_run_says_so(shown):
    text = shown(*_run(variant("conditional")), width=120)
    assert "conditional (labels)" in text
    assert SUPERVISED in text
    assert "Supervised" not in shown(*_run(variant("vae")))


def test_a_plain_run_has_none_of_it(shown):
    text = shown(*_run(findings(events=[{"epoch": 3, "what": "loss became [NaN]"}])))
    assert "Epoch 3: loss became [NaN]" in text
    assert not re.search("ELBO|NLL|samples|labels|collapsed", text)


def _study(seeds=1):
    kinds = ("vae", "collapsed", "conditional", "vq")
    groups = [[variant(kind, seed=seed) for seed in range(seeds)] for kind in kinds]
    long = "a plain autoencoder with a label of many words"
    return study_of([*groups, [findings(long, seed=seed) for seed in range(seeds)]])


@pytest.mark.parametrize("width", [60, 80, 100, 120, 180])
@pytest.mark.parametrize("seeds", [1, 3])
def test_numbers_are_never_cut_off(shown, width, seeds):
    text = shown(terminal.print_study, _study(seeds), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert all(number in text for number in ("0.01000", "−100.2", "−150.5", "4 of 6", "0 of 6"))
    assert ("± 0.00040" in text) == (seeds > 1)


def test_a_wide_terminal_shows_all_columns_and_a_narrow_one_the_first(shown):
    wide, narrow = (_joined(shown(terminal.print_study, _study(), w)) for w in (180, 60))
    assert "98.12" in wide
    assert "PCA's" in wide
    assert "PSNR" in wide
    assert "98.12" not in narrow
    assert "ELBO" in narrow


def test_numbers_of_a_run_fit_into_a_narrow_terminal(shown):
    text = shown(*_run(variant("vae")), width=50)
    assert "0.01000" in text
    assert all(len(line) <= 50 for line in text.splitlines())


def test_columns_of_bounds_are_left_out_where_no_row_has_them(shown):
    text = shown(terminal.print_study, study_of([[findings("a")], [findings("b")]]), 180)
    assert not re.search("ELBO|NLL|Active", text)


def test_marks_of_a_study_are_explained_below(shown):
    text = _joined(shown(terminal.print_study, _study(), 120))
    assert "collapsed (collapsed) 0.01000" in text
    assert "conditional (labels) 0.01000" in text
    assert f"(labels) conditional: {SUPERVISED}" in text
    assert f"(collapsed) collapsed: {COLLAPSE}." in text


def test_a_study_of_an_earlier_version_is_still_printed(shown):
    study = study_of([[findings("[a]")]])
    for key in ("latent", "likelihood", "collapse", "supervised", "labels_used"):
        del study["rows"][0][key]
    assert "[a]" in shown(terminal.print_study, study)


def test_a_run_shows_what_its_code_is_good_for_beside_its_baselines(shown):
    text = shown(*_run(analysed("m")))
    assert re.search(r"m +raw pixels +PCA, 2", text)
    assert re.search(r"K-means accuracy, majority +49.0 % +53.0 % +47.0 %", text)
    assert re.search(r"Readable, of 16 +12 +16 +–", text)
    assert "What the code is good for" not in shown(*_run(findings("m")))


def _analysed_study():
    groups = [[analysed(n, latent_dim=2, seed=s) for s in range(3)] for n in ("one", "another")]
    study = study_of_analysed(groups)
    for row in study["rows"]:
        row["reported"] = [
            {"metric": "kmeans_accuracy", "reported": 0.5457, "obtained": 0.5, "latent_dim": 2}
        ]
    runs = [[run.values for run in group] for group in groups]
    return study | {"baselines": learned_baselines(runs)}


@pytest.mark.parametrize("width", [60, 80, 180])
def test_a_study_shows_them_with_deviations(shown, width):
    text = shown(terminal.print_study, _analysed_study(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "raw pixels" in text
    assert "± 1.0 %" in text
    assert ("ARI" in text) == (width == 180)
    assert re.search(r"54.6 % +50.0 ± 1.0 %", text)


PRINTERS = {
    "clustering": terminal.print_clusters,
    "probing": terminal.print_probes,
    "projection": terminal.print_maps,
    "legibility": terminal.print_legibility,
    "anomalies": terminal.print_anomalies,
    "neighbours": terminal.print_neighbours,
}
SAID = {
    "clustering": [
        *("simple-20, K-means", "49.0 %", "4 clusters by silhouette (3: 0.110, 4: 0.125"),
        "fitted",
    ],
    "probing": ["simple-20, k-NN", "59.0 ± 2.0 %", "raw pixels, MLP"],
    "projection": ["t-SNE: raw pixels", "0.953", "87.5 %"],
    "legibility": ["75.0 % of 60", "PCA 70.0 %, originals 98.5 %", "epoch 1: 8, epoch 3: 12"],
    "anomalies": ["Reconstruction error 0.900 0.890", "Normal: ring. 40 of 60 images"],
    "neighbours": [
        "By the code, the nearest training image of 91.7 % of the test images has their label (by "
        "pixels 94.6 %)."
    ],
}


@pytest.mark.parametrize("part", PRINTERS)
@pytest.mark.parametrize("width", [50, 80, 180])
def test_each_part_is_printed_at_any_width(shown, part, width):
    text = shown(PRINTERS[part], analysed(parts=(part,)).values[part], width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width > 50:
        assert all(said in _joined(text) for said in SAID[part])


@pytest.mark.parametrize("part", PRINTERS)
def test_what_was_left_out_is_printed_once(shown, part):
    values = analysed(parts=(part,)).values[part]
    for holder in (values, *values.get("rows", ())):
        holder["left_out"] = ["There are no [labels]"]
    assert shown(PRINTERS[part], values).count("There are no [labels].") == 1


@pytest.mark.parametrize("part", PRINTERS)
def test_parts_of_nothing_but_an_excuse_are_printed(shown, part):
    code = {"name": "m", "kind": "model", "methods": {}, "results": {}, "chosen": None}
    values = {"rows": [code], "maps": [], "scores": {}, "baselines": {}, "normal": None, "k": 5}
    text = shown(PRINTERS[part], {**values, "left_out": ["There are no labels"]})
    assert "There are no labels." in text


def test_each_way_of_clustering_says_what_it_was_fitted_to(shown):
    values = analysed(parts=("clustering",)).values["clustering"]
    values["rows"][0]["methods"]["agglomerative"]["n_fit"] = 77
    text = shown(terminal.print_clusters, values, 180)
    assert re.search(r"simple-20, K-means +4 +100 ", text)
    assert re.search(r"simple-20, Agglomerative +4 +77 ", text)
    assert "fitted" not in shown(terminal.print_clusters, values, 60)


def test_a_run_says_what_its_neighbours_are_worth(shown):
    text = _joined(shown(*_run(analysed("m", parts=("neighbours",)))))
    assert "By the code, the nearest training image of 91.7 % of the test images" in text
    assert "nearest training image" not in shown(*_run(findings("m")))


def test_a_collapsed_code_has_no_nearest_image(shown):
    values = analysed(parts=("neighbours",)).values["neighbours"]
    del values["agreement"]["latent"]
    text = _joined(shown(terminal.print_neighbours, values))
    assert "By pixels, the nearest training image of 94.6 % of the test images has" in text
    assert "code" not in text


def test_anomalies_without_a_normal_say_no_more_than_why(shown):
    values = analysed(parts=("anomalies",)).values["anomalies"]
    values |= {"normal": None, "n_anomalous": None, "left_out": ["No labels were named"]}
    for score in (*values["scores"].values(), *values["baselines"].values()):
        score["auroc"] = None
    lines = shown(terminal.print_anomalies, values).splitlines()
    assert [line.strip() for line in lines] == [
        "Codes of training images of the normal labels are the reference.",
        "No labels were named.",
    ]


def _one_vs_rest(seeds=1):
    groups = [
        [analysed(name, normal=[name], gain=gain, seed=seed) for seed in range(seeds)]
        for name, gain in (("ring", 0.0), ("bar", 0.04))
    ]
    study = study_of_analysed(groups)
    for row, shift in zip(study["rows"], (0.0, 0.02), strict=True):
        sd = 0.0123 if seeds > 1 else None
        row["anomaly_baselines"] = {
            name: {"mean": 0.8 + shift, "sd": sd, "n": seeds}
            for name in ("pca_reconstruction", "pixel_rank_average")
        }
    study["anomalies"] = {
        "scores": {"reconstruction": {"mean": 0.92, "sd": 0.0283, "n": 2}},
        "baselines": {"pca_reconstruction": {"mean": 0.81, "sd": 0.0141, "n": 2}},
    }
    return study


def test_a_study_prints_auroc_row_by_row_and_their_mean(shown):
    text = shown(terminal.print_study, _one_vs_rest(), 180)
    table = text[text.index("Anomalies: AUROC") :].splitlines()
    lines = {line.split()[0]: line.split()[1:] for line in table if line.split()}
    # Four scores of the model, then the two baselines that were measured.
    assert lines["ring"] == ["0.900", "0.910", "0.920", "0.930", "0.800", "0.800"]
    assert lines["bar"] == ["0.940", "0.950", "0.960", "0.970", "0.820", "0.820"]
    assert lines["mean"] == ["0.920", "–", "–", "–", "0.810", "–"]


@pytest.mark.parametrize("width", [50, 80])
def test_auroc_of_a_study_fits_into_a_narrow_terminal(shown, width):
    text = shown(terminal.print_study, _one_vs_rest(2), width)
    assert max(map(len, text.splitlines())) <= width
    assert "0.930" in text
    assert "±" in text[text.index("Anomalies: AUROC") :]


def test_a_study_without_anomalies_has_no_table_of_them(shown):
    assert "AUROC" not in shown(terminal.print_study, study_of([[findings("a")]]))
    study = _one_vs_rest() | {"anomalies": None}
    assert "mean" not in shown(terminal.print_study, study, 180).split("Anomalies: AUROC")[1]


def test_the_judge_of_legibility_is_always_named(shown):
    text = _joined(shown(terminal.print_legibility, analysed().values["legibility"]))
    assert "The judge reads 98.5 % of 60 test images rightly" in text
