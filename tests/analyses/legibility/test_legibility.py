import numpy as np
import pytest
import torch

from analyses.released import open_released
from latentscape.analyses.comparison import Baselines, compare_codes
from latentscape.analyses.legibility import ANALYSIS
from latentscape.analyses.legibility.method import adapted, judge_legibility, read_elsewhere
from latentscape.analyses.legibility.result import Legibility, LegibilityInputs
from latentscape.config import DataConfig
from latentscape.core import subsets
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.findings import Statistic, put_arrays, take_arrays
from latentscape.core.records import Dataset, Split
from latentscape.data import split_dataset
from latentscape.evaluation.baselines import mean_image, pca
from latentscape.evaluation.judge import trained_classifier
from latentscape.reporting.sentences import describe_skip


def as_they_are(images, labels):
    return images.float() / 255


def originals(split: Split, index=None) -> np.ndarray:
    """Return images on the scale 0 to 1, by default the test images."""
    low, high = split.dataset.value_range
    stored = split.dataset.images[split.test if index is None else index]
    return (stored.astype(np.float32) - low) / (high - low)


def plain(scale: float = 1, shift: float = 0) -> Dataset:
    """Make vectors that anybody can tell apart: 0.2, 0.5 or 0.8 in all places."""
    labels = np.arange(90) % 3
    values = scale * np.repeat(0.2 + 0.3 * labels, 5).reshape(90, 5) + shift
    return Dataset("three", values.astype(np.float32), labels, ("low", "middle", "high"), (0, 1))


@pytest.fixture(scope="module")
def three() -> Split:
    return split_dataset(plain(), DataConfig())


def read(reconstructions, split, **more):
    return judge_legibility(reconstructions, split, **more).reading


def sentences(legibility):
    return [describe_skip(skip, ANALYSIS.skip_reasons) for skip in legibility.skipped]


def test_the_originals_are_read_as_the_judge_reads_them(small):
    legibility = judge_legibility(as_they_are, small)
    reading = legibility.reading
    assert reading.readable == reading.originals == trained_classifier(small).accuracy.item()
    assert reading.readable_of_16 == reading.originals_of_16
    assert (legibility.protocol.n_fitted, legibility.protocol.n_scored) == (500, 100)
    protocol = " ".join(ANALYSIS.protocol(legibility))
    assert "500 training images" in protocol
    low, high = Statistic(mean=reading.originals, trials=100).interval
    assert f"reads {100 * reading.originals:.1f} % ({100 * low:.1f}–{100 * high:.1f}) of the" in (
        protocol
    )
    assert legibility.skipped == ()


def test_a_result_comes_back_from_json_and_arrays(three):
    examples = originals(three, three.examples(16))[None]
    legibility = judge_legibility(originals(three), three, snapshots=examples, epochs=[3])
    again = Legibility.model_validate(put_arrays(*take_arrays(legibility)))
    assert again.model_dump_json(exclude=ARRAYS) == legibility.model_dump_json(exclude=ARRAYS)
    assert np.array_equal(again.reading.at(3).legible, legibility.reading.at(3).legible)
    assert again.reading.at(2) is None


ARRAYS = {"reading": {"labels": True, "legible": True, "snapshots": True}}


def test_the_mean_image_is_read_as_one_label(small):
    reading = read(mean_image(small), small)
    assert len(set(reading.labels.tolist())) == 1
    assert sorted(reading.per_class.values()) == [0.0] * 9 + [1.0]
    assert reading.readable == pytest.approx(0.1, abs=0.05)


def test_pca_gets_readable_with_components(small):
    readings = [
        read(mean_image(small), small, pca=pca(small, dim)[0], components=dim)
        for dim in (1, 8, 200)
    ]
    assert [reading.pca.dim for reading in readings] == [1, 8, 200]
    shares = [reading.pca.readable for reading in readings]
    assert shares == sorted(shares)
    assert shares[0] < 0.5 < 0.9 < shares[-1]


def test_scores_are_those_of_the_model_the_originals_and_pca(small):
    linear = pca(small, 8)[0]
    legibility = judge_legibility(linear, small, name="mine", pca=linear, components=8)
    reading = legibility.reading
    assert [(code.name, code.kind, code.scores) for code in ANALYSIS.scores(legibility)] == [
        (
            "mine",
            "model",
            {"readable": reading.readable, "readable_of_16": reading.readable_of_16},
        ),
        (
            "raw pixels",
            "pixels",
            {"readable": reading.originals, "readable_of_16": reading.originals_of_16},
        ),
        ("PCA, 8", "pca", {"readable": reading.readable}),
        ("chance", "guess", {"readable": 0.1}),
        ("largest class", "guess", {"readable": 0.1}),
    ]
    assert {code.spread["readable"].trials for code in ANALYSIS.scores(legibility)} == {100, None}


def test_images_in_an_array_are_judged_as_those_of_a_function(small):
    reconstruct, _ = pca(small, 8)
    of_function = read(reconstruct, small)
    images = reconstruct(torch.from_numpy(small.dataset.images[small.test]), None).numpy()
    of_array = read(images.astype(np.float64), small)
    assert of_array.readable == of_function.readable
    assert of_array.per_class == of_function.per_class
    assert (of_array.labels == of_function.labels).all()
    assert (of_array.legible == of_function.legible).all()


@pytest.mark.parametrize("shape", [(100, 1, 28, 28), (100, 28, 28), (100, 784)])
def test_reconstructions_of_another_model_come_from_a_file(small, shape, tmp_path):
    np.save(tmp_path / "r.npy", originals(small).reshape(shape))
    legibility = read_elsewhere(tmp_path / "r.npy", Baselines(small))
    assert legibility.reading.readable == legibility.reading.originals > 0.9
    assert legibility.reading.pca is None


def test_of_many_reconstructions_of_another_model_drawn_ones_are_read(small, monkeypatch):
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 60)
    baselines = Baselines(small)
    images = originals(small)
    legibility = read_elsewhere(images, baselines)
    assert legibility.protocol.n_scored == 60
    assert legibility.reading.readable == legibility.reading.originals
    drawn = np.searchsorted(small.test, baselines.split.test)
    others = np.delete(np.arange(len(images)), drawn)
    images[others] = 0  # Nobody looks at them.
    assert read_elsewhere(images, baselines).reading.per_class == legibility.reading.per_class


def test_classes_are_counted_one_by_one(three):
    """Of what is middle, everything is turned into something low."""
    images = originals(three)
    images[three.dataset.labels[three.test] == 1] = 0.2
    reading = read(images, three)
    assert reading.per_class == {"low": 1, "middle": 0, "high": 1}
    assert reading.readable == pytest.approx(2 / 3, abs=0.06)


def test_examples_are_those_of_the_split_in_their_order(three):
    examples = three.examples(16)
    truth = three.dataset.labels[examples]
    images = originals(three)
    images[np.searchsorted(three.test, examples[[0, 5]])] = 0.5  # A low and a high one.
    reading = read(images, three)
    assert np.flatnonzero(reading.labels != truth).tolist() == [0, 5]
    assert np.flatnonzero(~reading.legible).tolist() == [0, 5]
    assert reading.readable_of_16 == 14
    assert reading.originals_of_16 == 16


def test_snapshots_are_counted_epoch_by_epoch(three):
    examples = originals(three, three.examples(16))
    blank = np.full_like(examples, 0.2)
    snapshots = np.stack([blank, examples])
    reading = read(originals(three), three, snapshots=snapshots, epochs=[1, 5])
    low = int((three.dataset.labels[three.examples(16)] == 0).sum())
    counts = [(item.epoch, item.readable_of_16) for item in reading.snapshots]
    assert counts == [(1, low), (5, 16)]
    assert [item.legible.shape for item in reading.snapshots] == [(16,), (16,)]
    assert reading.snapshots[1].legible.all()


def test_fewer_test_images_than_examples():
    split = split_dataset(plain(), DataConfig(test=7))
    reading = read(originals(split), split)
    assert reading.legible.shape == (7,)
    assert reading.readable_of_16 == reading.originals_of_16 == 7


def test_without_labels_it_is_left_out(vectors):
    legibility = judge_legibility(lambda images, labels: images, vectors)
    assert sentences(legibility) == ["Legibility was left out: the data have no labels."]
    assert legibility.reading is None
    assert list(ANALYSIS.scores(legibility)) == []
    assert ANALYSIS.protocol(legibility) == ()


def test_with_one_label_in_training_it_is_left_out():
    split = split_dataset(plain(), DataConfig(train_labels=("low",)))
    legibility = judge_legibility(originals(split), split)
    assert sentences(legibility) == [
        "Legibility was left out: all training images have the same label."
    ]
    assert legibility.reading is None


def test_labels_that_were_never_trained_on_are_named():
    split = split_dataset(plain(), DataConfig(train_labels=("low", "high")))
    legibility = judge_legibility(originals(split), split)
    assert sentences(legibility) == [
        "No training image is labelled middle: such test images count as unreadable."
    ]
    assert legibility.reading.per_class == {"low": 1, "middle": 0, "high": 1}


def test_reconstructions_that_are_not_finite(small):
    images = originals(small)
    images[3, 0, 5, 5] = np.nan
    images[4] = np.nan
    with pytest.raises(DataError, match=r"2 of 100 reconstructions are not finite"):
        judge_legibility(images, small)
    with pytest.raises(DataError, match="not finite"):
        judge_legibility(lambda images, labels: images / 0.0, small)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images[1:], r"shape \(99, 1, 28, 28\).*\(100, 1, 28, 28\)"),
        (lambda images: images[:, 0], r"shape \(100, 28, 28\)"),
        (lambda images: images * 255, r"from 0 to 255.*Divide"),
        (lambda images: images - 0.5, r"from -0\.5 to 0\.5.*numpy\.clip"),
    ],
)
def test_reconstructions_that_do_not_fit(small, change, message):
    with pytest.raises(DataError, match=message):
        judge_legibility(change(originals(small)), small)


def test_values_outside_zero_to_one_are_fine_where_the_originals_have_them():
    split = split_dataset(plain(scale=4, shift=-1), DataConfig())
    assert read(originals(split), split).readable == 1


def test_snapshots_that_do_not_fit(small):
    snapshots = np.zeros((2, 15, 1, 28, 28), np.float32)
    with pytest.raises(DataError, match=r"snapshots.*\(2, 15, 1, 28, 28\).*\(2, 16, 1, 28, 28\)"):
        judge_legibility(as_they_are, small, snapshots=snapshots, epochs=[1, 2])


def test_a_grey_veil_and_dim_light_leave_a_digit_as_readable_as_it_was(small):
    clear = read(originals(small), small).readable
    veiled = 0.1 + 0.5 * originals(small)
    assert read(veiled, small).readable == pytest.approx(clear, abs=0.011)


def test_eyes_adapt_to_light_and_see_no_more_than_there_is(small):
    images = originals(small)
    assert np.abs(adapted(images, small) - images).max() < 0.05
    assert np.allclose(adapted(0.2 + 0.3 * images, small), adapted(images, small), atol=1e-3)
    flat = np.full_like(images, 0.4)
    assert np.array_equal(adapted(flat, small), flat)


def test_vectors_have_no_light(three):
    values = originals(three)
    assert adapted(values, three) is values


def measure(comparison, **inputs):
    return ANALYSIS.measure(comparison, ANALYSIS.settings(), LegibilityInputs(**inputs))


def test_a_run_is_read_at_the_end_and_on_the_way(tmp_path):
    opened = open_released(tmp_path)
    legibility = measure(compare_codes(opened))
    reading = legibility.reading
    assert legibility.name == "vae-20"
    assert reading.pca.dim == min(opened.model.latent.numbers, 4)
    assert [item.epoch for item in reading.snapshots] == list(opened.findings.snapshots.epochs)
    assert (legibility.protocol.n_fitted, legibility.protocol.n_scored) == (300, 40)


def test_snapshots_of_other_examples_than_those_that_are_read_are_left_out(tmp_path, monkeypatch):
    """An earlier version took examples of the whole part, of which few are looked at if large."""
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 30)
    reading = measure(compare_codes(open_released(tmp_path))).reading
    assert len(reading.legible) == 16
    assert reading.snapshots == ()


def test_only_models_reconstruct():
    comparison = compare_codes(codes={"z": np.random.default_rng(0).random((20, 2))})
    with pytest.raises(ConfigError, match="no reconstructions"):
        measure(comparison)


def test_reconstructions_of_another_model_are_judged_without_a_run(tmp_path):
    comparison = compare_codes(data=plain())
    images = originals(comparison.split)
    np.save(tmp_path / "r.npy", images)
    for source in (tmp_path / "r.npy", str(tmp_path / "r.npy"), images):
        reading = measure(comparison, reconstructions=source).reading
        assert reading.readable == reading.originals == 1
        assert reading.pca is None
