"""What is written to TensorBoard, read back as TensorBoard reads it."""

import io
import time

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import latentscape
from latentscape.core.errors import Interrupted, RunError
from latentscape.core.records import Dataset
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.inference.codec import encode
from latentscape.model import Network
from latentscape.runs import RunFindings, load_split
from latentscape.tracking import tensorboard
from latentscape.tracking.tensorboard import Autoencoder

PARTS = ("train", "validation")
LAYERS = ["01_encoder_Linear", "02_encoder_ReLU", "03_latent_Linear"]
LAYERS += ["04_decoder_Linear", "05_decoder_ReLU", "06_decoder_Linear"]


def events(run, part):
    everything = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
    return EventAccumulator(str(run.path / "tensorboard" / part), everything).Reload()


def steps(events):
    return [event.step for event in events]


def curves(run, part):
    """Every curve of a part: tag to epochs and values."""
    read = events(run, part)
    return {
        tag: [(event.step, event.value) for event in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }


def curves_of(history, part):
    """What the curves of the loss have to be."""
    numbers = [(epoch.epoch, epoch.numbers()[part]) for epoch in history.epochs]
    return {
        f"loss/{'total' if term == 'loss' else term}": [
            (epoch, pytest.approx(terms[term], rel=1e-6)) for epoch, terms in numbers
        ]
        for term in numbers[0][1]
    }


@pytest.fixture(scope="module")
def run(train):
    return train(track="tensorboard")


@pytest.fixture(scope="module")
def model(run):
    return latentscape.load(run.path)


@pytest.fixture(scope="module")
def split(run):
    return load_split(run.recipe)


@pytest.mark.parametrize("part", PARTS)
def test_curves_are_those_of_the_history(run, part):
    assert curves(run, part).items() >= curves_of(run.history, part).items()


def test_rate_speed_and_use_of_the_code_are_curves_too(run):
    train, validation = (curves(run, part) for part in PARTS)
    for name in ("lr", "images_per_second"):
        kept = [(epoch.epoch, pytest.approx(getattr(epoch, name))) for epoch in run.history.epochs]
        assert train[f"training/{name}"] == kept
    active = [(epoch.epoch, epoch.latent.active_units) for epoch in run.history.epochs]
    assert validation["latent/active_units"] == active


def test_weights_are_counted_after_every_epoch(run, model):
    read = events(run, "train")
    tags = [tag for tag in read.Tags()["histograms"] if tag.startswith("weights/")]
    linear = [name for name in LAYERS if name.endswith("Linear")]
    assert sorted(tags) == [
        f"weights/{name}/{kind}" for name in linear for kind in ("bias", "weight")
    ]
    assert all(steps(read.Histograms(tag)) == [1, 2] for tag in tags)
    last = read.Histograms("weights/01_encoder_Linear/weight")[-1].histogram_value
    values = model.encoder[1].weight.detach()
    assert last.num == sum(last.bucket) == values.numel()
    assert (last.min, last.max) == (float(values.min()), float(values.max()))


@pytest.mark.parametrize("part", PARTS)
def test_activations_of_every_layer_are_counted(run, model, split, part):
    read = events(run, part)
    tags = [tag for tag in read.Tags()["histograms"] if tag.startswith("unit_activations/")]
    assert sorted(tags) == [f"unit_activations/{name}" for name in LAYERS]
    assert all(steps(read.Histograms(tag)) == [1, 2] for tag in tags)
    images = torch.from_numpy(split.dataset.images[getattr(split, part)])
    with torch.no_grad():
        logits = model.outputs(model.encode(images))
    last = read.Histograms("unit_activations/06_decoder_Linear")[-1].histogram_value
    assert last.num == sum(last.bucket) == logits.numel()
    assert last.sum / last.num == pytest.approx(float(logits.mean()), rel=1e-4)


@pytest.mark.parametrize("part", PARTS)
def test_the_same_images_and_what_becomes_of_them(run, split, part):
    read = events(run, part)
    assert steps(read.Images("images/input")) == [0]
    assert steps(read.Images("images/reconstruction")) == [1, 2]
    (sheet,) = read.Images("images/input")
    pixels = np.asarray(Image.open(io.BytesIO(sheet.encoded_image_string)))[..., 0]
    images = split.dataset.images[split.subset(part, 16)]
    # Four in a row, of twice their size, with lines of two pixels between them.
    assert pixels.shape == (4 * 58 - 2, 4 * 58 - 2)
    assert np.array_equal(pixels[:56:2, :56:2], images[0][0])
    assert np.array_equal(pixels[-56::2, -56::2], images[15][0])


def test_samples_are_shown_where_there_is_a_prior(run, train):
    assert steps(events(run, "train").Images("images/sample")) == [1, 2]
    plain = train("simple-20", track="tensorboard")
    assert "images/sample" not in events(plain, "train").Tags()["images"]


def test_the_graph_goes_from_images_to_images_part_by_part(run):
    names = {node.name for node in events(run, "train").Graph().node}
    assert {"input/images", "output/output.1"} <= names
    for part in ("encoder", "latent", "decoder", "likelihood"):
        assert any(name.startswith(f"Autoencoder/Part[{part}]/") for name in names)


def test_the_graph_of_every_recipe_is_its_reconstruction(recipe, small):
    model = Network(recipe.model, recipe.objective).eval()
    images = torch.from_numpy(small.dataset.images[:2])
    labels = torch.from_numpy(small.dataset.labels[:2])
    given = [labels] if recipe.model.condition else []
    with torch.no_grad():
        drawn = Autoencoder(model).eval()(images, *given)
        assert torch.equal(drawn, model.reconstruct(images, *given))


def test_the_projector_shows_test_codes_with_labels_and_pictures(run, model, split):
    folder = run.path / "tensorboard" / "test"
    config = (folder / "projector_config.pbtxt").read_text()
    (place,) = folder.glob("*/test-codes")
    for file in ("tensors.tsv", "metadata.tsv", "sprite.png"):
        assert (place / file).relative_to(folder).as_posix() in config
    codes = np.loadtxt(place / "tensors.tsv", delimiter="\t")
    assert codes == pytest.approx(encode(model, split.dataset, split.test), abs=1e-6)
    labels = (place / "metadata.tsv").read_text().split()
    assert [int(label) for label in labels] == split.dataset.labels[split.test].tolist()
    with Image.open(place / "sprite.png") as sprite:
        assert sprite.size == (8 * 28, 8 * 28)


def test_settings_stand_beside_test_metrics(run):
    read = events(run, "test")
    found = RunFindings(run)
    (step, mse), *more = curves(run, "test")["test/mse"]
    assert (step, more) == (2, [])
    assert mse == pytest.approx(found.require(Evaluation).metrics["mse"])
    assert read.Scalars("test/elbo")[0].value == pytest.approx(found.require(Latent).elbo)
    plugin = "_hparams_/session_start_info"
    content = read.SummaryMetadata(plugin).plugin_data.content
    assert b"model.latent.dim" in content
    assert b"train.seed" in content


def test_vectors_have_no_pictures(train, vectors):
    given = vectors.dataset
    data = Dataset("vectors", given.images, value_range=given.value_range)
    run = train("simple-20", data=data, track="tensorboard")
    assert events(run, "train").Tags()["images"] == []
    (place,) = run.path.glob("tensorboard/test/*/test-codes")
    assert [file.name for file in place.iterdir()] == ["tensors.tsv"]


def test_labels_and_channels(train, digits):
    images = digits.images[::20].repeat(5, 1)
    data = Dataset("five channels", images, digits.labels[::20], ("a\tb", *"123456789"))
    run = train("cond-vae", data=data, track="tensorboard")
    assert steps(events(run, "train").Images("images/sample")) == [1, 2]
    (labels,) = run.path.glob("tensorboard/test/*/test-codes/metadata.tsv")
    assert "a b" in labels.read_text().splitlines()


def test_an_interrupted_run_goes_on_as_one_clean_curve(train, stopping, broken_log, tmp_path):
    """Stopped after an epoch; then killed with an epoch tracked that no checkpoint knows of."""
    with stopping(1), pytest.raises(Interrupted):
        train(folder=tmp_path, track="tensorboard", changes={"train.epochs": 4})
    path = tmp_path / "vae-20-mnist-5k-0"
    with broken_log(3), pytest.raises(RunError):
        latentscape.resume(path, track="tensorboard", quiet=True)
    run = latentscape.resume(path, track="tensorboard", quiet=True)
    for part in PARTS:
        assert curves(run, part).items() >= curves_of(run.history, part).items()
        read = events(run, part)
        assert steps(read.Images("images/input")) == [0]
        assert steps(read.Images("images/reconstruction")) == [1, 2, 3, 4]
        assert all(steps(read.Histograms(tag)) == [1, 2, 3, 4] for tag in read.Tags()["histograms"])
    speeds = [value for _, value in curves(run, "train")["training/images_per_second"]]
    assert speeds == pytest.approx([epoch.images_per_second for epoch in run.history.epochs])


def test_a_finished_run_can_be_shown_afterwards_and_once(train, tmp_path):
    run = train(folder=tmp_path)
    latentscape.resume(run, track="tensorboard", quiet=True)
    for part in PARTS:
        assert curves(run, part).items() >= curves_of(run.history, part).items()
        assert steps(events(run, part).Images("images/reconstruction")) == [2]
    files = set(run.path.rglob("*"))
    latentscape.resume(run, track="tensorboard", quiet=True)
    assert set(run.path.rglob("*")) == files


def test_what_cannot_be_written_does_not_end_the_run(train, tmp_path, capsys, monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    def full(*given, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SummaryWriter, "add_scalar", full)
    assert train(folder=tmp_path, track="tensorboard").finished
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Tracking vae-20-mnist-5k-0 with TensorBoard has stopped")
    assert "No space left" in line


def test_a_file_comes_after_those_before_it_by_its_name(tmp_path):
    """The tenth of a process would stand before the ninth, were they of one second."""
    second = int(time.time())
    (tmp_path / f"events.out.tfevents.{second}.machine.1.9").touch()
    tensorboard._wait_for_a_later_name(tmp_path)
    assert int(time.time()) > second
