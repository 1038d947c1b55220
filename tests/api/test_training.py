import types
from shutil import copytree

import numpy as np
import pytest
import torch

import latentscape
from latentscape.api.subjects import subject_of
from latentscape.config import load_recipe, override
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.files import slug
from latentscape.core.records import Dataset
from latentscape.data import Duplicates
from latentscape.evaluation.results import Evaluation
from latentscape.reporting.sentences import describe_verdict
from latentscape.runs import Run, RunFindings

FAST = {"train.epochs": 2, "data.train": 300, "data.test": 60, "train.batch_size": 50}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return latentscape.train("simple-20", data="mnist-5k", changes=FAST, folder=runs, quiet=True)


def test_a_run_is_named_after_recipe_data_and_seed(run):
    assert run.name == "simple-20-mnist-5k-0"
    assert run.finished


def test_the_settings_people_change_most_are_keywords(tmp_path):
    run = latentscape.train(
        "simple-20",
        data="mnist-5k",
        latent_dim=3,
        condition="label",
        epochs=1,
        batch_size=20,
        lr=2e-3,
        seed=4,
        changes={"data.train": 60, "data.test": 20, "train.epochs": 1},
        folder=tmp_path,
        quiet=True,
    )
    model, train = run.recipe.model, run.recipe.train
    assert (model.latent.dim, model.condition) == (3, "label")
    assert (train.epochs, train.batch_size, train.lr, train.seed) == (1, 20, 2e-3, 4)
    assert run.name == "simple-20-label-mnist-5k-4"


def test_a_misspelt_keyword_is_refused_by_python(tmp_path):
    with pytest.raises(TypeError, match="epoch"):
        latentscape.train("simple-20", epoch=3, folder=tmp_path)
    with pytest.raises(TypeError, match="latent_dims"):
        latentscape.describe_recipe("simple-20", latent_dims=3)
    with pytest.raises(TypeError, match="epoch"):
        latentscape.compare("quickstart", epoch=3, folder=tmp_path)


def test_a_setting_is_not_changed_to_two_values(tmp_path):
    with pytest.raises(ConfigError, match="train.epochs is changed twice: epochs is 3, .* say 5"):
        latentscape.train("simple-20", epochs=3, changes={"train.epochs": 5}, folder=tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_layers_of_a_recipe_follow_the_length_of_its_code():
    recipe, layers = latentscape.describe_recipe("simple-20", latent_dim=5, condition="label")
    assert recipe.model.latent.dim == layers.latent_dim == 5
    assert recipe.model.condition == "label"


def test_the_run_directory_is_that_of_the_design(run):
    names = {path.name for path in run.path.iterdir()}
    assert names == {
        "recipe.yaml",
        "environment.json",
        "data.json",
        "identity.json",
        "history.jsonl",
        "model.safetensors",
        "checkpoint",
        "findings",
    }
    environment = run.environment
    assert environment.torch
    assert environment.python
    assert environment.command
    assert environment.threads == 1
    assert environment.device == "cpu"
    assert dict(run.data.sizes) == {"train": 300, "validation": 30, "test": 60}


def test_a_loaded_model_gives_what_was_evaluated(run):
    model = latentscape.load(run.path)
    assert latentscape.load(run.model_file).latent_dim == model.latent_dim == 20
    findings = latentscape.evaluate(run)
    data = latentscape.load_data("mnist-5k")
    again = model.reconstruct(torch.from_numpy(data.images[:3]))
    assert again.shape == (3, 1, 28, 28)
    assert findings.require(Evaluation).n == 60
    assert subject_of(run).rows[0].facts.claims == ()  # Those were on other data.


def test_test_images_among_the_training_images_are_counted(run, tmp_path, digits):
    assert RunFindings(run).require(Duplicates).exact == 0
    images, labels = (np.repeat(values[::40], 4, 0) for values in (digits.images, digits.labels))
    data = Dataset("fourfold", images, labels, digits.label_names)
    changes = {"train.epochs": 1, "data.binarize": "dynamic"}
    run = latentscape.train("simple-20", data=data, changes=changes, folder=tmp_path, quiet=True)
    counts = RunFindings(run).require(Duplicates)
    assert counts.exact > 0.9 * counts.test == 0.9 * 100
    assert "are also training examples, bit for bit" in latentscape.report(run).read_text("utf-8")


def test_the_validation_loss_is_what_the_evaluator_would_say(run, digits):
    """Training's own numbers and the evaluator's are the same quantity."""
    split = latentscape.data.split_dataset(digits, run.recipe.data)
    swapped = type(split)(split.dataset, split.train, split.test, split.validation, split.seed)
    evaluation = latentscape.evaluation.reconstruction.evaluate_model(
        latentscape.load(run.path), swapped
    )
    last = run.history.epochs[-1].validation
    assert evaluation.metrics["nats"] == pytest.approx(last.loss, rel=1e-4)
    assert evaluation.metrics["mse"] == pytest.approx(last.mse, rel=1e-4)


def test_training_again_makes_the_same_bits(run, tmp_path):
    again = latentscape.train(
        "simple-20", data="mnist-5k", changes=FAST, folder=tmp_path, quiet=True
    )
    assert again.model_file.read_bytes() == run.model_file.read_bytes()


def test_an_existing_run_is_not_overwritten_silently(run, tmp_path):
    copytree(run.path, tmp_path / run.name)
    arguments = {"data": "mnist-5k", "changes": FAST, "folder": tmp_path, "quiet": True}
    with pytest.raises(RunError, match="--overwrite"):
        latentscape.train("simple-20", **arguments)
    assert latentscape.train("simple-20", overwrite=True, **arguments).finished


def test_resuming_a_finished_run_does_no_harm(run):
    before = run.model_file.read_bytes()
    latentscape.resume(run.path, quiet=True)
    assert run.model_file.read_bytes() == before


def test_a_finished_run_is_made_longer_and_evaluated_again(run, tmp_path):
    longer = Run(copytree(run.path, tmp_path / "longer"))
    before = RunFindings(longer).require(Evaluation).metrics["mse"]
    latentscape.resume(longer, epochs=3, quiet=True)
    assert longer.recipe.train.epochs == len(longer.history.epochs) == 3
    assert RunFindings(longer).require(Evaluation).metrics["mse"] < before


def test_data_in_memory(tmp_path, digits):
    data = Dataset("mine", digits.images[:80], digits.labels[:80], digits.label_names)
    run = latentscape.train("elaborate-4", data=data, changes=FAST, folder=tmp_path, quiet=True)
    assert run.name == "elaborate-4-mine-0"
    assert latentscape.evaluate(run, data=data).data.name == "mine"
    other = Dataset("mine", 255 - np.asarray(data.images), data.labels, data.label_names)
    with pytest.raises(DataError, match=r"have changed.*from data in memory. Give the data that"):
        latentscape.resume(run, data=other)


def test_a_file_that_changed_since_is_noticed(tmp_path):
    file = tmp_path / "images.npy"
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.save(file, images)
    run = latentscape.train("simple-20", data=file, changes=FAST, folder=tmp_path, quiet=True)
    assert run.name == "simple-20-images-0"
    np.save(file, images[::-1].copy())
    with pytest.raises(DataError, match="have changed"):
        latentscape.evaluate(run)


@pytest.mark.parametrize(
    ("changes", "data", "error", "message"),
    [
        ({"model.latent.dim": 0}, "mnist-5k", ConfigError, "latent.dim"),
        ({}, "mnist-6k", DataError, "Did you mean 'mnist-5k'"),
        ({"train.patience": 2, "data.validation": 0}, "mnist-5k", ConfigError, "validation"),
    ],
)
def test_what_cannot_be_trained_leaves_nothing_behind(tmp_path, changes, data, error, message):
    folder = tmp_path / "runs"
    with pytest.raises(error, match=message):
        latentscape.train("simple-20", data=data, changes=changes, folder=folder, quiet=True)
    assert not folder.exists()


def test_values_that_a_bernoulli_cannot_take_are_refused_and_the_remedies_work(tmp_path):
    file = tmp_path / "wide.npy"
    np.save(file, np.random.default_rng(0).uniform(0, 300, (50, 6)))
    folder = tmp_path / "runs"
    with pytest.raises(DataError, match="299"):
        latentscape.train("simple-20", data=file, folder=folder, quiet=True)
    assert not folder.exists()
    for name, remedy in (
        ("range", {"data.range": [0, 300]}),
        ("gaussian", {"model.likelihood": "gaussian"}),
    ):
        latentscape.train(
            "simple-20", data=file, changes={**FAST, **remedy}, name=name, folder=folder, quiet=True
        )


def test_vectors_into_a_convolution_leave_nothing_behind(tmp_path):
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).random((50, 6)))
    with pytest.raises(ConfigError, match="vectors"):
        latentscape.train("conv-bn", data=tmp_path / "vectors.npy", folder=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("channels", [2, 3, 4, 5])
def test_images_of_any_number_of_channels_train_and_are_reported(tmp_path, channels):
    shape = (40, channels, 9, 11)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = Dataset("channels", images)
    run = latentscape.train("conv-bn", data=data, changes=FAST, folder=tmp_path, quiet=True)
    assert run.data.shape == (channels, 9, 11)
    assert latentscape.report(run.path).stat().st_size < 10_000_000


def test_kaggle_csv(tmp_path, digits):
    header = "label," + ",".join(f"pixel{number}" for number in range(784))
    rows = np.column_stack([digits.labels[::25], digits.images[::25].reshape(200, -1)])
    np.savetxt(tmp_path / "train.csv", rows, fmt="%d", delimiter=",", header=header, comments="")
    changes = {"train.epochs": 1}
    run = latentscape.train(
        "kaggle-2d", data=tmp_path / "train.csv", changes=changes, folder=tmp_path, quiet=True
    )
    assert run.data.label_names == tuple("0123456789")
    assert run.data.shape == (1, 28, 28)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({1, 2}, "latentscape.Dataset"),
        (Dataset("one", np.zeros((1, 4), np.float32)), "1 example"),
        (Dataset("nan", np.full((9, 4), np.nan)), "NaN|finite"),
        (Dataset("labels", np.zeros((9, 4), np.uint8), np.zeros(3, np.int64), ("a",)), "3 labels"),
    ],
)
def test_data_in_memory_are_checked_like_those_read(tmp_path, data, message):
    with pytest.raises(DataError, match=message):
        latentscape.train("simple-20", data=data, folder=tmp_path / "runs", quiet=True)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["../out", "a/b", ".", "..", ""])
def test_a_run_stays_in_its_folder(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be called"):
        latentscape.train("simple-20", name=name, folder=tmp_path / "runs", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_a_code_as_large_as_the_input_is_told_so(tmp_path):
    changes = {**FAST, "model.latent.dim": 64}
    run = latentscape.train(
        "simple-20", data="digits", changes=changes, folder=tmp_path, quiet=True
    )
    comparison = RunFindings(run).require(Evaluation).comparison
    assert "no error at all" in describe_verdict(comparison)
    assert "no error at all" in latentscape.report(run.path).read_text(encoding="utf-8")


def test_a_batch_of_one_cannot_be_normalised(tmp_path):
    changes = {"model.encoder.norm": "batch", "train.batch_size": 1}
    with pytest.raises(ConfigError, match="batches of one"):
        latentscape.train("simple-20", changes=changes, folder=tmp_path / "runs", quiet=True)
    assert not (tmp_path / "runs").exists()


def test_findings_of_another_version_are_refused(run):
    file = run.path / "findings" / "evaluation.json"
    before = file.read_text()
    file.write_text('{"schema": 99, "arrays": null, "content": {}}')
    with pytest.raises(RunError, match="schema version 99"):
        latentscape.report(run.path)
    file.write_text(before)


def test_a_described_recipe_counts_parameters_for_the_data():
    _, architecture = latentscape.describe_recipe("simple-20", data="digits")
    assert architecture.parameters == 2 * 64 * 400 + 400 + 64 + 2 * 20 * 400 + 20 + 400
    _, architecture = latentscape.describe_recipe("conv-bn")
    assert architecture.layers[0].layer == "Conv2d 1→32, 3×3"


def test_a_recipe_object_is_taken_as_it_is(tmp_path):
    recipe = override(load_recipe("simple-20"), FAST)
    run = latentscape.train(recipe, folder=tmp_path, name="mine", quiet=True)
    assert run.path == tmp_path / "mine"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a b/c", "a-b-c"),
        ("мой файл", "мой-файл"),
        ("../x", "x"),
        ("conv-bn 2", "conv-bn-2"),
        ("//", "unnamed"),
    ],
)
def test_names_are_safe(text, name):
    assert slug(text) == name


def test_an_epoch_of_the_full_mnist_beats_pca(mnist, tmp_path):
    changes = {"train.epochs": 1}
    run = latentscape.train("simple-20", data=mnist, changes=changes, folder=tmp_path, quiet=True)
    evaluation = RunFindings(run).require(Evaluation)
    assert evaluation.metrics["nats"] < evaluation.pca.metrics["nats"]
    assert evaluation.comparison.beats_pca
    (claim,) = subject_of(run).rows[0].facts.claims
    assert claim.reported == 65.3
    assert claim.obtained == evaluation.metrics["nats"]


def test_public_names_are_what_they_say():
    """No submodule may take the place of a public function of the same name."""
    for name in dir(latentscape):
        assert not isinstance(getattr(latentscape, name), types.ModuleType), name
