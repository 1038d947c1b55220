"""Runs of a study that are trained as one, where that is faster."""

import pytest
import torch

import latentscape
from latentscape.api import shapes, studies
from latentscape.api.shapes import group_runs
from latentscape.config import Study, override
from latentscape.runs import runs_in

CPU = torch.device("cpu")
SMALL = {
    "data.source": "mnist-5k",
    "data.train": 200,
    "data.test": 60,
    "model.encoder.widths": [16],
    "train.epochs": 2,
    "train.batch_size": 50,
    "train.precision": "float32",
    "train.optimizer": "sgd",
}


@pytest.fixture
def paying(monkeypatch):
    """Seconds of a run alone and with others, as a test says; and what was timed."""
    timed = []

    def set_seconds(alone, together):
        def seconds_together(recipe, split, count, threads, *_):
            timed.append((count, threads))
            return together

        monkeypatch.setattr(shapes, "training_seconds", lambda *_: alone)
        monkeypatch.setattr(shapes, "seconds_together", seconds_together)
        return timed

    return set_seconds


def seeds(recipe, count, **more):
    changes = [
        {"train.seed": seed, "train.lr": 0.001 * (1 + seed), **more} for seed in range(count)
    ]
    return [override(recipe, each) for each in changes]


def test_runs_that_differ_in_numbers_alone_are_put_together(paying, quick, small):
    timed = paying(alone=2.0, together=1.0)
    work = [(recipe, small) for recipe in seeds(quick, 4)]
    work += [(recipe, small) for recipe in seeds(quick, 2, **{"train.batch_size": 32})]
    work += [(recipe, small) for recipe in seeds(quick, 1, **{"model.latent.dim": 3})]
    work += [(recipe, small) for recipe in seeds(quick, 1, **{"train.frozen": ["encoder"]})]
    groups = group_runs(work, 1, 2, CPU, [None] * 8)
    assert sorted(map(sorted, groups)) == [[0, 1, 2, 3], [4, 5], [6], [7]]
    assert timed == [(4, 2), (2, 2)]


def test_processes_share_the_runs_of_a_shape(paying, quick, small):
    timed = paying(alone=2.0, together=1.0)
    work = [(recipe, small) for recipe in seeds(quick, 35)]
    assert sorted(map(len, group_runs(work, 2, 1, CPU, [None] * 35))) == [11, 12, 12]
    assert timed == [(shapes.TIMED_TOGETHER, 1)]


def test_runs_train_alone_where_together_they_are_not_clearly_faster(paying, quick, small):
    paying(alone=1.0, together=0.95)
    work = [(recipe, small) for recipe in seeds(quick, 3)]
    assert group_runs(work, 1, 1, CPU, [None] * 3) == [[0], [1], [2]]


def test_what_has_begun_goes_on_as_it_began(paying, quick, small):
    timed = paying(alone=2.0, together=1.0)
    work = [(recipe, small) for recipe in seeds(quick, 6)]
    groups = group_runs(work, 1, 1, CPU, [1, 4, None, 4, 1, None])
    assert sorted(map(sorted, groups)) == [[0], [1, 3], [2, 5], [4]]
    assert timed == [(2, 1)]


@pytest.mark.parametrize(
    "changes", [{"train.engine": "plain"}, {"train.shards": 2}, {"train.accumulate": 2}]
)
def test_what_cannot_be_trained_as_one_is_not_timed(paying, quick, small, changes):
    timed = paying(alone=9.0, together=1.0)
    work = [(recipe, small) for recipe in seeds(quick, 2, **changes)]
    assert (group_runs(work, 1, 1, CPU, [None] * 2), timed) == ([[0], [1]], [])


def test_timing_takes_steps_and_changes_nothing(quick, small):
    before = torch.get_rng_state()
    work = [(recipe, small) for recipe in seeds(quick, 2)]
    assert len(group_runs(work, 1, 1, CPU, [None] * 2)) in (1, 2)
    assert torch.equal(torch.get_rng_state(), before)


def study(**more):
    entry = {"recipe": "simple-20", "set": SMALL}
    fixed = {"name": "few", "as_published": True, "entries": [entry]}
    return Study.model_validate({**fixed, **more})


def test_a_study_whose_runs_are_trained_as_one_finds_what_one_after_the_other_finds(
    tmp_path, monkeypatch
):
    """One rate is too high for any roll-back: its run fails, and no other does."""
    axes = {"train.lr": [0.001, 0.002, 1e30]}
    expected = latentscape.compare(study(axes=axes), folder=tmp_path / "alone", quiet=True)
    monkeypatch.setattr(shapes, "_pays", lambda *_: True)
    monkeypatch.setattr(studies, "choose_jobs", lambda *_: 1)
    together = latentscape.compare(study(axes=axes), folder=tmp_path, jobs=None, quiet=True)
    assert [row.label for row in together.rows] == [row.label for row in expected.rows]
    for row, other in zip(together.rows, expected.rows, strict=True):
        assert row.statistics["mse"].mean == pytest.approx(other.statistics["mse"].mean, rel=1e-5)
    failures = [(failure.label, failure.seed) for failure in together.members.failures]
    assert failures == [(failure.label, failure.seed) for failure in expected.members.failures]
    assert len(failures) == 1
    runs = [run for run in runs_in(tmp_path) if run.finished]
    assert [run.environment.together for run in runs] == [3] * 2
    assert (tmp_path / "few-mnist-5k" / "report.html").is_file()
    others = [run for run in runs_in(tmp_path / "alone") if run.finished]
    assert [run.environment.together for run in others] == [1] * 2
