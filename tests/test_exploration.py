"""Exploring runs and foreign codes: what is compared, what is kept, what is refused."""

import json

import numpy as np
import pytest
import torch

import latentscape
from latentscape.api import exploration
from latentscape.api.exploration import Ground, gather_codes
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.runs import read_findings

SMALL = {
    "data.train": 300,
    "data.test": 100,
    "model.encoder.widths": [32],
    "train.epochs": 2,
    "train.snapshots": [1, 2],
}
QUICK = ("kmeans",)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return latentscape.train("simple-20", changes=SMALL, folder=folder, quiet=True)


@pytest.fixture(scope="module")
def bench(run):
    return gather_codes(run.path)


@pytest.fixture(scope="module")
def labelled(digits):
    """Random codes that say something of the labels, in files."""
    rng = np.random.default_rng(0)
    return np.eye(10)[digits.labels] + 0.2 * rng.standard_normal((len(digits), 10)), digits.labels


def test_baselines_stand_beside_the_model(bench):
    assert [(row.name, row.kind, row.dim) for row in bench.rows] == [
        ("simple-20", "model", 20),
        ("raw pixels", "pixels", 784),
        ("PCA, 20", "pca", 20),
    ]
    for row in bench.rows:
        assert [len(row.part(p)) for p in ("train", "validation", "test", "all")] == [
            *bench.split.sizes.values(),
            sum(bench.split.sizes.values()),
        ]
    codes = latentscape.load(bench.run.path).encode(bench_images(bench)).detach().numpy()
    assert np.array_equal(bench.rows[0].test, codes)


def bench_images(bench):
    return torch.from_numpy(bench.split.dataset.images[bench.split.test])


def test_what_is_found_is_kept_with_the_run_and_only_the_asked_part_changes(run):
    before = read_findings(run.path)
    found = latentscape.cluster(run.path, methods=QUICK)
    after = read_findings(run.path)
    assert after.values["clustering"] == json.loads(json.dumps(found.values))
    assert after.values["evaluation"] == before.values["evaluation"]
    assert after.arrays.keys() - before.arrays.keys() == found.arrays.keys()
    for name, array in found.arrays.items():
        assert np.array_equal(after.arrays[name], array, equal_nan=True)


def test_evaluating_again_keeps_what_was_explored(run):
    latentscape.cluster(run.path, methods=QUICK)
    latentscape.legibility(run.path)
    before = read_findings(run.path)
    latentscape.evaluate(run.path)
    after = read_findings(run.path)
    assert after.values == before.values
    assert after.arrays.keys() == before.arrays.keys()


def test_fewer_clusters_leave_no_pictures_of_earlier_ones(run):
    latentscape.cluster(run.path, methods=QUICK)
    latentscape.cluster(run.path, methods=QUICK, k=3)
    assert len(read_findings(run.path).arrays["cluster_means"]) == 3


def test_a_reported_number_is_filled_in_once_it_was_measured(tmp_path, digits):
    changes = {**SMALL, "model.encoder.widths": [32], "model.latent.dim": 2}
    recipe = latentscape.load_recipe("dense-dropout").model_copy(update={"reported_on": "mnist-5k"})
    run = latentscape.train(recipe, changes=changes, folder=tmp_path, quiet=True)

    def obtained():
        numbers = read_findings(run.path).values["reported"]
        return {number["metric"]: number["obtained"] for number in numbers}

    assert set(obtained().values()) == {None}
    row = latentscape.cluster(run.path, methods=QUICK).values["rows"][0]
    read = latentscape.legibility(run.path).values
    assert obtained() == {
        "kmeans_accuracy": row["methods"]["kmeans"]["majority"],
        "probe_accuracy": None,
        "readable_of_16": read["readable_of_16"],
    }


def test_exploring_does_all_that_applies(bench):
    watched = []

    def watch(parts):
        for part in parts:
            watched.append(part)
            yield part

    parts = ("legibility", "neighbours", "anomalies")
    found = latentscape.explore(bench, parts=parts, watch=watch)
    assert watched == list(found.values) == list(parts)
    assert {"legible", "neighbour_queries", "anomalies_most"} <= found.arrays.keys()
    kept = read_findings(bench.run.path).values
    assert all(exploration.is_customary(part, kept) for part in parts)
    assert not exploration.is_customary("probing", kept)


def test_other_settings_are_not_customary(run):
    latentscape.cluster(run.path, methods=QUICK)
    assert not exploration.is_customary("clustering", read_findings(run.path).values)


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_codes_alone_come_from_files(tmp_path, labelled, suffix):
    codes, labels = labelled
    file = tmp_path / f"z{suffix}"
    if suffix == ".npy":
        np.save(file, codes)
        np.save(tmp_path / "y.npy", labels)
        bench = gather_codes(codes={"z": file}, labels=tmp_path / "y.npy")
    else:
        import pyarrow
        from pyarrow import parquet

        columns = {f"c{i}": column for i, column in enumerate(codes.T)} | {"label": labels}
        parquet.write_table(pyarrow.table(columns), file)
        bench = gather_codes(codes={"z": file})
    rows = latentscape.cluster(bench, methods=QUICK).values["rows"]
    assert [(row["name"], row["kind"], row["dim"]) for row in rows] == [("z", "other", 10)]
    assert rows[0]["methods"]["kmeans"]["hungarian"] > 0.95


def test_codes_arrays_and_functions_stand_beside_a_run(run, digits, labelled):
    def thirds(images):
        return images.reshape(len(images), -1)[:, ::3] / 255

    bench = gather_codes(run, codes={"mine": labelled[0], "thirds": thirds})
    names = [row.name for row in bench.rows]
    assert names == ["simple-20", "raw pixels", "PCA, 20", "PCA, 10", "PCA, 262", "mine", "thirds"]
    split = bench.split
    assert np.allclose(bench.rows[5].test, labelled[0][split.test], atol=1e-6)
    assert np.allclose(bench.rows[6].train, thirds(digits.images[split.train]), atol=1e-6)


def test_codes_of_data_have_its_baselines_and_its_images(digits, labelled):
    bench = gather_codes(codes={"mine": labelled[0]}, data=digits)
    assert [row.name for row in bench.rows] == ["raw pixels", "PCA, 10", "mine"]
    assert bench.split.dataset.fingerprint == digits.fingerprint


def test_codes_without_labels_are_clustered_and_not_scored(labelled):
    found = latentscape.cluster(gather_codes(codes={"z": labelled[0]}), methods=QUICK, k=4)
    scores = found.values["rows"][0]["methods"]["kmeans"]
    assert scores["hungarian"] is None
    assert sum(scores["sizes"]) == 1000
    assert any("no labels" in sentence for sentence in found.values["rows"][0]["left_out"])


def test_baselines_of_shared_ground_are_measured_once(run):
    ground, measured = Ground(gather_codes(run).split), []
    for _ in range(2):
        bench = gather_codes(run, ground=ground)
        found = list(bench.each("a", lambda codes: measured.append(codes.name) or codes))
        assert [row.name for row in found] == [row.name for row in bench.rows]
    assert measured == ["simple-20", "raw pixels", "PCA, 20", "simple-20"]


REFUSED = [
    ({}, ConfigError, "nothing to look at"),
    ({"codes": {"z": np.ones((7, 2))}, "labels": np.arange(6)}, DataError, "6 labels.*7|7.*6"),
    ({"codes": {"z": np.full((9, 2), np.nan)}}, DataError, "NaN|not finite"),
    ({"codes": {"z": len}}, DataError, "z is a function"),
    ({"codes": {"z": "nowhere.npy"}}, DataError, "nowhere.npy"),
]


@pytest.mark.parametrize(("given", "error", "message"), REFUSED)
def test_what_does_not_go_together_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        gather_codes(**given)


def test_codes_of_another_length_than_the_data_are_refused(run, digits):
    bad = np.ones((5000, 2))
    bad[4, 1] = np.inf
    for bench in ({"run": run}, {"data": digits}):
        with pytest.raises(DataError, match=r"z has 4,999 codes, and there are 5,000 examples"):
            gather_codes(**bench, codes={"z": np.ones((4999, 2))})
        with pytest.raises(DataError, match=r"1 of 5,000 codes of z are not finite"):
            gather_codes(**bench, codes={"z": bad})


def test_a_run_has_data_and_labels_of_its_own(run):
    with pytest.raises(ConfigError, match="labels of its data"):
        gather_codes(run, labels=np.arange(3))
    with pytest.raises(ConfigError, match="knows its data"):
        gather_codes(run, data="mnist-5k")


def test_only_models_reconstruct(labelled):
    bench = gather_codes(codes={"z": labelled[0]}, labels=labelled[1])
    with pytest.raises(ConfigError, match="no reconstructions"):
        latentscape.legibility(bench)
    with pytest.raises(ConfigError, match="no anomalies"):
        latentscape.anomalies(bench)


def test_reconstructions_of_another_model_are_judged(tmp_path, digits, small):
    images = digits.images[gather_codes(data=digits).split.test] / 255
    np.save(tmp_path / "r.npy", images.astype(np.float32))
    found = latentscape.legibility(gather_codes(data=digits), reconstructions=tmp_path / "r.npy")
    assert found.values["readable"] == found.values["originals"] > 0.9


def test_an_unknown_part_is_named(bench):
    with pytest.raises(ConfigError, match="clustering"):
        latentscape.explore(bench, parts=["clusters"])


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="not a run"):
        latentscape.cluster(tmp_path)


def test_scores_of_anomalies_become_a_table(run, tmp_path, digits):
    others = latentscape.Dataset(
        "others", digits.images[:30], digits.labels[:30], digits.label_names
    )
    before = (run.path / "findings.json").read_bytes()
    found = latentscape.anomalies(run, data=others, normal=["0"])
    assert (run.path / "findings.json").read_bytes() == before
    exploration.write_anomalies(found, tmp_path / "scores.csv")
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0].startswith("index,label,reconstruction,latent_knn,mahalanobis,rank_average")
    assert len(lines) == 31


def test_new_points_find_their_place_on_the_map_of_a_run(run, digits):
    latentscape.project(run, methods=["pca"], points=50)
    bench = gather_codes(run)
    kept = read_findings(run.path).arrays
    images = digits.images[kept["map_points"]]
    new = latentscape.Dataset("new", images, value_range=digits.value_range)
    places = latentscape.place(bench, data=new, method="pca")
    assert np.allclose(places, kept["map_pca_0"], atol=1e-3)
    codes = latentscape.load(run.path).encode(torch.from_numpy(images)).detach().numpy()
    assert np.allclose(latentscape.place(run, codes=codes, method="pca"), places, atol=1e-5)


def test_a_map_of_foreign_codes_is_kept_in_a_file(tmp_path, labelled):
    bench = gather_codes(codes={"z": labelled[0]}, labels=labelled[1])
    found = latentscape.project(bench, methods=["pca"], points=60)
    exploration.keep_map(bench, found, tmp_path / "map.npz")
    codes = bench.split.dataset.images[found.arrays["map_points"]]
    places = latentscape.place(tmp_path / "map.npz", codes=codes)
    assert np.allclose(places, found.arrays["map_pca_0"], atol=1e-4)
    with pytest.raises(ConfigError, match="no model"):
        latentscape.place(tmp_path / "map.npz", data="mnist-5k")
    with pytest.raises(ConfigError, match=r"ending in \.npz"):
        exploration.keep_map(bench, found, tmp_path / "map.csv")


def test_a_place_is_only_found_where_there_is_a_map(tmp_path, run, labelled):
    unmapped = latentscape.train("simple-20", changes=SMALL, folder=tmp_path, quiet=True)
    with pytest.raises(RunError, match="No map.*latentscape project"):
        latentscape.place(unmapped, data="mnist-5k")
    latentscape.project(run, methods=["pca"], points=50)
    with pytest.raises(ConfigError, match="pca"):
        latentscape.place(run, data="mnist-5k", method="umap")
    with pytest.raises(ConfigError, match="images or codes"):
        latentscape.place(run)
    with pytest.raises(DataError, match=r"\(1, 28, 28\)"):
        latentscape.place(
            run, data=latentscape.Dataset("thin", np.ones((4, 1, 5, 5))), method="pca"
        )
    with pytest.raises(ConfigError, match="kept"):
        latentscape.place(gather_codes(codes={"z": labelled[0]}), codes=labelled[0])


def test_labels_lie_in_a_file_beside_a_table(tmp_path, labelled):
    import pyarrow
    from pyarrow import parquet

    codes, labels = labelled
    columns = {f"c{i}": column for i, column in enumerate(codes.T)}
    parquet.write_table(pyarrow.table(columns), tmp_path / "z.parquet")
    np.save(tmp_path / "y.npy", labels)
    bench = gather_codes(codes={"z": tmp_path / "z.parquet"}, labels=tmp_path / "y.npy")
    assert bench.rows[0].label_names == tuple("0123456789")
    assert bench.rows[0].dim == 10


def test_images_in_another_range_are_brought_to_that_of_the_run(run, digits):
    latentscape.project(run, methods=["pca"], points=50)
    images = digits.images[:7]
    as_bytes = latentscape.Dataset("bytes", images)
    as_floats = latentscape.Dataset("floats", images / np.float32(255), value_range=(0.0, 1.0))
    places = [latentscape.place(run, data=data, method="pca") for data in (as_bytes, as_floats)]
    assert np.allclose(*places, atol=1e-4)


def test_other_ways_to_cluster_are_not_what_was_reported(tmp_path):
    recipe = latentscape.load_recipe("dense-dropout").model_copy(update={"reported_on": "mnist-5k"})
    changes = {**SMALL, "model.latent.dim": 2}
    run = latentscape.train(recipe, changes=changes, folder=tmp_path, quiet=True)
    latentscape.cluster(run, methods=QUICK, k=50)
    reported = read_findings(run.path).values["reported"]
    assert [n["obtained"] for n in reported if n["metric"] == "kmeans_accuracy"] == [None]


def test_a_supervised_run_says_so_beside_every_part(tmp_path):
    run = latentscape.train("cond-vae", changes=SMALL, folder=tmp_path, quiet=True)
    for found in (latentscape.cluster(run, methods=QUICK), latentscape.legibility(run)):
        assert "every test number gives it the true label" in found.values["protocol"]


def test_anomalies_of_data_with_other_labels_need_no_normal_one(tmp_path, digits):
    changes = {**SMALL, "data.train_labels": ["0"], "data.train": 100}
    run = latentscape.train("simple-20", changes=changes, folder=tmp_path, quiet=True)
    assert latentscape.anomalies(run).values["scores"]["reconstruction"]["auroc"] > 0.5
    others = latentscape.Dataset("others", digits.images[:9], np.zeros(9, np.int64), ("shoe",))
    found = latentscape.anomalies(run, data=others).values
    assert found["normal"] is None
    assert "'0' alone" in read_findings(run.path).values["labels_used"]


def test_what_a_package_was_missing_for_is_done_again(bench):
    values = {"legibility": {"settings": {}, "left_out": []}}
    assert exploration.is_customary("legibility", values)
    values["legibility"]["left_out"] = ["Left out: pip install 'latentscape[maps]'"]
    assert not exploration.is_customary("legibility", values)
