import numpy as np
import pytest
import torch

from latentscape.analyses.legibility.method import NOTHING, adapted, judge_legibility
from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, Split
from latentscape.data import split_dataset
from latentscape.evaluation.baselines import mean_image, pca
from latentscape.evaluation.judge import trained_classifier


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


def test_the_originals_are_read_as_the_judge_reads_them(small):
    values = judge_legibility(as_they_are, small).values
    assert values["readable"] == values["originals"] == values["judge"]["accuracy"]
    assert values["readable_of_16"] == values["originals_of_16"]
    assert values["readable"] == trained_classifier(small).accuracy.item()
    assert values["n"] == values["judge"]["n_test"] == 100
    assert values["judge"]["n_train"] == 500
    assert "500 training images" in values["protocol"]
    accuracy = f"{100 * values['judge']['accuracy']:.1f} %"
    assert f"reads {accuracy} of the 100 test images" in values["protocol"]
    assert values["left_out"] == []


def test_every_key_is_there_with_and_without_labels(small, vectors):
    found = judge_legibility(as_they_are, small).values
    assert found.keys() == NOTHING.keys() == judge_legibility(as_they_are, vectors).values.keys()


def test_the_mean_image_is_read_as_one_label(small):
    found = judge_legibility(mean_image(small), small)
    assert len(set(found.arrays["legible_read"].tolist())) == 1
    assert sorted(found.values["per_class"].values()) == [0.0] * 9 + [1.0]
    assert found.values["readable"] == pytest.approx(0.1, abs=0.05)


def test_pca_gets_readable_with_components(small):
    shares = [
        judge_legibility(mean_image(small), small, pca=pca(small, dim)[0]).values["pca"]
        for dim in (1, 8, 200)
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.5 < 0.9 < shares[-1]


def test_given_reconstructions_are_judged_as_those_made(small):
    reconstruct, _ = pca(small, 8)
    made = judge_legibility(reconstruct, small)
    images = reconstruct(torch.from_numpy(small.dataset.images[small.test]), None).numpy()
    given = judge_legibility(images.astype(np.float64), small)
    assert given.values == made.values
    assert all((given.arrays[name] == made.arrays[name]).all() for name in made.arrays)


def test_classes_are_counted_one_by_one(three):
    """Of what is middle, everything is turned into something low."""
    images = originals(three)
    images[three.dataset.labels[three.test] == 1] = 0.2
    found = judge_legibility(images, three)
    assert found.values["per_class"] == {"low": 1, "middle": 0, "high": 1}
    assert found.values["readable"] == pytest.approx(2 / 3, abs=0.06)


def test_examples_are_those_of_the_split_in_their_order(three):
    examples = three.examples(16)
    truth = three.dataset.labels[examples]
    images = originals(three)
    images[np.searchsorted(three.test, examples[[0, 5]])] = 0.5  # A low and a high one.
    found = judge_legibility(images, three)
    assert np.flatnonzero(found.arrays["legible_read"] != truth).tolist() == [0, 5]
    assert np.flatnonzero(~found.arrays["legible"]).tolist() == [0, 5]
    assert found.values["readable_of_16"] == 14
    assert found.values["originals_of_16"] == 16


def test_snapshots_are_counted_epoch_by_epoch(three):
    examples = originals(three, three.examples(16))
    blank = np.full_like(examples, 0.2)
    found = judge_legibility(
        originals(three), three, snapshots=np.stack([blank, examples]), epochs=[1, 5]
    )
    low = int((three.dataset.labels[three.examples(16)] == 0).sum())
    assert found.values["by_epoch"] == [
        {"epoch": 1, "readable_of_16": low},
        {"epoch": 5, "readable_of_16": 16},
    ]
    assert found.arrays["legible_snapshots"].shape == (2, 16)
    assert found.arrays["legible_snapshots"][1].all()


def test_fewer_test_images_than_examples():
    split = split_dataset(plain(), DataConfig(test=7))
    found = judge_legibility(originals(split), split)
    assert found.arrays["legible"].shape == (7,)
    assert found.values["readable_of_16"] == found.values["originals_of_16"] == 7


def test_without_labels_it_is_left_out(vectors):
    found = judge_legibility(lambda images, labels: images, vectors)
    (sentence,) = found.values["left_out"]
    assert sentence.startswith("Legibility was left out: vectors has no labels")
    assert found.values["readable"] is None
    assert found.arrays == {}


def test_with_one_label_in_training_it_is_left_out():
    split = split_dataset(plain(), DataConfig(train_labels=("low",)))
    (sentence,) = judge_legibility(originals(split), split).values["left_out"]
    assert "only one label in its training part" in sentence


def test_labels_that_were_never_trained_on_are_named():
    split = split_dataset(plain(), DataConfig(train_labels=("low", "high")))
    found = judge_legibility(originals(split), split).values
    assert found["left_out"] == [
        "No training image is labelled middle: such test images count as unreadable"
    ]
    assert found["per_class"] == {"low": 1, "middle": 0, "high": 1}


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
def test_given_reconstructions_that_do_not_fit(small, change, message):
    with pytest.raises(DataError, match=message):
        judge_legibility(change(originals(small)), small)


def test_values_outside_zero_to_one_are_fine_where_the_originals_have_them():
    split = split_dataset(plain(scale=4, shift=-1), DataConfig())
    assert judge_legibility(originals(split), split).values["readable"] == 1


def test_snapshots_that_do_not_fit(small):
    snapshots = np.zeros((2, 15, 1, 28, 28), np.float32)
    with pytest.raises(DataError, match=r"snapshots.*\(2, 15, 1, 28, 28\).*\(2, 16, 1, 28, 28\)"):
        judge_legibility(as_they_are, small, snapshots=snapshots, epochs=[1, 2])


def test_a_grey_veil_and_dim_light_leave_a_digit_as_readable_as_it_was(small):
    clear = judge_legibility(originals(small), small).values["readable"]
    veiled = 0.1 + 0.5 * originals(small)
    assert judge_legibility(veiled, small).values["readable"] == pytest.approx(clear, abs=0.011)


def test_eyes_adapt_to_light_and_see_no_more_than_there_is(small):
    images = originals(small)
    assert np.abs(adapted(images, small) - images).max() < 0.05
    assert np.allclose(adapted(0.2 + 0.3 * images, small), adapted(images, small), atol=1e-3)
    flat = np.full_like(images, 0.4)
    assert np.array_equal(adapted(flat, small), flat)


def test_vectors_have_no_light(three):
    values = originals(three)
    assert adapted(values, three) is values
