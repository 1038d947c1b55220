"""What a report and the terminal say of legibility."""

import numpy as np
import pytest

from analyses.printing import joined, printed  # noqa: F401
from latentscape.analyses.analysis import Protocol
from latentscape.analyses.legibility import ANALYSIS
from latentscape.analyses.legibility.result import (
    Legibility,
    LinearReading,
    Reading,
    SnapshotReading,
)
from latentscape.core.findings import Skip
from latentscape.reporting.blocks import Aside, Plate, Table
from synthetic import LABELS, add, make_run, study_subject, subject

SPLIT = "{}, train: 100, validation: 10, test: 60, split 0"


def legibility(name="m", *, seed=0, dim=2, n_train=100, n_test=60, originals=0.985):
    """Make a reading of 16 examples, of which a quarter is misread; a seed is one more."""
    truth, legible = np.arange(16) % 3, np.arange(16) % 4 > 0
    legible[: 4 * seed] = True
    first = np.arange(16) % 2 > 0
    reading = Reading(
        readable=0.75,
        originals=originals,
        pca=LinearReading(dim=dim, readable=0.7),
        per_class={"ring": 0.9, "bar": 0.75, "dot": 0.6},
        readable_of_16=int(legible.sum()),
        originals_of_16=16,
        labels=np.where(legible, truth, (truth + 1) % 3),
        legible=legible,
        snapshots=(
            SnapshotReading(epoch=1, readable_of_16=8, legible=first),
            SnapshotReading(epoch=3, readable_of_16=12, legible=np.arange(16) % 4 > 0),
        ),
    )
    return Legibility(name=name, protocol=protocol(n_train, n_test), reading=reading)


def protocol(n_train=100, n_test=60):
    return Protocol(
        fitted_on="train", n_fitted=n_train, scored_on="test", n_scored=n_test, labels="training"
    )


NOTHING = Legibility(
    name="m",
    protocol=protocol(),
    skipped=(Skip(item="Legibility was", reason="no_labels"),),
    reading=None,
)


@pytest.fixture
def read(tmp_path):
    """Return a function that makes a run whose reconstructions were read."""

    def run(label="m", *, seed=0, facts=None, **more):
        findings = make_run(tmp_path, label, seed=seed, facts=facts)
        return add(findings, legibility(label, seed=seed, **more))

    return run


def blocks(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_what_can_be_read_is_counted_epoch_by_epoch_and_by_label(read):
    groups = [[read(label, seed=seed) for seed in (0, 1)] for label in "ab"]
    of_16, shares = blocks(ANALYSIS.section(study_subject(*groups)), Table)
    assert [name for name, _ in of_16.head] == ["Readable", "a", "b"]
    lines = {row[0].text: [cell.text for cell in row[1:]] for row in of_16.rows}
    assert lines == {
        "Epoch 1": ["8", "8"],
        "Epoch 3": ["12", "12"],
        "The model kept": ["12.5", "12.5"],
        "The originals": ["16", "16"],
    }
    assert of_16.rows[2][1].note == "± 0.71"
    assert of_16.caption.endswith("Means ± standard deviations over seeds.")
    assert [row[0].text for row in shares.rows] == ["a", "b", "PCA, 2", "The originals"]
    assert shares.apart == 2
    assert [cell.text for cell in shares.rows[0]] == ["a", "75.0 %", "90", "75", "60"]
    assert shares.rows[0][-1].heat == pytest.approx(0.4)


def test_the_accuracy_of_the_judge_is_always_told(read, printed):  # noqa: F811
    sentence = "reads 98.5 % (91.4–99.8) of 60 test images rightly"
    assert sentence in ANALYSIS.section(subject(read())).lead
    text = joined(printed(lambda: ANALYSIS.print_table(legibility())))
    assert f"The judge {sentence}; it learned from 100." in text


def test_what_was_read_stands_above_each_picture(read):
    (plate,) = blocks(ANALYSIS.section(subject(read())), Plate)
    original, reconstruction = plate.panels[0].strips
    assert original.columns[:4] == ["ring", "bar", "dot", "ring"]
    assert reconstruction.columns[:5] == ["× bar", "bar", "dot", "ring", "× dot"]
    assert reconstruction.label == "m: 12 of 16"


def test_each_reconstruction_stands_under_its_own_original(read, tmp_path):
    from latentscape.evaluation.results import Evaluation, Examples
    from synthetic import change, images

    other = read("b", facts={"name": "other"}, n_train=90, n_test=80, originals=0.5)
    examples = other.require(Evaluation).examples
    fields = {name: getattr(examples, name) for name in Examples.model_fields}
    fields |= {"originals": 1 - images((1, 12, 10), 16), "labels": np.full(16, 2)}
    other = change(other, Evaluation, examples=Examples(**fields))
    section = ANALYSIS.section(study_subject([read("a")], [other], [read("c")]))
    first, second = blocks(section, Plate)
    assert [plate.name for plate in (first, second)] == ["legibility-a", "legibility-b"]
    assert [s.label.partition(":")[0] for s in first.panels[0].strips] == ["Original", "a", "c"]
    assert [s.label.partition(":")[0] for s in second.panels[0].strips] == ["Original", "b"]
    assert second.panels[0].strips[0].columns[:2] == ["dot", "dot"]
    assert "a, c: It learned from 100 labelled" in section.lead
    assert (
        "b: It learned from 90 labelled training images and reads 50.0 % (39–61) of 80"
        in section.lead
    )
    of_16, shares = blocks(section, Table)
    assert of_16.caption.startswith("Of sixteen test images of each split")
    assert shares.caption.startswith("Share of 60 to 80 test images")
    baselines = {row[0].text: row[1].text for row in shares.rows[-shares.apart :]}
    assert baselines[f"The originals ({SPLIT.format('toy')})"] == "98.5 %"
    assert baselines[f"The originals ({SPLIT.format('other')})"] == "50.0 %"
    assert len(baselines) == 4


def test_only_rows_that_were_read_are_in_the_section(read, tmp_path):
    runs = subject(read("a"), make_run(tmp_path, "vae", "vae"))
    table = blocks(ANALYSIS.section(runs), Table)[0]
    assert [name for name, _ in table.head] == ["Readable", "a"]
    assert ANALYSIS.section(subject(make_run(tmp_path, "vae", "vae"))) is None


def test_snapshots_tell_how_many_are_read():
    notes = [ANALYSIS.snapshot_note(legibility(), epoch) for epoch in (1, 2, 3)]
    assert notes == ["8 read", "", "12 read"]
    assert ANALYSIS.snapshot_note(NOTHING, 1) == ""


def test_labels_that_data_do_not_name_and_missing_examples_are_no_obstacle(read, tmp_path):
    result = legibility()
    reading = result.reading.model_copy(update={"labels": np.full(16, 70)})
    strange = result.model_copy(update={"reading": reading})
    run = add(make_run(tmp_path, "m"), strange)
    (plate,) = blocks(ANALYSIS.section(subject(run)), Plate)
    assert plate.panels[0].strips[1].columns[1] == "70"
    reading = result.reading.model_copy(
        update={"labels": np.zeros(3, int), "legible": np.ones(3, bool), "snapshots": ()}
    )
    run = add(make_run(tmp_path, "m"), result.model_copy(update={"reading": reading}))
    assert not blocks(ANALYSIS.section(subject(run)), Plate)


def test_vectors_are_listed_without_pictures(tmp_path):
    run = add(make_run(tmp_path, "m", shape=(20,)), legibility())
    section = ANALYSIS.section(subject(run))
    assert len(blocks(section, Table)) == 2
    assert not blocks(section, Plate)


def test_nothing_but_an_excuse_is_shown_and_printed(tmp_path, printed):  # noqa: F811
    sentence = "Legibility was left out: the data have no labels."
    (aside,) = ANALYSIS.section(subject(add(make_run(tmp_path, "m"), NOTHING))).blocks
    assert isinstance(aside, Aside)
    assert aside.paragraphs == [sentence]
    assert joined(printed(lambda: ANALYSIS.print_table(NOTHING))).strip() == sentence


@pytest.mark.parametrize("width", [50, 80, 180])
def test_legibility_is_printed_at_any_width(printed, width):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(legibility()), width)
    assert max(map(len, text.splitlines())) <= width
    assert "75.0 % (63–84) of 60" in joined(text)
    assert "PCA 70.0 % (57–80), originals 98.5 % (91.4–99.8)" in joined(text)
    assert "epoch 1: 8, epoch 3: 12" in joined(text)
    assert f"By label: {LABELS[0]} 90.0 %" in joined(text)


def test_a_supervised_run_says_so(tmp_path):
    run = add(make_run(tmp_path, "m", "conditional"), legibility())
    protocol = ANALYSIS.section(subject(run)).blocks[0].paragraphs[0]
    assert "every test number gives it the true label" in protocol
