import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.core.stores import ResidentStore
from latentscape.data import (
    check_unit_range,
    entropy_floor,
    load_dataset,
    split_dataset,
    statistics,
    summarize,
)


def test_the_summary_is_json_and_complete(digits: Dataset) -> None:
    summary = summarize(digits, split_dataset(digits, DataConfig(seed=7)))
    about = summary.model_dump(mode="json")
    assert json.loads(json.dumps(about)) == about
    assert "n: 1797" in str(summary).splitlines()
    with pytest.warns(DeprecationWarning, match=r"use summary\.n"):
        assert summary["n"] == 1797
    assert about["name"] == "digits"
    assert about["n"] == 1797
    assert about["shape"] == [1, 8, 8]
    assert about["dtype"] == "uint8"
    assert about["value_range"] == [0, 16]
    assert (about["min"], about["max"]) == (0, 16)
    assert sum(about["labels"].values()) == 1797
    assert about["labels"]["3"] == 183
    assert sum(about["split"].values()) == 1797
    assert about["seed"] == 7
    assert about["fingerprint"] == digits.fingerprint
    assert about["entropy_floor"] == pytest.approx(0.2134, abs=1e-4)


def test_the_summary_without_labels() -> None:
    dataset = Dataset(
        "made", np.linspace(-1, 1, 20, dtype=np.float32).reshape(10, 2), value_range=(0, 1)
    )
    summary = summarize(dataset, split_dataset(dataset, DataConfig()))
    assert summary.labels is None
    assert summary.entropy_floor is None
    assert (summary.min, summary.max) == (-1, 1)


def test_the_floor_of_real_mnist(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTSCAPE_DATA", str(real_data))
    dataset = load_dataset(DataConfig(source="mnist"))
    assert entropy_floor(ResidentStore(dataset.images[60000:]), (0, 255)) == pytest.approx(
        0.0581, abs=5e-4
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], 0.0),
        ([0.5, 0.5], math.log(2)),
        ([0, 0.5], math.log(2) / 2),
        ([0.25, 0.75], -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))),
    ],
)
def test_the_floor_of_a_few_values(values: list[float], expected: float) -> None:
    images = np.array([values], np.float32)
    assert entropy_floor(ResidentStore(images), (0, 1)) == pytest.approx(expected)
    assert entropy_floor(ResidentStore(images * 4), (0, 4)) == pytest.approx(expected)
    assert entropy_floor(ResidentStore((images * 4).astype(np.uint8)), (0, 4)) == pytest.approx(
        expected
    )
    assert entropy_floor(ResidentStore(images * 4 + 2), (2, 6)) == pytest.approx(expected)


def test_the_floor_is_the_same_in_pieces(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    floats = np.asarray(digits.images).astype(np.float32)
    whole = entropy_floor(digits.images, (0, 16)), entropy_floor(ResidentStore(floats), (0, 16))
    monkeypatch.setattr(statistics, "_CHUNK", 1000)
    pieces = entropy_floor(digits.images, (0, 16)), entropy_floor(ResidentStore(floats), (0, 16))
    assert whole == pytest.approx(pieces)
    assert whole[0] == pytest.approx(whole[1])


@pytest.mark.parametrize("values", [[-0.1, 1], [0, 1.1]])
def test_no_floor_outside_the_range(values: list[float]) -> None:
    assert entropy_floor(ResidentStore(np.array([values], np.float32)), (0, 1)) is None


@pytest.mark.parametrize(
    ("values", "value_range"),
    [([0, 255], (0, 255)), ([0.0, 1.0], (0, 1)), ([10, 20], (10, 20)), ([-1.0, 1.0], (-1, 1))],
)
def test_a_range_that_holds(values: list[float], value_range: tuple[float, float]) -> None:
    images = np.array([values], np.float32)
    check_unit_range(Dataset("made", images, value_range=value_range))


@pytest.mark.parametrize(
    ("values", "value_range", "suggested"),
    [
        ([0, 300], (0, 255), ["0,300", "0,4095"]),
        ([0.0, 254.5], (0, 1), ["0,254.5", "0,255"]),
        ([-1.0, 1.0], (0, 1), ["-1,1"]),
        ([5, 6], (0, 5), ["0,6", "0,255"]),
    ],
)
def test_a_range_that_does_not_hold(
    values: list[float], value_range: tuple[float, float], suggested: list[str]
) -> None:
    dataset = Dataset("made", np.array([values], np.float32), value_range=value_range)
    with pytest.raises(DataError, match=r"model\.likelihood=gaussian") as caught:
        check_unit_range(dataset)
    assert re.findall(r"--range ([-\d.,]+)'", str(caught.value)) == suggested
    assert f"from {values[0]:g} to {values[1]:g}" in str(caught.value)


def test_the_suggested_range_mends_it(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[0, 300], [7, 8]]))
    config = DataConfig(source=str(tmp_path / "x.npy"))
    with pytest.raises(DataError, match=r"from 0 to 300.*--range 0,300"):
        check_unit_range(load_dataset(config))
    check_unit_range(load_dataset(config.model_copy(update={"range": (0, 300)})))
