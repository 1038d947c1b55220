"""An analysis and a quantity of one's own: registered from outside, shown everywhere.

Neither touches anything of the package but its registry.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Literal

import numpy as np
import pytest
from pydantic import Field
from rich.console import Console

import latentscape
from latentscape.analyses.analysis import Analysis, Inputs, Protocol, Result, Settings
from latentscape.analyses.notes import circumstances, print_notes
from latentscape.analyses.registry import REGISTRY, Entry, choose_analyses
from latentscape.api.console import print_subject
from latentscape.api.subjects import subject_json, subject_of
from latentscape.cli import RootGroup, analysis, main
from latentscape.config import Study
from latentscape.core.errors import ConfigError
from latentscape.core.metrics import Metric
from latentscape.evaluation.quantities import QUANTITIES, Quantity
from latentscape.evaluation.results import Evaluation
from latentscape.evaluation.study import CodeScores
from latentscape.reporting.blocks import Cell, Section, Table
from latentscape.runs import RunFindings
from latentscape.runs.store import part_file
from latentscape.terminal import layout
from latentscape.terminal.layout import show, table

NORM = Metric("norm", "Length", "of a code")
ORDERS = {"l1": 1, "l2": 2}


class NormSettings(Settings):
    """How lengths are measured."""

    order: Literal["l1", "l2"] = Field("l2", description="By absolute values, or by squares.")


class Norms(Result):
    """How long codes of test examples are on average."""

    part = "norms"

    settings: NormSettings = NormSettings()
    protocol: Protocol
    codes: tuple[CodeScores, ...]


class NormAnalysis(Analysis[Norms, NormSettings, Inputs]):
    """Measures how long codes are."""

    title = "Lengths of codes"
    result, settings, inputs = Norms, NormSettings, Inputs
    metrics = (NORM,)

    def measure(self, comparison, settings, inputs) -> Norms:
        def score(codes) -> CodeScores:
            lengths = np.linalg.norm(codes.test, ord=ORDERS[settings.order], axis=1)
            scores = {NORM.key: float(lengths.mean())}
            return CodeScores(name=codes.name, kind=codes.kind, scores=scores)

        sizes = comparison.split.sizes
        protocol = Protocol(
            fitted_on="train",
            n_fitted=sizes["train"],
            scored_on="test",
            n_scored=sizes["test"],
            labels="none",
        )
        codes = comparison.each((self.name, settings), score)
        return Norms(settings=settings, protocol=protocol, codes=codes)

    def protocol(self, result: Norms) -> Sequence[str]:
        return (f"Lengths are means over {result.protocol.n_scored} test examples",)

    def scores(self, result: Norms) -> Iterator[CodeScores]:
        yield from result.codes

    def section(self, subject) -> Section | None:
        rows = subject.having(Norms)
        if not rows:
            return None
        body = [[Cell(row.label, title=True), Cell(NORM.write(row.mean(NORM)))] for row in rows]
        lengths = Table("Of test examples.", [("Model", ""), (NORM.name, NORM.unit)], body)
        return Section(
            self.name, self.title, "How long are they?", [*circumstances(self, rows), lengths]
        )

    def print_table(self, result: Norms) -> None:
        grid = table("", NORM.name, title=self.title)
        for code in result.codes:
            grid.add_row(code.name, NORM.write(code.scores[NORM.key]))
        show(grid)
        print_notes(self, result)


ANALYSIS = NormAnalysis()
ENTRY = Entry(
    Norms.part, __name__, "norms", "Measure how long codes are.", "runs/conv-bn-mnist-5k-0"
)


def worst_pixel(images, means):
    return (images - means).abs().flatten(1).amax(1).double()


WORST = Quantity(
    Metric("worst_pixel", "Peak", "of an error"), (worst_pixel,), lambda pixels, worst: worst
)

STUDY = Study(
    name="own",
    entries=({"recipe": "simple-20"},),
    set={
        "data.train": 300,
        "data.test": 60,
        "model.encoder.widths": [32],
        "train.epochs": 1,
        "train.batch_size": 50,
    },
    analysis=("norms",),
)


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Register the analysis and the quantity, as a program does before it uses them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REGISTRY, ENTRY.part, ENTRY)
        # Programs register before the command line is imported, which this test cannot.
        patch.setitem(RootGroup.lazy, ENTRY.command, analysis.commands()[ENTRY.command])
        QUANTITIES.append(WORST)
        yield
        QUANTITIES.remove(WORST)
    vars(latentscape).pop(ENTRY.command, None)


@pytest.fixture(scope="module")
def study(registered, tmp_path_factory):
    return latentscape.compare(STUDY, seeds=2, folder=tmp_path_factory.mktemp("runs"), quiet=True)


@pytest.fixture
def run(study, tmp_path):
    """A copy of the first run of the study, for one's own."""
    name = study.rows[0].runs[0]
    path = shutil.copytree(f"{study.folder}/../{name}", tmp_path / name)
    return latentscape.open_run(path)


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that gives a command, and returns what it prints."""

    def give(*arguments):
        monkeypatch.setattr(sys, "argv", ["latentscape", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (None, 0)
        return capsys.readouterr().out

    return give


def norm_of(findings):
    """Return the length of the model's codes."""
    return findings.require(Norms).codes[0].scores["norm"]


def members(study):
    return [
        RunFindings(latentscape.open_run(f"{study.folder}/../{name}"))
        for name in study.rows[0].runs
    ]


def test_analyze_measures_it_and_keeps_it_in_a_file_of_its_own(run):
    file = part_file(run.path, "norms")
    file.unlink()
    assert ANALYSIS in choose_analyses()
    findings = latentscape.analyze(run, parts=["norms"])
    assert file == run.path / "findings" / "norms.json"
    content = json.loads(file.read_text())["content"]
    assert content["codes"][0]["scores"] == {"norm": norm_of(findings)}
    assert [code.name for code in findings.require(Norms).codes] == [
        "simple-20",
        "raw pixels",
        "PCA, 20",
    ]
    assert ANALYSIS.is_current(findings.require(Norms))


def test_the_report_of_a_run_has_its_section_and_its_scores(run):
    page = latentscape.report(run).read_text(encoding="utf-8")
    length = NORM.write(norm_of(RunFindings(run)))
    assert "Lengths of codes" in page
    assert "Lengths are means over 60 test examples." in page
    # In its own section, and in the table of what the code is good for.
    assert page.count(length) >= 2


def test_the_terminal_shows_it_beside_baselines(run, capsys):
    print_subject(subject_of(run))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "Length, of a code" in line]
    codes = RunFindings(run).require(Norms).codes
    assert line.split()[4:] == [NORM.write(code.scores["norm"]) for code in codes]


def test_the_terminal_marks_the_best_where_less_is_better(run, monkeypatch):
    stream = StringIO()
    console = Console(file=stream, width=120, force_terminal=True, color_system="standard")
    monkeypatch.setattr(layout, "_console", lambda: console)
    print_subject(subject_of(run))
    codes = RunFindings(run).require(Norms).codes
    best = min(code.scores["norm"] for code in codes)
    texts = [NORM.write(code.scores["norm"]) for code in codes]
    bold = [text for text in texts if f"\x1b[1m{text}" in stream.getvalue()]
    assert bold == [NORM.write(best)]


def test_commands_print_it_as_a_table_and_as_json(run, command):
    length = norm_of(RunFindings(run))
    assert NORM.write(length) in command("analyze", run.path, "--part", "norms", "--quiet")
    whole = json.loads(command("analyze", run.path, "--part", "norms", "--quiet", "--json"))
    assert whole["norms"]["codes"][0]["scores"] == {"norm": length}
    assert whole == subject_json(subject_of(run))
    printed = command("norms", run.path, "--order", "l1", "--quiet")
    longer = norm_of(RunFindings(run))
    assert longer > length
    assert "Lengths of codes" in printed
    assert NORM.write(longer) in printed
    alone = json.loads(command("norms", run.path, "--quiet", "--json"))
    assert alone["settings"] == {"order": "l2"}
    assert alone["codes"][0]["scores"] == {"norm": length}
    assert "By absolute values, or by" in command("norms", "--help")


def test_it_has_a_function_that_refuses_what_makes_no_sense(run):
    assert latentscape.norms(run, order="l1").settings.order == "l1"
    assert not ANALYSIS.is_current(RunFindings(run).require(Norms))
    with pytest.raises(ConfigError, match="l1"):
        latentscape.norms(run, order="l3")
    assert "norms" in dir(latentscape)
    assert latentscape.norms.__doc__.startswith("Measure how long codes are.")


def test_the_model_card_has_it(run, tmp_path):
    card = latentscape.publish(run, out=tmp_path / "hub").folder / "README.md"
    text = card.read_text(encoding="utf-8")
    length = norm_of(RunFindings(run))
    assert "Lengths of codes" in text
    assert "Length, of a code" in text
    assert text.count(NORM.write(length)) >= 2
    assert f"type: norm\n      value: {length:.6g}" in text


def test_a_study_has_its_mean_and_deviation_over_seeds(study, capsys):
    lengths = [norm_of(findings) for findings in members(study)]
    assert lengths[0] != lengths[1]
    statistic = study.rows[0].statistics["norm"]
    assert statistic.n == 2
    assert statistic.mean == pytest.approx(np.mean(lengths))
    assert statistic.sd == pytest.approx(np.std(lengths, ddof=1))
    page = latentscape.report(study.folder).read_text(encoding="utf-8")
    print_subject(subject_of(study.folder))
    printed = capsys.readouterr().out
    assert NORM.write_statistic(statistic) in printed
    assert "Lengths of codes" in page
    assert NORM.write(statistic.mean) in page
    assert NORM.write_spread(statistic) in page
    facts = subject_json(subject_of(study.folder))
    assert facts["rows"][0]["statistics"]["norm"] == statistic.model_dump()


def test_a_study_with_an_unknown_analysis_is_refused_before_anything_is_trained(tmp_path):
    wrong = STUDY.model_copy(update={"analysis": ("norm",)})
    with pytest.raises(ConfigError, match="'norm'.*clustering.*norms.*Did you mean 'norms'"):
        latentscape.compare(wrong, folder=tmp_path / "runs", quiet=True)
    assert not (tmp_path / "runs").exists()


def test_a_quantity_is_measured_of_the_model_and_of_its_baselines(run):
    evaluation = RunFindings(run).require(Evaluation)
    assert 0 < evaluation.metrics["worst_pixel"] <= 1
    assert 0 < evaluation.pca.metrics["worst_pixel"] <= 1
    assert 0 < evaluation.mean_image["worst_pixel"] <= 1
    assert all("worst_pixel" in of_label.metrics for of_label in evaluation.per_class.values())


def test_a_quantity_stands_in_every_table(run, study, capsys, tmp_path):
    value = WORST.metric.write(RunFindings(run).require(Evaluation).metrics["worst_pixel"])
    print_subject(subject_of(run))
    printed = capsys.readouterr().out
    page = latentscape.report(run).read_text(encoding="utf-8")
    card = latentscape.publish(run, out=tmp_path / "hub").folder / "README.md"
    for text in (printed, page, card.read_text(encoding="utf-8")):
        assert "Peak" in text
        assert value in text
    statistic = study.rows[0].statistics["worst_pixel"]
    values = [of.require(Evaluation).metrics["worst_pixel"] for of in members(study)]
    assert statistic.mean == pytest.approx(np.mean(values))
    assert statistic.sd == pytest.approx(np.std(values, ddof=1))
    print_subject(subject_of(study.folder))
    assert WORST.metric.write_statistic(statistic) in capsys.readouterr().out
    page = latentscape.report(study.folder).read_text(encoding="utf-8")
    assert WORST.metric.write_spread(statistic) in page


def test_runs_are_read_where_the_analysis_and_the_quantity_are_not_known(run, monkeypatch):
    monkeypatch.delitem(REGISTRY, "norms")
    monkeypatch.setattr("latentscape.evaluation.quantities.QUANTITIES", QUANTITIES[:-1])
    page = latentscape.report(run).read_text(encoding="utf-8")
    assert "Lengths of codes" not in page
    assert "norms" in RunFindings(run).to_json()
