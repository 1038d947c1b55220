import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.data import load_dataset


def test_mnist_5k_is_stratified_real_mnist() -> None:
    dataset = load_dataset(DataConfig(source="mnist-5k"))
    assert dataset.images.shape == (5000, 1, 28, 28)
    assert dataset.n_official_train == 4000
    assert np.bincount(dataset.labels[:4000]).tolist() == [400] * 10
    assert np.bincount(dataset.labels[4000:]).tolist() == [100] * 10
    assert (np.asarray(dataset.images).min(), np.asarray(dataset.images).max()) == (0, 255)


def test_mnist_5k_never_changes() -> None:
    """Numbers that people report depend on these very 1,000 test images."""
    dataset = load_dataset(DataConfig(source="mnist-5k"))
    assert dataset.fingerprint == "cecf5d80df82a8ec03352b151b9b3a203265911bf268cacda94ee7610aa7ff22"


def test_mnist_5k_images_are_in_full_mnist(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTSCAPE_DATA", str(real_data))
    full = load_dataset(DataConfig(source="mnist"))
    labels = {image.tobytes(): label for image, label in zip(full.images, full.labels, strict=True)}
    dataset = load_dataset(DataConfig(source="mnist-5k"))
    assert [labels[image.tobytes()] for image in dataset.images] == dataset.labels.tolist()


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    dataset = load_dataset(DataConfig(source="digits"))
    np.testing.assert_array_equal(dataset.images[:, 0], load_digits().images)
    np.testing.assert_array_equal(dataset.labels, load_digits().target)
    assert dataset.value_range == (0, 16)


def test_nothing_is_written_and_no_library_is_asked(tmp_path: Path) -> None:
    code = "import sys; from latentscape.data import SOURCES; SOURCES['digits'].load(); "
    code += "print(sorted({'sklearn', 'pandas', 'torch', 'pooch'} & set(sys.modules)))"
    environment = {**os.environ, "LATENTSCAPE_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
    assert not list(tmp_path.iterdir())
