"""What the code is good for."""

import pytest

import toys
from latentscape.api.pages import scores
from latentscape.core.metrics import Metric
from latentscape.evaluation.study import CodeScores
from latentscape.reporting.blocks import Table
from synthetic import add, study_subject, subject

SPLIT = "{}, train: 100, validation: 10, test: 60, split 0"
KEYS = ("toy_a", "toy_b")


@pytest.fixture(autouse=True)
def toy(register):
    item = toys.ToyAnalysis()
    register(item)
    return item


@pytest.fixture
def scored(run):
    """Return a function that makes a run with scores; `gain` is added to those of its model."""

    def make(label="m", gain=0.0, keys=KEYS, latent_dim=2, seed=0, **more):
        codes = toys.scores(label, latent_dim, keys, gain + 0.01 * seed)
        made = run(label, latent_dim=latent_dim, seed=seed, **more)
        return add(made, toys.ToyResult(codes=codes))

    return make


def _tables(subject):
    return [block for block in scores.section(subject).blocks if isinstance(block, Table)]


def _column(table, name, unit=None):
    (place,) = [n for n, head in enumerate(table.head) if head[0] == name and head[1] == unit]
    return [row[place] for row in table.rows]


def test_models_and_baselines_stand_in_one_table_each_of_them_once(scored):
    groups = [[scored(n, latent_dim=d, seed=s) for s in (0, 1)] for n, d in (("a", 2), ("b", 6))]
    (table,) = _tables(study_subject(*groups))
    assert [row[0].text for row in table.rows] == ["a", "b", "raw pixels", "PCA, 2", "PCA, 6"]
    assert table.apart == 3
    cells = _column(table, "Toy accuracy", "majority")
    assert (cells[0].text, cells[0].note) == ("50.5 %", "± 0.7")
    assert (cells[2].text, cells[2].note) == ("53.0 %", "")


def test_a_baseline_that_is_best_is_marked_best(scored):
    (table,) = _tables(subject(scored(gain=-0.1)))
    assert [cell.best for cell in _column(table, "Toy accuracy", "majority")] == [
        False,
        True,
        False,
    ]


def test_what_bounds_the_scores_competes_with_nobody(run, register):
    metric = Metric("read", "Readable", "of test images", higher_is_better=True, is_share=True)
    item = toys.named("readings", metric, ceilings=("pixels",))
    register(item)
    one = add(run("m"), item.result(codes=toys.scores("m", 2, ["read"], gain=-0.1)))
    (table,) = _tables(subject(one))
    cells = _column(table, "Readable", "of test images")
    assert [cell.text for cell in cells] == ["40.0 %", "53.0 %", "47.0 %"]
    assert [cell.best for cell in cells] == [False, False, True]
    assert scores.section(subject(one)).blocks[-1].paragraphs == [
        "m does not beat PCA, 2 in anything measured."
    ]


def test_lower_may_be_better(run, register):
    item = toys.named("costs", Metric("cost", "Cost"))
    register(item)
    one = add(run("m"), item.result(codes=toys.scores("m", 2, ["cost"])))
    (table,) = _tables(subject(one))
    assert [cell.best for cell in _column(table, "Cost", "")] == [False, False, True]
    verdict = "m beats raw pixels in everything measured; it does not beat PCA, 2 in anything"
    assert scores.section(subject(one)).blocks[-1].paragraphs[0].startswith(verdict)


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (0.2, "m beats raw pixels and PCA, 2 in everything measured."),
        (-0.2, "m does not beat raw pixels or PCA, 2 in anything measured."),
        (
            0.0,
            "m does not beat raw pixels in anything measured; it beats PCA, 2 in everything "
            "measured.",
        ),
    ],
)
def test_what_is_not_beaten_is_said(scored, gain, verdict):
    assert scores.section(subject(scored(gain=gain))).blocks[-1].paragraphs == [verdict]


def test_metrics_that_are_not_beaten_are_named(run, register):
    metrics = [
        Metric("k_majority", "K-means accuracy", "majority", higher_is_better=True),
        Metric("k_hungarian", "K-means accuracy", "one to one", higher_is_better=True),
        Metric("k_nmi", "K-means NMI", higher_is_better=True),
        Metric("readable", "Readable", higher_is_better=True),
    ]
    item = toys.named("clusters", *metrics)
    register(item)
    model, pixels, pca = toys.scores("m", 2, [metric.key for metric in metrics], gain=0.2)
    better = {**pixels.scores, "k_majority": 0.9, "k_nmi": 0.9}
    pixels = CodeScores(name=pixels.name, kind="pixels", scores=better)
    one = add(run("m"), item.result(codes=(model, pixels, pca)))
    assert (
        scores.section(subject(one))
        .blocks[-1]
        .paragraphs[0]
        .startswith(
            "m does not beat raw pixels in K-means accuracy (majority) and K-means NMI; it beats"
        )
    )


def test_many_metrics_stand_in_several_tables_few_in_one(run, register):
    sizes = {"few": 2, "many": 7, "some": 3}
    items = [
        toys.named(part, *(Metric(f"{part}_{n}", f"{part} {n}") for n in range(size)))
        for part, size in sizes.items()
    ]
    register(*items)
    results = [
        item.result(codes=toys.scores("m", 2, [metric.key for metric in item.metrics]))
        for item in items
    ]
    widths = [len(table.head) - 1 for table in _tables(subject(add(run("m"), *results)))]
    assert widths == [7, 5]
    (table,) = _tables(subject(add(run("m"), results[0], results[2])))
    assert len(table.head) - 1 == 5
    # The first two sentences of each analysis.
    assert table.caption == " ".join(["Toys were trained on train. They were scored on test."] * 2)


def test_baselines_are_not_merged_over_data(scored):
    other = scored("b", facts={"name": "other"})
    (table,) = _tables(study_subject([scored("a")], [other]))
    names = [row[0].text for row in table.rows]
    assert f"raw pixels ({SPLIT.format('toy')})" in names
    assert f"raw pixels ({SPLIT.format('other')})" in names


def test_only_rows_with_scores_have_numbers(scored, variant):
    (table,) = _tables(subject(scored("a"), variant("vae")))
    texts = [cell.text for cell in _column(table, "Toy accuracy", "majority")]
    assert texts == ["50.0 %", "–", "53.0 %", "47.0 %"]


def test_without_scores_there_is_no_section(run):
    assert scores.section(subject(run())) is None
    assert scores.section(subject(add(run(), toys.ToyResult()))) is None
