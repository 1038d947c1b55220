"""Where images lie says what they are; all that is ambiguous is refused with both readings."""

import pytest

from latentscape.core.errors import DataError
from latentscape.core.records import LeftOut
from latentscape.data.formats.image_layout import ImageLayout, arrange_images


def arrange(*files: str, labels: str | None = None) -> ImageLayout:
    return arrange_images([tuple(file.split("/")) for file in files], "photos", labels)


def names(layout: ImageLayout) -> list[str]:
    return ["/".join(image) for image in layout.images]


@pytest.mark.parametrize("train", ["train", "Training", "seg_train", "train2017", "train_images"])
@pytest.mark.parametrize("validation", ["val", "valid", "Validation", "dev"])
@pytest.mark.parametrize("test", ["test", "TESTING", "test1"])
def test_three_parts(train: str, validation: str, test: str) -> None:
    layout = arrange(
        f"{test}/a/1.png", f"{validation}/b/2.png", f"{train}/b/3.png", f"{train}/a/4.png"
    )
    assert names(layout) == [
        f"{train}/a/4.png",
        f"{train}/b/3.png",
        f"{validation}/b/2.png",
        f"{test}/a/1.png",
    ]
    assert layout.labels == ("a", "b", "b", "a")
    assert (layout.n_official_train, layout.n_official_validation) == (2, 1)
    assert not layout.left_out


def test_without_a_test_part_the_validation_part_is_tested_on() -> None:
    layout = arrange("train/a/1.png", "train/b/2.png", "val/a/3.png")
    assert (layout.n_official_train, layout.n_official_validation) == (2, 0)
    assert names(layout)[2:] == ["val/a/3.png"]
    assert layout.tests_on_validation
    assert not arrange("train/a/1.png", "test/a/3.png").tests_on_validation
    assert not arrange("train/1.png", "val/2.png", "test/3.png").tests_on_validation


def test_without_labels_of_the_test_part_the_validation_part_is_tested_on() -> None:
    layout = arrange("train/a/1.png", "train/b/2.png", "val/a/3.png", "test/4.png")
    assert (layout.n_official_train, layout.n_official_validation) == (2, 0)
    assert layout.tests_on_validation


def test_kaggles_flat_test_images_are_left_out() -> None:
    for test in ("test/3.png", "test/unknown/3.png", "test/test/3.png"):
        layout = arrange("train/cat/1.png", "train/dog/2.png", test)
        assert layout.labels == ("cat", "dog")
        assert layout.n_official_train is None
        reason = "images of the test part, without labels as those of train have"
        assert layout.left_out == (LeftOut("file", (test,), 1, reason),)


def test_test_images_are_kept_where_no_image_has_a_label() -> None:
    layout = arrange("train/1.png", "train/2.png", "test/3.png")
    assert (layout.labels, layout.n_official_train, layout.left_out) == (None, 2, ())


def test_labels_that_training_images_lack_are_left_out() -> None:
    layout = arrange("train/1.png", "train/2.png", "test/good/3.png", "test/bad/4.png")
    assert (layout.labels, layout.n_official_train) == (None, 2)
    assert layout.left_out[0] == LeftOut(
        "label", ("bad", "good"), 2, "the images of train have none"
    )


def test_mvtec() -> None:
    layout = arrange(
        "train/good/1.png", "test/good/2.png", "test/crack/3.png", "ground_truth/crack/3_mask.png"
    )
    assert layout.labels == ("good", "crack", "good")
    assert layout.n_official_train == 1
    assert layout.left_out == (
        LeftOut("file", ("ground_truth/crack/3_mask.png",), 1, "no example, by its folder"),
    )


def test_several_categories_of_mvtec_are_refused() -> None:
    with pytest.raises(DataError, match=r"several folders of folders \(bottle, cable\).*path of"):
        arrange("bottle/train/good/1.png", "cable/train/good/1.png", "cable/test/bad/2.png")


@pytest.mark.parametrize(("labels", "classes"), [("outer", "aabb"), ("inner", "wxyz")])
def test_classes_with_subclasses(labels: str, classes: str) -> None:
    files = ["a/w/1.png", "a/x/2.png", "b/y/3.png", "b/z/4.png"]
    assert arrange(*files, labels=labels).labels == tuple(classes)
    with pytest.raises(DataError, match=r"outer folder \(a, b\) or the inner one \(w, x, y, z\)"):
        arrange(*files)


def test_no_labels_are_used_if_none_are_wanted() -> None:
    layout = arrange("a/w/1.png", "b/y/3.png", "c.png", labels="none")
    assert (len(layout.images), layout.labels) == (3, None)


def test_other_choices_of_labels_are_refused() -> None:
    with pytest.raises(DataError, match=r"data\.labels is 'kind'.*Expected outer or inner"):
        arrange("a/1.png", "b/2.png", labels="kind")


def test_one_folder_around_all_is_passed_through() -> None:
    assert arrange("x/y/train/a/1.png", "x/y/test/a/2.png").n_official_train == 1
    assert arrange("x/y/a/1.png", "x/y/b/2.png").labels == ("a", "b")
    assert arrange("train/1.png", "train/2.png").labels is None


def test_folders_that_are_the_same_for_all_name_no_class() -> None:
    layout = arrange("train/n01/images/1.png", "train/n02/images/2.png", "val/images/3.png")
    assert layout.labels == ("n01", "n02")
    assert layout.left_out[0].names == ("val/images/3.png",)


def test_one_class_is_a_class() -> None:
    assert arrange("cat/1.png", "cat/2.png").labels == ("cat", "cat")


def test_a_class_called_train_is_a_class() -> None:
    assert arrange("plane/1.png", "train/2.png").labels == ("plane", "train")


def test_files_beside_parts_are_left_out() -> None:
    layout = arrange("train/1.png", "test/2.png", "logo.png")
    assert layout.left_out == (LeftOut("file", ("logo.png",), 1, "beside the folders of parts"),)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/a.png", "test/b.png", "plane/c.png"], "plane, test, train, which may be parts"),
        (["train/a.png", "val/b.png", "dev/c.png"], "dev and val.*one that is the validation"),
        (["a.png", "x/b.png"], r"images \(a.png\) beside folders of images \(x\)"),
        (["x/b.png", "y/z/b.png"], r"images \(x/b.png\) beside folders of images \(y/z\)"),
        (["a/b/c/1.png", "d/e/f/1.png", "a/b/f/1.png"], r"several folders of folders \(a, d\)"),
        ([], "photos holds no images"),
    ],
)
def test_what_is_ambiguous_is_refused(files: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        arrange(*files)
