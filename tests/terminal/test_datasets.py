"""What `data show` prints of a source."""

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from analyses.printing import joined, printed  # noqa: F401
from latentscape.cli import app
from latentscape.core.records import LeftOut
from latentscape.data import summarize
from latentscape.terminal import print_data


def test_test_examples_that_were_trained_on_are_told(small, printed):  # noqa: F811
    text = joined(printed(lambda: print_data(summarize(small.dataset, small)), 120))
    assert "No test example is also a training example, exactly or nearly." in text
    images = np.asarray(small.dataset.images).copy()
    images[small.test[:7]] = images[small.train[:7]]
    split = replace(small, dataset=replace(small.dataset, images=images))
    text = joined(printed(lambda: print_data(summarize(split.dataset, split)), 120))
    assert "7 of 100 test examples are also training examples, bit for bit, and 0 more" in text


def summary_of(split, **changes):
    return summarize(replace(split.dataset, **changes), split)


def test_what_is_not_used_is_told(small, printed):  # noqa: F811
    left_out = (
        LeftOut("file", ("a.txt", "b.txt", "c.txt"), 20, "not an image"),
        LeftOut("column", ("id",), 1, "it counts or names the rows"),
        LeftOut("label", (), 14, "14 answers of yes and no for each example (multi-label)"),
    )
    text = joined(printed(lambda: print_data(summary_of(small, left_out=left_out)), 120))
    assert "Not used: 20 files (a.txt, b.txt, c.txt, ...): not an image." in text
    assert "Not used: 1 column (id): it counts or names the rows." in text
    assert "Not used: 14 labels: 14 answers of yes and no" in text


def test_that_the_validation_part_is_the_test_part_is_told(small, printed):  # noqa: F811
    text = joined(printed(lambda: print_data(summary_of(small, tests_on_validation=True)), 120))
    assert "has no test part: models are tested on its validation part" in text
    assert "test part" not in joined(printed(lambda: print_data(summary_of(small)), 120))


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("setting", "Stored values from 0 to 255 stand for 0 to 1, as the settings say."),
        ("format", "stand for 0 to 1, as their format or source defines."),
        ("content", "stand for 0 to 1, as the values themselves show."),
        ("dtype", "stand for 0 to 1, by their type."),
        ("unbounded", "Values are used as they are, since nothing bounds them"),
    ],
)
def test_the_range_and_its_reason_are_told(small, printed, reason, sentence):  # noqa: F811
    text = joined(printed(lambda: print_data(summary_of(small, range_reason=reason)), 120))
    assert sentence in text


def test_a_range_that_is_not_clear_is_asked_for_and_taken_as_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("dark.npy", np.random.default_rng(0).integers(0, 38, (40, 9, 9), np.uint8))
    run = CliRunner().invoke
    error = run(app, ["data", "show", "dark.npy"]).exception
    assert "'--range 0,37' if 37 is the largest value" in str(error)
    assert "'--range 0,255' if they are grey levels of 8 bits" in str(error)
    for option in ("0,37", "0,255"):
        result = run(app, ["data", "show", "dark.npy", "--range", option])
        assert f"from 0 to {option[2:]} stand for 0 to 1, as the settings say." in result.stdout
    assert run(app, ["data", "show", "dark.npy", "--range", "0;37"]).exit_code == 2
