"""Pages stand on synthetic runs and toy analyses: what a page does, it does for any of them."""

from functools import partial

import pytest

import synthetic
import toys


@pytest.fixture(autouse=True)
def register(monkeypatch):
    """Return a function that registers the only analyses; without it there is none."""
    toys.register(monkeypatch)
    return partial(toys.register, monkeypatch)


@pytest.fixture
def run(tmp_path):
    """Return `synthetic.make_run` in a folder of its own."""
    return partial(synthetic.make_run, tmp_path / "runs")


@pytest.fixture
def variant(run):
    """Return a function that makes a run of a kind, which is its label unless told otherwise."""

    def make(kind, label=None, **more):
        return run(label or kind, kind, **more)

    return make
