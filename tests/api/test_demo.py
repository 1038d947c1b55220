import pytest

import latentscape
from latentscape.api import demo as demonstration
from latentscape.api import workers
from latentscape.api.demo import demo
from latentscape.config import load_study


def test_it_makes_a_report_and_an_explorer(tmp_path, monkeypatch):
    """Of the real study, with less of everything."""
    study = load_study(demonstration.STUDY)
    kept = [entry for entry in study.entries if entry.recipe == demonstration.EXPLORED]
    small = {**study.set, "data.train": 60, "data.test": 30, "train.epochs": 1}
    monkeypatch.setattr(
        demonstration, "STUDY", study.model_copy(update={"entries": tuple(kept), "set": small})
    )
    monkeypatch.setattr(demonstration, "POINTS", 40)
    done = demo(tmp_path, quiet=True)
    assert done.report.read_text(encoding="utf-8").count("<svg")
    assert done.explorer.stat().st_size > 1_000_000
    assert [row.label for row in done.findings.rows] == [demonstration.EXPLORED]
    report = latentscape.report(done.explorer.parent).read_text(encoding="utf-8")
    assert 'href="explorer.html"' in report


class Begun(Exception):
    """Training would begin, with so many at once."""


def test_several_are_trained_at_once_and_steps_are_not_timed_for_it(tmp_path, monkeypatch):
    def compare(study, *, jobs, **options):
        raise Begun(jobs)

    monkeypatch.setattr(demonstration, "compare", compare)
    monkeypatch.setattr(workers, "count_threads", lambda: 3)
    for memory, jobs in ((64e9, 3), (2.5e9, 2), (1e8, 1)):
        monkeypatch.setattr(workers, "available_memory", lambda memory=memory: memory)
        with pytest.raises(Begun) as begun:
            demo(tmp_path, jobs=None, quiet=True)
        assert begun.value.args == (jobs,)
