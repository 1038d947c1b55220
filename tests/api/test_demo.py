import latentscape
from latentscape.api import demo as demonstration
from latentscape.api.demo import demo
from latentscape.config import load_study


def test_it_makes_a_report_and_an_explorer(tmp_path, monkeypatch):
    """Of the real study, with less of everything."""
    study = load_study(demonstration.STUDY)
    kept = [entry for entry in study.entries if entry.label == demonstration.EXPLORED]
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
