import numpy as np
import pytest

from latentscape.core.errors import DataError
from latentscape.data.labels import encode_labels


@pytest.mark.parametrize(
    ("values", "indices", "names"),
    [
        (np.array([3, 1, 3]), [1, 0, 1], ("1", "3")),
        (np.array([[3], [1], [3]], np.uint8), [1, 0, 1], ("1", "3")),
        (np.array([10.0, 9.0]), [1, 0], ("9", "10")),
        (np.array([0.5, 0.25]), [1, 0], ("0.25", "0.5")),
        (np.array(["10", "9", "10"]), [1, 0, 1], ("9", "10")),
        (np.array(["10", "9", "x"]), [0, 1, 2], ("10", "9", "x")),
        (np.array([b"dog", b"cat"]), [1, 0], ("cat", "dog")),
        (np.array([b"caf\xe9", b"caf\xe8"]), [1, 0], ("caf\\xe8", "caf\\xe9")),
        (np.array(["\ud800", "\udce9"]), [1, 0], ("\\xe9", "\\xed\\xa0\\x80")),
        (np.array(["dog", "cat"], object), [1, 0], ("cat", "dog")),
        (np.array([True, False]), [1, 0], ("False", "True")),
    ],
)
def test_classes_are_numbered_in_order(
    values: np.ndarray, indices: list[int], names: tuple[str, ...]
) -> None:
    encoded, class_names = encode_labels(values, "here")
    assert encoded.dtype == np.int64
    assert encoded.tolist() == indices
    assert class_names == names


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, np.nan]),
        np.array(["a", ""]),
        np.array(["a", None], object),
        np.array([b"a", b""]),
    ],
)
def test_missing_labels(values: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"no label for 1 example.*number 1"):
        encode_labels(values, "here")


@pytest.mark.parametrize(
    "values", [np.eye(3), np.array(1), np.zeros(3, complex), np.zeros(3, "M8[s]")]
)
def test_what_is_no_list_of_classes(values: np.ndarray) -> None:
    with pytest.raises(DataError, match="one number or text for each example"):
        encode_labels(values, "here")
