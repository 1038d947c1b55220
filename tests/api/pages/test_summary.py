"""The section that opens a report: sentences made from the numbers."""

import re

import pytest

from latentscape.api.pages import charts
from latentscape.api.pages.page import write_page
from latentscape.api.pages.summary import collapses, events, paragraphs
from latentscape.data import Duplicates
from latentscape.evaluation.results import Latent
from latentscape.evaluation.study import Failure
from latentscape.reporting.duplicates import describe_duplicates
from latentscape.reporting.sentences import describe_supervision
from latentscape.runs.facts import Event
from latentscape.runs.wording import describe_collapse
from synthetic import add, change, study_of, study_subject, subject, subject_of

COLLAPSE = describe_collapse("posterior", 6)
COLLAPSED = Event(epoch=2, kind="collapse", collapse="posterior", latent_dim=6)


def _text(folder, *runs):
    """Return what a reader reads: the page without style, tags and pictures."""
    page = write_page("T", "", subject(*runs), folder).read_text("utf-8").partition("</style>")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_the_best_and_those_behind_pca_are_named(run):
    text = " ".join(paragraphs(subject(run("good", error=0.6), run("bad", error=1.5))))
    assert "good has the lowest error: a mean squared error of 0.006000 per pixel" in text
    assert "50 % below that of PCA" in text
    assert "bad does not beat PCA" in text
    assert "3,600" not in text
    assert "100 examples to train on" in text


def test_the_range_and_what_is_not_used_are_told(run, tmp_path):
    unused = {"kind": "file", "names": ["notes.txt"], "count": 7, "reason": "not an image"}
    facts = {"range_reason": "content", "left_out": [unused]}
    text = _text(tmp_path, run(facts=facts), run("other"))
    assert text.count("Not used: 7 files (notes.txt, ...): not an image.") == 1
    assert "stand for 0 to 1, as the values themselves show." in text


def test_models_tested_on_the_validation_part_of_their_data_are_named(run, tmp_path):
    facts = {"name": "birds", "tests_on_validation": True}
    text = _text(tmp_path, run(facts=facts), run("other", facts=facts))
    assert text.count("birds has no test part: models are tested on its validation part") == 1
    assert "no test part" not in _text(tmp_path, run())


def test_test_images_that_were_trained_on_are_warned_of(run, tmp_path):
    counts = Duplicates(test=60, exact=12, near=3, near_of=48, near_among=100)
    text = _text(tmp_path, add(run(), counts))
    assert "Tested on what was trained on. 12 of 60 test examples are also training" in text
    assert "at most 5.0 % of what two random training examples do" in text
    few = counts.model_copy(update={"near_of": 20})
    assert "and 3 more nearly (of 20 that were looked at; " in describe_duplicates(few)


def test_data_without_duplicates_say_so(run, tmp_path):
    none = Duplicates(test=60, exact=0, near_of=60, near_among=100)
    text = _text(tmp_path, add(run(), none))
    assert "No test example is also a training example, exactly or nearly." in text
    assert "Tested on what" not in text
    text = _text(tmp_path, add(run(), Duplicates(test=60, exact=0)))
    assert "is also a training example, exactly." in text
    assert "training example, exactly" not in _text(tmp_path, run())  # Of an earlier version.


def test_a_lead_within_the_seeds_is_no_lead(run):
    groups = [[run(n, seed=s, error=e) for s in (0, 1)] for n, e in (("a", 0.80), ("b", 0.81))]
    text = " ".join(paragraphs(study_subject(*groups)))
    assert "it decides nothing" in text
    assert "up to 2 training seeds" in text


def test_models_are_compared_within_code_sizes(run):
    runs = [run(f"{n} latent {d}", latent_dim=d) for n in "ab" for d in (2, 32)]
    text = " ".join(paragraphs(subject(*runs)))
    assert "a latent 2 with 2 (0.01000) and a latent 32 with 32 (0.01000)" in text


def test_different_splits_are_mentioned(run):
    text = " ".join(paragraphs(subject(run("a"), run("b", facts={"seed": 1}))))
    assert "Not all models were tested on the same images" in text


def test_models_of_different_data_are_not_ranked(run):
    runs = run("a", error=0.5), run("b", latent_dim=4, facts={"fingerprint": "e" * 64})
    text = " ".join(paragraphs(subject(*runs)))
    assert "different images or pixels: their errors do not rank." in text
    assert "lowest" not in text


def test_a_collapse_comes_first_once_and_with_its_remedy(variant, tmp_path):
    text = _text(tmp_path, variant("collapsed", events=[COLLAPSED]))
    place = text.index("This model does not use its code.")
    assert place < text.index("reaches a mean squared error")
    assert f"{COLLAPSE} Its MSE is 0.01000; the mean image alone has 0.03000." in text
    assert text.count(COLLAPSE) == 1
    assert "did not go smoothly" not in text


def test_a_collapse_known_from_an_event_alone_is_described_as_well(run):
    one = run(events=[COLLAPSED], latent_dim=6)
    assert collapses(subject(one))[0].startswith(COLLAPSE)
    assert not events(subject(one))


def test_a_collapse_that_passed_stays_an_event(variant):
    one = variant("vae", events=[COLLAPSED])
    assert not collapses(subject(one))
    assert COLLAPSE in events(subject(one))[0]


def test_events_come_first(run, tmp_path):
    event = Event(epoch=7, kind="note", text="loss became NaN; rolled back")
    text = _text(tmp_path, run(events=[event]))
    assert "plain (plain-0), epoch 7: loss became NaN; rolled back" in text
    assert text.index("rolled back") < text.index("model earns its keep")


def test_runs_that_failed_are_mentioned(run):
    failure = Failure(label="b", seed=3, message="The loss is NaN.")
    study = study_subject([run("a")], failures=(failure,))
    assert events(study) == ["b, seed 3, is missing. The loss is NaN."]


def test_supervised_runs_say_so(variant, tmp_path):
    one = variant("conditional")
    text = _text(tmp_path, one)
    assert f"Trained with labels. {describe_supervision(one.supervision)}" in text
    assert "Trained with labels" not in _text(tmp_path, variant("vae"))


def test_a_supervised_model_that_leads_is_marked_where_it_is_named(variant, run):
    both = subject(variant("conditional", error=0.5), run())
    assert "conditional (labels) has the lowest error" in paragraphs(both)[0]
    assert "conditional (labels)" in charts.against_pca(both).svg


def test_rows_of_a_study_take_their_runs_by_name(run):
    runs = [run("a", seed=seed) for seed in (0, 1)]
    (row,) = subject_of(list(reversed(runs)), study_of([runs])).rows
    assert [one.name for one in row.runs] == ["a-0", "a-1"]


@pytest.mark.parametrize("latent", ["vae", "collapsed"])
def test_any_seed_that_collapsed_marks_the_row(variant, latent):
    seeds = [variant("vae", seed=0), variant(latent, "vae", seed=1)]
    (row,) = study_subject(seeds).rows
    assert row.marks == (("collapsed",) if latent == "collapsed" else ())
    some = "The posterior of 1 of 2 seeds has collapsed"
    assert any(some in text for text in collapses(study_subject(seeds))) == bool(row.marks)
    last = change(seeds[1], Latent, collapse=None)
    assert not study_subject([seeds[0], last]).rows[0].marks
