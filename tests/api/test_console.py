"""What a terminal shows of runs and studies, at any width; analyses here are toys."""

import re
from functools import partial
from io import StringIO

import pytest
from rich.console import Console

import synthetic
import toys
from latentscape.api.console import print_subject
from latentscape.core.findings import Skip
from latentscape.core.metrics import Metric
from latentscape.data import Duplicates
from latentscape.evaluation.against_pca import Difference
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.evaluation.study import Claim, CodeScores, Failure
from latentscape.reporting.sentences import describe_supervision
from latentscape.runs.facts import Event, Supervision
from latentscape.runs.wording import describe_collapse
from latentscape.terminal import layout
from latentscape.terminal.layout import print_line
from synthetic import DENSITY, add, change, gaussian, matched, study_subject, subject

KEYS = ("toy_a", "toy_b")
SUPERVISED = describe_supervision(Supervision(kind="condition"))
COLLAPSED = describe_collapse("posterior", 6)


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """Let a toy be the only analysis: one that is printed with a run."""
    item = PrintedToys()
    toys.register(monkeypatch, item)
    return item


class PrintedToys(toys.ToyAnalysis):
    """Toys that have a terminal table, and lines of their own below the tables of a study."""

    printed_with_run = True

    def print_table(self, result):
        print_line(f"Toys: {result.number}")
        for skip in result.skips():
            print_line(str(skip.detail["text"]))

    def print_rows(self, subject):
        if rows := subject.having(self.result):
            print_line(f"Toys of {len(rows)} rows")


@pytest.fixture
def shown(monkeypatch):
    """Return a function that prints a subject on a terminal of some width."""

    def show(subject, width=80, colours=False):
        stream, system = StringIO(), "standard" if colours else None
        console = Console(
            file=stream, width=width, color_system=system, force_terminal=colours, no_color=False
        )
        monkeypatch.setattr(layout, "_console", lambda: console)
        print_subject(subject)
        return stream.getvalue()

    return show


@pytest.fixture
def run(tmp_path):
    return partial(synthetic.make_run, tmp_path / "runs")


@pytest.fixture
def variant(run):
    """Return a function that makes a run of a kind, which is its label too."""
    return lambda kind, label=None, **more: run(label or kind, kind, **more)


@pytest.fixture
def scored(run):
    """Return a function that makes a run with scores of toys."""

    def make(label="m", gain=0.0, latent_dim=2, seed=0, number=None, **more):
        codes = toys.scores(label, latent_dim, KEYS, gain + 0.01 * seed)
        made = run(label, latent_dim=latent_dim, seed=seed, **more)
        return add(made, toys.ToyResult(codes=codes, number=number))

    return make


@pytest.fixture
def study(variant, run):
    """Return a function that makes a study of all kinds of runs."""

    def make(seeds=1, **more):
        kinds = ("vae", "collapsed", "conditional", "vq")
        long = "a plain autoencoder with a label of many words"
        groups = [[variant(kind, seed=seed) for seed in range(seeds)] for kind in kinds]
        return study_subject(*groups, [run(long, seed=seed) for seed in range(seeds)], **more)

    return make


def joined(text):
    return re.sub(r"\s+", " ", text)


def test_a_run_is_shown_beside_its_baselines(shown, run):
    text = shown(subject(run("m", error=0.5)), 100)
    assert text.startswith("m-0: 60 test examples")
    assert re.search(r"m +0.005000 +0.05000 +0.02000 +39.20 +17.50 +0.9500", text)
    assert re.search(r"PCA, 2 components +0.01200 +0.1200", text)
    assert re.search(r"mean image +0.03000 +0.3000", text)
    assert "Beats PCA with 2 components: MSE 0.005 against 0.012" in text


def test_a_bound_is_printed_as_the_sum_it_is(shown, variant):
    text = shown(subject(variant("vae")))
    assert "ELBO −100.2 ± 0.015 nats per image = −(distortion 94.45 + rate 5.800)" in text
    assert "These are scores, not logarithms of probabilities" in joined(text)
    assert "±: Monte Carlo standard error of 4 codes for each image." in joined(text)
    assert "bits" not in text
    assert "4 of 6 dimensions active, dimensions 1 and 4 inactive" in text


def test_plain_codes_that_are_drawn_to_the_prior_are_printed_beside_it(shown, variant):
    text = shown(subject(add(variant("plain"), matched())))
    assert "to which training draws them: mismatch 0.06250 nats, MMD 0.0001000" in joined(text)
    assert not re.search("ELBO|active|rate", text)


def test_the_range_and_what_is_not_used_are_printed(shown, tmp_path):
    unused = {"kind": "column", "names": ["id"], "count": 1, "reason": "it counts the rows"}
    facts = {"range_reason": "content", "left_out": [unused], "tests_on_validation": True}
    run = synthetic.make_run(tmp_path, facts=facts)
    other = synthetic.make_run(tmp_path, "other", facts=facts)
    for text in map(joined, (shown(subject(run)), shown(study_subject([run], [other])))):
        assert text.count("stand for 0 to 1, as the values themselves show.") == 1
        assert text.count("Not used: 1 column (id): it counts the rows.") == 1
        assert text.count("has no test part: models are tested on its validation part") == 1


def test_test_images_that_were_trained_on_are_printed_as_a_warning(shown, variant):
    counts = Duplicates(test=60, exact=12, near=3, near_of=48, near_among=100)
    one, other = add(variant("vae"), counts), add(variant("vq"), Duplicates(test=60, exact=0))
    sentence = "12 of 60 test examples are also training examples, bit for bit, and 3 more nearly"
    assert sentence in joined(shown(subject(one)))
    assert "training example" not in joined(shown(subject(other)))
    text = joined(shown(study_subject([one], [other]), 120))
    assert text.count(f"vae: {sentence}") == 1


def test_a_codebook_is_printed_with_its_use(shown, variant):
    assert "31 of 32 codes used, perplexity 25.25" in shown(subject(variant("vq")))


def test_many_inactive_dimensions_are_not_listed(shown, variant):
    one = add(variant("vae"), gaussian(kl_per_dim=(1.5, *[0.001] * 40)))
    assert "1 of 41 dimensions active\n" in shown(subject(one))


def test_a_collapse_is_printed_once_and_in_red(shown, variant):
    event = Event(epoch=3, kind="collapse", collapse="posterior", latent_dim=6)
    one = subject(variant("collapsed", events=[event]))
    assert joined(shown(one)).count(COLLAPSED) == 1
    assert "\x1b[1;31mThe posterior has collapsed" in shown(one, colours=True)


def test_what_went_wrong_in_training_is_told_with_its_epoch(shown, run):
    rollback = Event(
        epoch=2, kind="rollback", back_to=1, rate_factor=0.5, rollback=1, max_rollbacks=3
    )
    note = Event(epoch=3, kind="note", text="loss became [NaN]")
    text = joined(shown(subject(run(events=[rollback, note]))))
    assert "Epoch 2: loss became infinite or NaN; back to the end of epoch 1" in text
    assert "Epoch 3: loss became [NaN]" in text


def test_a_supervised_run_says_so(shown, variant):
    text = joined(shown(subject(variant("conditional")), width=120))
    assert "conditional (labels)" in text
    assert SUPERVISED in text
    assert "Supervised" not in shown(subject(variant("vae")))


def test_a_plain_run_has_none_of_it(shown, run):
    text = shown(subject(run()))
    assert not re.search("ELBO|Toys|active|labels|collapsed|Epoch|good for", text)


def test_analyses_print_their_table_with_a_run_where_they_ask_for_it(shown, scored, toy, run):
    one = scored(number=12.5)
    assert "Toys: 12.5" in shown(subject(one))
    toy.printed_with_run = False
    assert "Toys:" not in shown(subject(one))


def test_what_an_analysis_has_skipped_is_printed_once(shown, run):
    skip = Skip(item="", reason="note", detail={"text": "There are no [labels]."})
    one = add(run("m"), toys.ToyResult(skipped=(skip,)))
    assert shown(subject(one)).count("There are no [labels].") == 1


@pytest.mark.parametrize("width", [60, 80, 100, 120, 180])
@pytest.mark.parametrize("seeds", [1, 3])
def test_numbers_are_never_cut_off(shown, study, width, seeds):
    text = shown(study(seeds), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    elbo = "−100.2" if seeds == 1 else "−100.8"  # Each seed of these runs is a little worse.
    mse = "0.01000" if seeds == 1 else "0.01040"
    assert all(number in text for number in (mse, elbo, "−150.5", "4 of 6", "0 of 6"))
    assert ("± 0.00040" in text) == (seeds > 1)


def test_a_wide_terminal_shows_all_columns_and_a_narrow_one_the_first(shown, study):
    subject = study()
    wide, narrow = (joined(shown(subject, width)) for width in (180, 60))
    assert all(name in wide for name in ("ELBO", "PCA's", "PSNR", "SSIM", "training"))
    assert "ELBO" in narrow
    assert not re.search("PSNR|training 1", narrow)


def test_kinds_of_likelihoods_are_printed_in_tables_of_their_own(shown, variant):
    dense = {"likelihood": DENSITY, "elbo": 907.0, "bits_per_dim": 6.33, "levels": 256}
    density = change(variant("vae", "density"), Latent, **dense)
    text = joined(shown(study_subject([density], [variant("vae", "score")]), 120))
    bits, densities, scores = text.split("Bounds: ")[1:]
    assert bits.startswith("probability of 8-bit data")
    assert "6.330" in bits
    assert "907.0" not in bits
    assert "by dequantisation" in bits
    assert densities.startswith("density")
    assert "907.0" in densities
    assert "−100.2" not in densities
    assert scores.startswith("score, no probability")
    assert "−100.2" in scores


def test_bits_of_a_density_say_that_they_are_a_bound(shown, variant):
    dense = {"likelihood": DENSITY, "bits_per_dim": 6.33, "levels": 256}
    text = joined(shown(subject(change(variant("vae"), Latent, **dense))))
    assert "At most 6.330 bits per dimension, by dequantisation." in text
    assert "densities over continuous values" in text


@pytest.mark.parametrize("width", [50, 60])
def test_numbers_of_a_run_fit_into_a_narrow_terminal(shown, variant, width):
    text = shown(subject(variant("vae")), width=width)
    assert "0.01000" in text
    assert max(map(len, text.splitlines())) <= width


def test_columns_of_bounds_are_left_out_where_no_row_has_them(shown, run, scored):
    text = shown(study_subject([run("a")], [run("b")]), 180)
    assert not re.search("ELBO|Active|Toy NLL", text)
    assert re.search("Toy +NLL|Toy NLL", shown(study_subject([scored("a", number=3.25)]), 180))


def test_marks_of_a_study_are_explained_below(shown, study):
    text = joined(shown(study(), 120))
    assert "collapsed (collapsed) 0.01000" in text
    assert "conditional (labels) 0.01000" in text
    assert f"(labels) conditional: {SUPERVISED}" in text
    assert f"(collapsed) collapsed: {COLLAPSED}" in text


def test_a_label_is_shown_as_it_is_written(shown, run):
    assert "[a]" in shown(study_subject([run("[a]")]))
    assert "[a]" in shown(subject(run("[a]")))


def test_the_title_counts_the_seeds(shown, run):
    assert "toy: test examples, 1 seed\n" in _bare(shown(study_subject([run("a")])))
    seeds = [run("a", seed=seed) for seed in range(3)]
    assert "toy: test examples, 3 seeds\n" in _bare(shown(study_subject(seeds)))


def test_runs_that_were_not_trained_are_told_with_the_reason(shown, run):
    failures = (Failure(label="b", seed=1, message="The loss became [NaN]"),)
    text = shown(study_subject([run("a")], failures=failures))
    assert "b, seed 1, was not trained: The loss became [NaN]" in text


def test_a_run_shows_what_its_code_is_good_for_beside_its_baselines(shown, scored, run):
    text = shown(subject(scored("m")))
    assert re.search(r"m +raw pixels +PCA, 2", text)
    assert re.search(r"Toy accuracy, majority +50.0 % +53.0 % +47.0 %", text)
    assert "What the code is good for" not in shown(subject(run("m")))


def test_what_was_not_measured_of_a_code_is_a_dash(shown, run):
    codes = toys.scores("m", 2, KEYS)
    codes = (*codes[:2], CodeScores(name=codes[2].name, kind="pca", scores={"toy_a": 0.47}))
    text = shown(subject(add(run("m"), toys.ToyResult(codes=codes))))
    assert re.search(r"Toy accuracy, one to one +50.0 % +53.0 % +–", text)


def test_the_best_of_those_that_compete_is_bold(shown, run, monkeypatch):
    metric = Metric("read", "Readable", higher_is_better=True, is_share=True)
    item = toys.named("readings", metric, ceilings=("pixels",))
    toys.register(monkeypatch, item)
    one = add(run("m"), item.result(codes=toys.scores("m", 2, ["read"])))
    (line,) = [
        line for line in shown(subject(one), colours=True).splitlines() if "Readable" in line
    ]
    assert re.search(r"\x1b\[1m *50.0 %", line)
    assert not re.search(r"\x1b\[1m *53.0 %", line)


@pytest.mark.parametrize("width", [60, 80, 180])
def test_a_study_shows_scores_with_deviations_and_each_baseline_once(shown, scored, width):
    groups = [[scored(label, seed=seed) for seed in range(3)] for label in ("one", "another")]
    text = shown(study_subject(*groups), width)
    table = text[text.index("What the code is good for") :]
    assert max(map(len, text.splitlines())) <= width
    assert joined(table).count("raw pixels") == 1
    assert "± 1.0 %" in table
    assert "53.0 %" in table


def test_analyses_print_rows_of_their_own_below_a_study(shown, scored, run):
    study = study_subject([scored("a")], [scored("b")], [run("c")])
    assert "Toys of 2 rows" in shown(study)


def test_a_claim_of_a_run_is_shown_with_what_was_obtained_and_how(shown, run):
    text = joined(shown(subject(run("m")), 180))
    assert "BCE nats per image: obtained 78.40 on toy; reported 80.00 (Once.)" in text


def test_a_study_shows_what_was_reported_beside_what_was_obtained(shown, run):
    text = shown(study_subject([run("a"), run("a", seed=1)], [run("b")]), 180)
    table = text[text.index("Reported by the reference projects") :]
    assert re.search(r"a +BCE nats per image +80.00 +79.97 ± 2.2", table)
    assert re.search(r"b +BCE nats per image +80.00 +78.40 *\n", table)


def test_a_claim_about_what_was_not_measured_is_left_out(shown, run):
    runs = [run("a")]
    study = study_subject(runs)
    claim = Claim(metric="toy_a", reported=0.5457, obtained=None)
    facts = study.rows[0].facts.model_copy(update={"claims": (claim,)})
    text = shown(study_subject(runs, rows=(facts,)), 180)
    assert "Reported by" not in text
    obtained = claim.model_copy(update={"obtained": 0.5})
    facts = facts.model_copy(update={"claims": (obtained,)})
    assert "54.6 %" in shown(study_subject(runs, rows=(facts,)), 180)


def _bare(text):
    """Return text without the blanks at the ends of its lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_a_study_says_what_cannot_be_told_from_pca(shown, run):
    open_one = Difference(mean=-0.001, se=0.001, n=60)
    runs = [
        change(run("open"), Evaluation, difference=open_one),
        run("labelled", "conditional"),
    ]
    text = shown(study_subject(*([item] for item in runs)), width=180)
    first = next(line for line in text.splitlines() if line.strip().startswith("open "))
    assert "undecided" in first
    second = next(line for line in text.splitlines() if line.strip().startswith("labelled "))
    assert "yes*" in second or "no*" in second
    assert "* labelled: Not like for like: the model gets the label of each image" in text


def test_pca_is_beaten_by_the_seeds_together(run):
    """One of two seeds alone would win; both together leave it open."""
    means = (-0.01, 0.008)
    runs = [
        change(run(seed=seed), Evaluation, difference=Difference(mean=mean, se=0.0001, n=60))
        for seed, mean in enumerate(means)
    ]
    (row,) = study_subject(runs).rows
    assert row.facts.comparison.outcome == "undecided"
    assert row.facts.comparison.difference.mean == pytest.approx(-0.001)
