"""What the page is given: of runs and studies, of any examples, and of models that go wrong."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import latentscape
from latentscape.api.exploring import open_exploration
from latentscape.core.errors import ConfigError, DataError, MissingData
from latentscape.core.records import Dataset
from latentscape.explorer.examples import points_of_split
from latentscape.explorer.gathering import Wanted
from latentscape.inference.codec import encode, reconstruct_with

QUICK = Wanted(points=60, map="pca")


@pytest.fixture(scope="module")
def explored(run):
    """Gather everything of a variational model, networks included."""
    return open_exploration(run, Wanted())


@pytest.fixture
def gathered(without_networks):
    """Return a function that gathers all but the networks."""

    def gather(run, wanted=QUICK, **options):
        return open_exploration(run, wanted, **options)

    return gather


def check(exploration):
    """Check that a manifest says what the arrays are, and that nothing of them is missing."""
    manifest, arrays = exploration.manifest, exploration.arrays
    assert json.loads(manifest.to_text())["schema"] == 1
    assert manifest.arrays.keys() == arrays.keys()
    for name, facts in manifest.arrays.items():
        assert str(arrays[name].dtype) == facts.dtype
        assert arrays[name].shape == facts.shape
    count = manifest.count
    assert len(exploration) == count
    for name in ("labels", "parts", "rows"):
        assert arrays[name].shape == (count,)
    for model in manifest.models:
        key = model.key
        assert arrays[f"{key}/codes"].shape == (count, model.latent_dim)
        assert model.maps
        for one in model.maps:
            assert arrays[f"{key}/map/{one.method}"].shape == (count, 2)
            assert np.isfinite(arrays[f"{key}/map/{one.method}"]).all()
        for score in model.scores:
            assert arrays[f"{key}/score/{score.key}"].shape == (count,)
        if model.clusters:
            assert arrays[f"{key}/clusters"].max() < len(model.clusters.names)
    return manifest


def test_a_run(explored, run):
    manifest = check(explored)
    opened = latentscape.OpenRun(run)
    assert (manifest.title, manifest.about) == (run.name, opened.recipe.about)
    assert manifest.part_names == ("train", "validation", "test")
    assert manifest.label_names == opened.split.dataset.label_names
    (model,) = manifest.models
    assert (model.label, model.run, model.kind) == ("vae-20", run.name, "gaussian")
    assert [one.method for one in model.maps] == ["code", "tsne", "pca"]
    assert {score.key for score in model.scores} == {
        "error",
        "rate",
        "distance",
        "mahalanobis",
        "anomaly",
        "confidence",
    }
    assert model.samples.count == len(explored.arrays["m0/samples"])
    assert model.decoder.precision == "float16"
    assert explored.arrays["m0/decoder"].nbytes == model.decoder.bytes


def test_its_arrays_are_those_of_the_model(explored, run):
    opened = latentscape.OpenRun(run)
    dataset, rows, arrays = opened.split.dataset, explored.arrays["rows"], explored.arrays
    codes = encode(opened.model, dataset, rows)
    assert np.allclose(arrays["m0/codes"], codes, atol=1e-5)
    assert np.array_equal(arrays["m0/map/code"], arrays["m0/codes"])
    assert np.array_equal(arrays["labels"], dataset.labels[rows])
    images = torch.from_numpy(dataset.images[rows])
    errors = (images / 255 - reconstruct_with(opened.model)(images)).square().mean((1, 2, 3))
    assert np.allclose(arrays["m0/score/error"], errors, atol=1e-6)
    assert np.array_equal(explored.images(3, 9), dataset.images[rows[3:9]])
    assert np.allclose(explored.original(5), dataset.images[rows[5]] / 255)
    decoded = explored.decode("m0", arrays["m0/codes"][:7])
    assert np.allclose(decoded, reconstruct_with(opened.model)(images[:7]), atol=1e-5)
    again = explored.encode("m0", np.stack([explored.original(point) for point in range(7)]))
    assert np.allclose(again, codes[:7], atol=1e-5)
    for part, name in enumerate(explored.manifest.part_names):
        assert np.isin(rows[arrays["parts"] == part], getattr(opened.split, name)).all()


def test_dimensions_are_those_of_the_codes(explored):
    codes, dims = explored.arrays["m0/codes"], explored.manifest.models[0].dims
    assert np.allclose([dim.mean for dim in dims], codes.mean(0), atol=1e-4)
    assert np.allclose([dim.sd for dim in dims], codes.std(0), atol=1e-4)
    assert np.allclose([dim.high for dim in dims], np.percentile(codes, 99, 0), atol=1e-4)
    rates = sum(dim.rate for dim in dims)
    assert np.isclose(rates, explored.arrays["m0/score/rate"].mean(), atol=1e-3)


def test_thresholds_are_exceeded_by_few_validation_examples(explored):
    (model,) = explored.manifest.models
    is_validation = explored.arrays["parts"] == 1
    for score in model.scores:
        if score.threshold is not None:
            values = explored.arrays[f"m0/score/{score.key}"][is_validation]
            assert (values > np.float32(score.threshold) * (1 + 1e-6)).mean() <= 0.05 + 1e-9
    anomaly, arrays = model.anomaly, explored.arrays
    difference = arrays["m0/codes"] - arrays["m0/anomaly/mean"]
    squares = np.einsum("nd,de,ne->n", difference, arrays["m0/anomaly/precision"], difference)
    assert np.allclose(np.sqrt(squares), arrays["m0/score/mahalanobis"], rtol=1e-3)
    thresholds = {score.key: score.threshold for score in model.scores}
    assert anomaly.error_threshold == thresholds["error"]
    assert anomaly.mahalanobis_threshold == thresholds["mahalanobis"]


def test_no_training_example_is_its_own_neighbour(explored):
    is_trained = explored.arrays["parts"] == 0
    distances = explored.arrays["m0/score/distance"]
    assert (distances[is_trained] > 0).all()
    ratio = distances[is_trained].mean() / distances[~is_trained].mean()
    assert 0.5 < ratio < 1.5


def test_how_it_was_made_names_no_folder(explored, run):
    text = explored.manifest.to_text()
    facts = {fact.name: fact.value for fact in explored.manifest.facts}
    assert facts["Recipe"] == "vae-20"
    assert "fingerprint" in facts["Data"]
    assert "MSE" in facts["Test errors"]
    assert str(run.path.parent) not in text
    assert "source: mnist-5k" in explored.manifest.models[0].recipe


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, (0, 0, 1)), (100, (0, 0, 100)), (150, (50, 0, 100)), (10_000, (500, 50, 100))],
)
def test_test_examples_come_first(small, count, sizes):
    points = points_of_split(small, count)
    assert tuple(np.bincount(points.parts, minlength=3)) == sizes
    assert len(set(points.index.tolist())) == len(points)


def test_points_are_those_of_maps(run, gathered):
    comparison = latentscape.compare_codes(run)
    maps = latentscape.project(comparison, methods=["tsne"], points=40)
    exploration = gathered(run, Wanted(points=40, map="tsne"))
    assert np.array_equal(exploration.arrays["rows"], maps.points)
    # The map that the run keeps is not drawn again.
    kept = maps.layouts("vae-20", "model")["tsne"].places
    assert np.array_equal(exploration.arrays["m0/map/tsne"], kept)


def test_one_point(run, gathered):
    manifest = check(gathered(run, Wanted(points=1)))
    assert manifest.count == 1
    with pytest.raises(ConfigError, match="--points is 0"):
        gathered(run, Wanted(points=0))


def test_vectors(train, plain, gathered):
    run = train("simple-20", data=plain, changes={"model.latent.dim": 3})
    exploration = gathered(run, dataset=plain)
    manifest = check(exploration)
    assert manifest.thumbnails.shape == (9,)
    assert exploration.images(0, 5).shape == (5, 9)
    assert manifest.label_names == ()
    assert (exploration.arrays["labels"] == -1).all()
    assert manifest.shape == (9,)
    assert not manifest.byte_values
    rows = exploration.arrays["rows"]
    assert np.allclose(exploration.original(3), plain.images[rows[3]] / 3)
    with pytest.raises(MissingData, match="other examples"):
        gathered(run)


def test_data_that_are_gone(train, plain, gathered):
    run = train("simple-20", data=plain, changes={"model.latent.dim": 3})
    others = plain.images[:30]
    manifest = check(gathered(run, Wanted(data=others, changes={"range": (0.0, 3.0)})))
    (model,) = manifest.models
    assert manifest.count == 30
    assert [score.key for score in model.scores] == ["error"]
    assert model.anomaly is None
    assert model.clusters is not None


def test_other_examples(run, gathered, digits):
    few = Dataset("few", digits.images[:90], digits.labels[:90], digits.label_names)
    exploration = gathered(run, Wanted(data=few, points=50))
    manifest = check(exploration)
    assert manifest.part_names == ("few",)
    assert not exploration.arrays["parts"].any()
    assert "50 of 90 examples are shown" in " ".join(manifest.notes)
    assert "anomaly" in {score.key for score in manifest.models[0].scores}
    # The training examples are not among them, even where they are the same images.
    assert np.array_equal(exploration.arrays["labels"], few.labels[exploration.arrays["rows"]])


def test_a_conditional_model_needs_labels_that_it_knows(train, gathered, digits):
    run = train("cond-vae")
    exploration = gathered(run)
    manifest = check(exploration)
    assert manifest.models[0].conditional
    assert manifest.models[0].samples.labels
    assert exploration.arrays["m0/samples/labels"].max() == 9
    labels = exploration.arrays["labels"][:5].tolist()
    codes = exploration.arrays["m0/codes"][:5]
    assert exploration.decode("m0", codes, labels).shape == (5, 1, 28, 28)
    assert exploration.decode("m0", codes, [3]).shape == (5, 1, 28, 28)
    unlabelled = Dataset("unlabelled", digits.images[:20])
    with pytest.raises(ConfigError, match="conditioned on labels"):
        gathered(run, Wanted(data=unlabelled))
    strange = Dataset("strange", digits.images[:20], np.arange(20) % 2, ("cat", "dog"))
    with pytest.raises(ConfigError, match="labels among 0, 1"):
        gathered(run, Wanted(data=strange))


def test_a_collapsed_code(train, gathered, monkeypatch):
    run = train("simple-20", changes={"model.latent.dim": 3})
    opened = latentscape.OpenRun(run)
    with torch.no_grad():
        for weight in opened.model.latent.parameters():
            weight.zero_()
    monkeypatch.setattr(latentscape.OpenRun, "model", opened.model)
    manifest = check(gathered(run, Wanted(map="tsne")))
    (model,) = manifest.models
    assert [one.method for one in model.maps] == ["pca"]
    assert {score.key for score in model.scores} == {"error", "anomaly"}
    assert model.clusters is None
    assert not any(dim.active for dim in model.dims)
    assert "collapsed" in " ".join(manifest.notes)


def test_a_model_whose_codes_are_not_finite_says_so(train, gathered, monkeypatch):
    run = train("simple-20", changes={"model.latent.dim": 3})
    opened = latentscape.OpenRun(run)
    with torch.no_grad():
        opened.model.latent.layers[0].bias.fill_(torch.nan)
    monkeypatch.setattr(latentscape.OpenRun, "model", opened.model)
    with pytest.raises(DataError, match="not finite"):
        gathered(run)


@pytest.mark.parametrize("classes", [1, 300])
def test_any_number_of_labels(train, gathered, classes):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (700, 1, 6, 5), dtype=np.uint8)
    names = tuple(f"class {number}" for number in range(classes))
    dataset = Dataset("many", images, np.arange(700) % classes, names)
    changes = {"model.latent.dim": 3, "data.train": 600, "data.test": 50}
    run = train("simple-20", data=dataset, changes=changes)
    manifest = check(gathered(run, dataset=dataset))
    (model,) = manifest.models
    assert len(manifest.label_names) == classes
    assert "confidence" not in {score.key for score in model.scores}
    assert 2 <= len(model.clusters.names) <= 20


def test_scores_that_are_not_finite_are_unknown():
    from latentscape.explorer.scores import _floats

    values = _floats(np.array([1.0, np.nan, np.inf, -np.inf, 1e300]))
    assert values.dtype == np.float32
    assert np.isnan(values).tolist() == [False, True, True, True, True]


def test_long_codes_have_fewer_points_in_a_file(run, gathered, monkeypatch):
    from latentscape.explorer import gathering

    monkeypatch.setattr(gathering, "MAX_NUMBERS", 100)
    manifest = gathered(run, Wanted()).manifest
    assert manifest.count == 50
    assert "No more than 50 points are shown" in " ".join(manifest.notes)
    assert gathered(run, Wanted(points=60)).manifest.count == 60
    assert gathered(run, Wanted(in_file=False)).manifest.count > 60


def test_a_study(gathered, tmp_path, fast):
    entries = ({"recipe": "vae-20"}, {"recipe": "simple-20"})
    study = latentscape.Study(name="two", entries=entries, set={**fast, "model.latent.dim": 2})
    study = latentscape.compare(study, data="mnist-5k", seeds=2, folder=tmp_path, quiet=True)
    exploration = gathered(study.folder)
    manifest = check(exploration)
    assert [model.label for model in manifest.models] == ["vae-20", "simple-20"]
    assert [model.aligned for model in manifest.models] == [False, True]
    first, second = ({one.method: one for one in model.maps} for model in manifest.models)
    assert first["code"].decode == "exact"
    assert second["code"].decode == "linear"
    arrays = exploration.arrays
    for method in ("code", "pca"):
        mean, axes = (arrays[f"m1/map/{method}/{part}"] for part in ("mean", "axes"))
        assert np.allclose(mean + arrays[f"m1/map/{method}"] @ axes, arrays["m1/codes"], atol=1e-3)
    names = [fact.name for fact in manifest.facts]
    assert names.count("Data") == 1
    assert "Recipe, simple-20" in names


def test_models_of_other_shapes_are_left_out():
    from latentscape.explorer.gathering import _choose_models

    def opened(*shape):
        given = SimpleNamespace(shape=shape, range=(0.0, 1.0))
        return SimpleNamespace(recipe=SimpleNamespace(model=SimpleNamespace(input=given)))

    runs = {f"same {number}": opened(1, 8, 8) for number in range(10)} | {"odd": opened(3, 8, 8)}
    chosen, notes = _choose_models(runs, runs["same 0"])
    assert list(chosen) == [f"same {number}" for number in range(8)]
    assert notes == [
        "odd is left out: it takes examples of 3 × 8 × 8 values from 0 to 1.",
        "The first 8 of 10 models are shown.",
    ]
