"""What origins reported, beside what was obtained."""

import pytest

import toys
from latentscape.api.pages import reported
from latentscape.config.recipe import Reported
from latentscape.core.metrics import Metric
from latentscape.evaluation.results import Evaluation
from latentscape.evaluation.study import CodeScores
from latentscape.reporting.blocks import Table
from latentscape.runs import RunFindings, open_run
from latentscape.runs.directory import write_recipe
from latentscape.runs.identity import write_identity
from synthetic import DENSITY, add, change, gaussian, study_subject, subject

SHARE = Metric("acc", "Accuracy", "majority", higher_is_better=True, is_share=True)
COUNT = Metric("read", "Readable", "of 16", higher_is_better=True, is_count=True)


@pytest.fixture
def claimed(run, register):
    """Return a function that makes a run with claims: key to what is said and what is obtained."""
    item = toys.named("toy", SHARE, COUNT)
    register(item)

    def make(label, claims, seed=0, **numbers):
        one = run(label, seed=seed)
        numbers_of = tuple(Reported(metric=key, value=value) for key, value in claims.items())
        recipe = one.recipe.model_copy(update={"reported": numbers_of})
        write_recipe(one.run.path / "recipe.yaml", recipe)
        write_identity(one.run.path)
        codes = toys.scores(label, 2, [])
        model = CodeScores(name=label, kind="model", scores=numbers)
        return add(RunFindings(open_run(one.run.path)), item.result(codes=(model, *codes[1:])))

    return make


def _table(subject):
    (table,) = [block for block in reported.section(subject).blocks if isinstance(block, Table)]
    return table


def _column(table, name, unit):
    (place,) = [n for n, head in enumerate(table.head) if head == (name, unit)]
    return [row[place] for row in table.rows]


def test_shares_are_reported_in_percent_and_differ_by_points(claimed):
    one = claimed("m", {"acc": 0.5457, "read": 9, "mse": 0.02}, acc=0.561, read=8)
    lines = [[cell.text for cell in row[3:]] for row in _table(subject(one)).rows]
    assert lines == [
        ["54.6 %", "56.1 %", "+1.5 points", "yes"],
        ["9", "8", "−1", "no"],
        ["0.02", "0.01000", "−50 %", "yes"],
    ]


def test_what_was_not_measured_is_a_dash(claimed):
    table = _table(subject(claimed("m", {"acc": 0.5457, "never": 1.5})))
    assert [[cell.text for cell in row[1:]] for row in table.rows] == [
        ["Accuracy, majority", "–", "54.6 %", "–", "–", "–"],
        ["never", "–", "1.5", "–", "–", "–"],
    ]


def test_several_models_and_metrics_are_crossed_with_their_deviations(claimed):
    groups = [
        [claimed("a", {"acc": 0.4}, s, acc=0.49 + 0.01 * s, read=12 + s) for s in (0, 1)],
        [claimed("b", {"read": 16}, s, acc=0.49 + 0.01 * s, read=12 + s) for s in (0, 1)],
        [claimed("c", {}, s, acc=0.49 + 0.01 * s, read=12 + s) for s in (0, 1)],
    ]
    table = _table(study_subject(*groups))
    obtained = _column(table, "Accuracy", "obtained")
    assert [(cell.text, cell.note) for cell in obtained] == [
        ("49.5 %", "± 0.7, reached"),
        ("49.5 %", "± 0.7"),
        ("49.5 %", "± 0.7"),
    ]
    claims = _column(table, "Readable of 16", "reported")
    assert [cell.text for cell in claims] == ["–", "16", "–"]
    assert _column(table, "Readable of 16", "obtained")[1].note == "± 0.71, not reached"
    assert [cell.note for cell in _column(table, "Training", "time")] == ["1.0 ×"] * 3


def test_a_density_does_not_stand_below_a_reported_score(claimed):
    score = add(claimed("a", {"elbo": -105.0, "acc": 0.4}, acc=0.5), gaussian())
    density = add(claimed("b", {"acc": 0.4}, acc=0.5), gaussian(likelihood=DENSITY, elbo=907.0))
    table = _table(study_subject([score], [density]))
    obtained = _column(table, "ELBO nats per image", "obtained")
    assert [cell.text for cell in obtained] == ["−100.2", "–"]


def test_origins_stand_below(run):
    section = reported.section(subject(run("a")))
    assert section.blocks[-1].paragraphs == ["a: A course. Once."]


def test_numbers_that_were_reported_on_other_data_mean_nothing(run):
    assert reported.section(subject(run(facts={"name": "other"}))) is None


def test_a_metric_without_a_value_is_not_obtained(run):
    one = run(bernoulli=False)
    (row,) = _table(subject(one)).rows
    assert [cell.text for cell in row[3:]] == ["80", "–", "–", "–"]
    one = change(run(), Evaluation, metrics={"mse": 0.01, "nats": 40.0})
    (row,) = _table(subject(one)).rows
    assert [cell.text for cell in row[3:]] == ["80", "40.00", "−50 %", "yes"]
