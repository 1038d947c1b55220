from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.config import DataConfig
from latentscape.core import subsets
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import split_dataset
from latentscape.evaluation import judge as module
from latentscape.evaluation.judge import FEATURES, Classifier, trained_classifier


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of its own, and training that is over in a blink."""
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "MOST_SEEN", 1)
    return tmp_path / "cache"


@pytest.fixture
def trained(monkeypatch):
    """The splits that were trained on, one for every training."""
    splits = []
    train = module._train

    def watched(classifier, split):
        splits.append(split)
        train(classifier, split)

    monkeypatch.setattr(module, "_train", watched)
    return splits


def images_of(split, index):
    return split.dataset.images[index].astype(np.float32) / 255


def three_groups(shape, count=81):
    """Examples of three kinds, far apart."""
    labels = np.arange(count) % 3
    noise = np.random.default_rng(0).normal(0, 0.02, (count, *shape))
    values = 0.2 + 0.3 * labels.reshape(-1, *[1] * len(shape)) + noise
    names = ("low", "middle", "high")
    return Dataset("three", values.astype(np.float32), labels, names, value_range=(0.0, 1.0))


def weights_of(classifier):
    return {name: weight.numpy().tobytes() for name, weight in classifier.state_dict().items()}


def test_it_learns_digits(small):
    found = trained_classifier(small)
    seen = found.predict(images_of(small, small.test))
    accuracy = (seen == small.dataset.labels[small.test]).mean()
    assert found.accuracy.item() == pytest.approx(accuracy)
    assert accuracy > 0.9


def test_features_have_the_scale_of_the_training_images(small):
    found = trained_classifier(small).features(images_of(small, small.train))
    assert found.shape == (500, FEATURES)
    assert found.dtype == np.float32
    assert np.abs(found.mean(0)).max() < 0.3
    assert found.std(0).mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("shape", [(5,), (1, 1, 1), (3, 8, 8), (2, 33, 20), (3, 70, 64)], ids=str)
def test_any_shape_is_learnt(folder, shape):
    split = split_dataset(three_groups(shape), DataConfig())
    found = trained_classifier(split)
    values = split.dataset.images[split.test]
    assert found.features(values).shape == (len(values), FEATURES)
    assert set(found.predict(values)) <= {0, 1, 2}


@pytest.mark.parametrize("shape", [(5,), (1, 4, 4)], ids=str)
def test_what_is_plain_is_recognised(shape, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path))
    assert trained_classifier(split_dataset(three_groups(shape), DataConfig())).accuracy == 1


def test_splitting_a_batch_changes_nothing(small):
    found = trained_classifier(small)
    images = images_of(small, small.train)
    whole = found.features(np.tile(images, (3, 1, 1, 1)))
    parts = np.concatenate([found.features(part) for part in np.split(images, 50)])
    np.testing.assert_allclose(whole, np.tile(parts, (3, 1)), atol=1e-4)


def test_the_same_bits_whatever_was_drawn_before(folder, small, trained, monkeypatch):
    torch.manual_seed(1)
    first = weights_of(trained_classifier(small))
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(folder / "other"))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert weights_of(trained_classifier(small)) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert len(trained) == 2


def test_the_same_bits_on_any_number_of_threads(folder, small, trained, monkeypatch):
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            monkeypatch.setenv("LATENTSCAPE_CACHE", str(folder / str(threads)))
            found.append(weights_of(trained_classifier(small)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
    assert len(trained) == 2


def test_trained_once_for_one_split_and_again_for_another(folder, small, digits, trained):
    first, again = trained_classifier(small), trained_classifier(small)
    assert weights_of(first) == weights_of(again)
    assert not again.training
    assert len(trained) == 1
    trained_classifier(split_dataset(digits, DataConfig(train=500, test=100, seed=1)))
    trained_classifier(split_dataset(digits, DataConfig(train=500, test=99)))
    assert len(trained) == len(list(folder.iterdir())) == 3


def test_another_setting_is_another_classifier(folder, small, trained, monkeypatch):
    trained_classifier(small)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    trained_classifier(small)
    assert len(trained) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no safetensors file",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
    ],
    ids=["emptied", "replaced", "truncated", "one bit of the weights", "one bit of the header"],
)
def test_a_damaged_file_is_mended(folder, small, trained, damage):
    first = trained_classifier(small)
    (path,) = folder.iterdir()
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    assert weights_of(trained_classifier(small)) == weights_of(first)
    assert path.read_bytes() == sound
    assert len(trained) == 2


def test_the_classifier_of_other_examples_under_its_name_is_trained_anew(folder, small, trained):
    first = trained_classifier(small)
    (path,) = folder.iterdir()
    others = replace(small, train=small.train[::2])
    trained_classifier(others)
    (other,) = set(folder.iterdir()) - {path}
    other.replace(path)
    assert weights_of(trained_classifier(small)) == weights_of(first)
    assert len(trained) == 3


def test_without_a_writable_cache_it_is_only_slower(folder, small, trained):
    folder.write_text("a file where the folder should be")
    first, again = trained_classifier(small), trained_classifier(small)
    assert weights_of(first) == weights_of(again)
    assert len(trained) == 2


def test_training_images_are_moved_as_a_whole():
    images = torch.zeros(200, 1, 9, 9)
    images[:, :, 4, 4] = 1
    moved = module._shifted(images, 2, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert (moved.sum((1, 2, 3)) == 1).all()
    # Every move by up to two pixels occurs, and no other.
    assert torch.nonzero(moved.sum((0, 1))).tolist() == [
        [row, column] for row in range(2, 7) for column in range(2, 7)
    ]


def test_small_images_and_vectors_stay_where_they_are():
    shapes = [(1, 28, 28), (3, 32, 64), (1, 8, 8), (784,)]
    assert [Classifier(shape, 2).shift for shape in shapes] == [2, 2, 0, 0]


def test_without_labels_there_is_nothing_to_learn(vectors):
    with pytest.raises(DataError, match="no labels.*two labels or more.*--labels"):
        trained_classifier(vectors)


def test_one_label_is_not_enough(folder):
    data = three_groups((5,))
    alike = Dataset("alike", data.images, np.zeros(81, np.int64), ("low",), (0.0, 1.0))
    with pytest.raises(DataError, match="only one label"):
        trained_classifier(split_dataset(alike, DataConfig()))


def test_of_large_data_it_learns_from_drawn_examples(small, folder, trained, monkeypatch):
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 70)
    trained_classifier(small)
    assert trained[0].sizes == {"train": 70, "validation": len(small.validation), "test": 70}
