"""What `data show` prints of a source."""

from dataclasses import replace

from analyses.printing import joined, printed  # noqa: F401
from latentscape.data import summarize
from latentscape.terminal import print_data


def test_test_examples_that_were_trained_on_are_told(small, printed):  # noqa: F811
    text = joined(printed(lambda: print_data(summarize(small.dataset, small)), 120))
    assert "No test example is also a training example, exactly or nearly." in text
    images = small.dataset.images.copy()
    images[small.test[:7]] = images[small.train[:7]]
    split = replace(small, dataset=replace(small.dataset, images=images))
    text = joined(printed(lambda: print_data(summarize(split.dataset, split)), 120))
    assert "7 of 100 test examples are also training examples, bit for bit, and 0 more" in text
