"""Training fitted to the data at hand: one rule for every recipe, from the number of examples."""

import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.api.studies import _plan
from latentscape.api.training import describe_recipe
from latentscape.cli import app
from latentscape.config import (
    Recipe,
    Study,
    StudyEntry,
    fit_training,
    load_recipe,
    load_study,
    override,
    recipe_names,
    study_names,
    with_epochs,
)
from latentscape.config.fitting import ENOUGH, MAX_EPOCHS, STEPS, choose_batch_size
from latentscape.runs.wording import describe_fitting, describe_fittings

FULL_MNIST = 54_000
OWN = """
model:
  encoder: {kind: mlp, widths: [16]}
  latent: {kind: point, dim: 2}
train: {epochs: 2, lr: 0.01}
"""


def fit(recipe, examples=3600, held_out=400, numbers=784, changes=None):
    return fit_training(
        recipe, changes or {}, examples=examples, held_out=held_out, numbers=numbers
    )


def fitted(name, examples=3600, held_out=400, numbers=784, **changes):
    changes = {path.replace("__", "."): value for path, value in changes.items()}
    return fit(load_recipe(name), examples, held_out, numbers, changes)


@pytest.mark.parametrize("name", recipe_names())
def test_on_the_full_mnist_every_recipe_keeps_its_batches_and_its_length(name):
    recipe, published = fitted(name, FULL_MNIST), load_recipe(name)
    train, origin = recipe.train, published.train
    assert (train.batch_size, train.epochs) == (origin.batch_size, origin.epochs)
    if origin.schedule.kind != "constant" or published.objective.is_adversarial:
        assert recipe == published  # Its rates were tuned together.
        return
    assert train.lr == pytest.approx(4 * origin.lr)
    assert train.schedule.kind == "cosine"
    assert train.schedule.warmup * train.steps_per_epoch(FULL_MNIST) == pytest.approx(75)
    assert (train.average.decay, train.average.every) == (0.9995, 8)
    assert recipe.model.init.data_dependent
    assert recipe.objective == published.objective
    assert recipe.published.train == origin
    assert train.patience == train.epochs


def test_many_examples_keep_what_the_user_sets_too():
    recipe = fitted("beta-vae", FULL_MNIST, train__epochs=5, train__average=0.99)
    assert recipe.train.epochs == recipe.train.patience == 5
    assert recipe.train.average.decay == 0.99
    assert recipe.train.average.every == 1
    assert recipe.objective.rate_warmup == 1
    # The rise is never more than a fifth of a short training.
    assert fitted("conv-bn", 16_000, train__epochs=1).train.schedule.warmup == 0.2
    assert fitted("simple-20", train__lr=0.1).train.average is None


@pytest.mark.parametrize("examples", [2, 62, 3600])
@pytest.mark.parametrize("name", recipe_names())
def test_on_less_data_every_recipe_makes_the_budget_of_steps(name, examples):
    recipe = fitted(name, examples)
    train = recipe.train
    assert train.batch_size == choose_batch_size(examples)
    assert STEPS <= train.steps(examples) < 1.2 * STEPS or train.epochs == MAX_EPOCHS
    assert train.epochs <= MAX_EPOCHS
    assert train.schedule.kind == "cosine"
    assert recipe.model.init.data_dependent
    assert recipe.published.train == load_recipe(name).train
    assert recipe.published.objective == load_recipe(name).objective


def test_with_an_adversary_the_last_weights_are_kept_unless_somebody_asks():
    for name in recipe_names():
        keeps_last = load_recipe(name).objective.is_adversarial
        assert (fitted(name).train.patience is None) == keeps_last
    assert fitted("aae", train__patience=3).train.patience == 3
    assert fitted("wae-gan").train.players["prior_critic"].lr == pytest.approx(3 * 0.0005)


def test_many_examples_are_no_reason_to_keep_too_few_steps():
    assert load_recipe("conv-bn").train.steps(20_000) > STEPS
    assert fitted("conv-bn", 20_000).train.batch_size == load_recipe("conv-bn").train.batch_size
    recipe = fitted("conv-bn", ENOUGH)
    assert recipe.train.steps(ENOUGH) >= STEPS > recipe.published.steps


def test_batches_are_powers_of_two_from_the_number_of_examples():
    assert [choose_batch_size(n) for n in (2, 62, 400, 1294, 3600, 9999)] == [8, 8, 8, 32, 64, 64]


def test_what_counts_in_epochs_keeps_its_share_of_the_training():
    published, recipe = load_recipe("beta-vae"), fitted("beta-vae")
    share = published.objective.rate_warmup / published.train.epochs
    assert recipe.objective.rate_warmup / recipe.train.epochs == pytest.approx(share)
    capacity = fitted("beta-vae-capacity")
    assert capacity.objective.capacity.epochs / capacity.train.epochs == pytest.approx(15 / 25)
    first = fitted("iwae-50")
    share = first.objective.first_samples.epochs / first.train.epochs
    assert share == pytest.approx(150 / 220)
    snapshots = fitted("vae-20", 62)
    assert max(snapshots.train.snapshots) == snapshots.train.epochs == MAX_EPOCHS
    assert len(snapshots.train.snapshots) == 7
    asked = fitted("beta-vae", train__epochs=5)
    assert asked.objective.rate_warmup == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("train.batch_size", 128),
        ("train.epochs", 3),
        ("train.lr", 1e-4),
        ("train.schedule", "linear"),
        ("train.schedule.final", 0.5),
        ("train.snapshots", (1, 2)),
        ("train.patience", 2),
        ("objective.rate_warmup", 2.0),
        ("model.init", "torch"),
        ("model.init.data_dependent", False),
    ],
)
def test_what_the_user_sets_is_kept(path, value):
    changes = {path: value}
    recipe, plain = (fit(load_recipe("beta-vae"), changes=each) for each in (changes, {}))
    again = override(recipe, changes)
    assert again == recipe
    assert recipe.train != plain.train or recipe != plain
    assert recipe.published is not None


def test_epochs_follow_from_a_batch_size_that_is_set():
    recipe = fitted("simple-20", train__batch_size=8)
    assert recipe.train.steps(3600) >= STEPS
    assert recipe.train.epochs == 4


def test_the_learning_rate_falls_with_the_numbers_in_an_example():
    """With what the units of a fully connected encoder sum over; else with the root of them."""
    rates = [fitted("simple-20", numbers=n).train.lr for n in (64, 784, 4 * 784)]
    assert rates == pytest.approx([3e-3, 3e-3, 0.75e-3])
    rates = [fitted("conv-bn", numbers=n).train.lr for n in (64, 784, 4 * 784)]
    assert rates == pytest.approx([3e-3, 3e-3, 1.5e-3])
    critic = fitted("wae-gan", numbers=4 * 784).train.players["prior_critic"]
    assert critic.lr == pytest.approx(3 * 0.0005 / 4)
    assert fitted("simple-20", numbers=4 * 784, train__lr=0.01).train.lr == 0.01


def test_a_weight_of_the_rate_above_1_falls_with_fewer_numbers():
    def weight(name, numbers, **changes):
        return fitted(name, numbers=numbers, **changes).objective.weights["rate"]

    assert [weight("beta-vae", n) for n in (64, 392, 784, 5000)] == [1, 2, 4, 4]
    assert weight("vae-20", 64) == 1
    assert weight("beta-vae", 64, objective__weights__rate=4) == 4
    assert weight("beta-vae", 64, objective__weights={"reconstruction": 1, "rate": 3}) == 3


def test_without_validation_the_last_weights_are_kept():
    assert fitted("simple-20", 50, held_out=0).train.patience is None
    recipe = fitted("simple-20", 50, held_out=5)
    assert recipe.train.patience == recipe.train.epochs  # Never stops early, and keeps the best.


def test_a_recipe_of_the_users_own_keeps_what_it_says(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    recipe = fit(load_recipe(file), 500, 50)
    assert (recipe.train.epochs, recipe.train.lr) == (2, 0.01)
    assert recipe.train.batch_size == choose_batch_size(500)
    assert recipe.model.init.data_dependent
    in_python = Recipe(name="own", model=recipe.model, train=load_recipe(file).train)
    assert fit(in_python, 500, 50).train == recipe.train


def test_a_weight_that_a_recipe_of_the_users_own_says_is_kept(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(OWN.replace("point", "gaussian") + "objective: {weights: {rate: 9}}\n")
    assert fit(load_recipe(file), numbers=64).objective.weights == {"rate": 9}


def test_a_changed_copy_of_a_recipe_keeps_its_changes():
    changed = override(load_recipe("simple-20"), {"train.epochs": 7})
    recipe = fit(changed)
    assert recipe.train.epochs == 7
    assert recipe.train.batch_size == 64


def test_the_recipe_of_a_run_stays_as_it_is(recipe):
    assert fit(recipe) == recipe


def test_another_length_keeps_the_shares_of_all_that_counts_in_epochs():
    recipe = override(
        load_recipe("vae-20"),
        {
            "train.epochs": 40,
            "train.schedule": {"kind": "cosine", "warmup": 4.0},
            "train.patience": 40,
            "train.snapshots": [1, 20, 40],
            "objective.rate_warmup": 10.0,
        },
    )
    short = with_epochs(recipe, 10)
    assert (short.train.epochs, short.train.patience) == (10, 10)
    assert short.train.schedule.warmup == 1.0
    assert short.train.snapshots == (1, 5, 10)
    assert short.objective.rate_warmup == 2.5
    assert with_epochs(recipe, 40) is recipe


def test_patience_and_warm_up_of_a_run_follow_its_epochs_where_they_were_fitted():
    run = fitted("beta-vae", train__epochs=5)
    run = override(run, {"model.input": {"shape": [1, 28, 28]}})
    again = fit(run, changes={"train.epochs": 20})
    assert (again.train.epochs, again.train.patience) == (20, 20)
    assert again.train.schedule.warmup == 4 * run.train.schedule.warmup
    assert again.objective.rate_warmup == 4 * run.objective.rate_warmup
    kept = fit(run, changes={"train.epochs": 20, "train.patience": 3})
    assert kept.train.patience == 3
    as_published = run.model_copy(update={"published": None})
    assert fit(as_published, changes={"train.epochs": 20}).train.patience == 5


def test_fitted_training_has_another_fingerprint_and_published_training_its_old_one():
    published = load_recipe("simple-20")
    assert fitted("simple-20").fingerprint("x") != published.fingerprint("x")
    with_note = fitted("simple-20")
    without = with_note.model_copy(update={"published": None})
    assert with_note.fingerprint("x") == without.fingerprint("x")


def test_a_sentence_says_what_was_fitted():
    assert describe_fitting(load_recipe("conv-bn")) == ""
    assert describe_fitting(fitted("conv-bn")) == (
        "conv-bn as published makes 375 steps on 3,600 examples. It is trained for 1,539 steps "
        "instead: batch 64, 27 epochs, learning rate 0.003. Keep the origin's training with "
        "--as-published."
    )
    same = fitted("conv-bn", train__epochs=12, train__batch_size=32)
    assert describe_fitting(same) == (
        "The training of conv-bn is fitted to 3,600 examples: learning rate 0.003, schedule "
        "cosine. Keep the origin's training with --as-published."
    )
    assert describe_fitting(fitted("conv-bn", FULL_MNIST)) == (
        "The training of conv-bn is fitted to 54,000 examples: learning rate 0.004, schedule "
        "cosine, averaged weights. Keep the origin's training with --as-published."
    )
    recipes = [load_recipe("vae-20"), fitted("conv-bn"), fitted("simple-20")]
    assert describe_fittings(recipes) == (
        "Training is fitted to the number of examples: 1,539 steps, and as published 375 to 725. "
        "Keep the origins' training with --as-published."
    )
    assert describe_fittings(recipes[:2]) == describe_fitting(recipes[1])


def test_training_is_fitted_unless_it_shall_be_as_published(small, tmp_path):
    quick = {"train.epochs": 1, "model.encoder.widths": [8], "data.train": 50}
    run = latentscape.train(
        "simple-20", data=small.dataset, changes=quick, folder=tmp_path, name="a", quiet=True
    )
    assert run.recipe.published.examples == 50
    assert run.recipe.train.batch_size == 8
    report = latentscape.report(run.path).read_text("utf-8")
    assert "simple-20 as published makes 1 step on 50 examples." in report
    origin = latentscape.train(
        "simple-20",
        data=small.dataset,
        changes=quick,
        as_published=True,
        folder=tmp_path,
        name="b",
        quiet=True,
    )
    assert origin.recipe.published is None
    assert origin.recipe.train == override(load_recipe("simple-20"), quick).train
    assert not torch.equal(*(latentscape.load(r.path).decoder[-2].bias for r in (run, origin)))


def test_a_study_fits_training_unless_it_shall_be_as_published(small):
    study = Study(
        name="s",
        entries=(StudyEntry(recipe="simple-20"),),
        variants={"plain": {}, "short": {"train.epochs": 3}},
    )
    plain, short = (plan.recipe for plan in _plan(study, small.dataset, 1, {}))
    assert plain.train.steps(plain.published.examples) >= STEPS
    assert short.train.epochs == 3
    assert short.published is not None
    published = study.model_copy(update={"as_published": True})
    recipes = [plan.recipe for plan in _plan(published, small.dataset, 1, {})]
    assert all(recipe.published is None for recipe in recipes)
    assert recipes[0].train == load_recipe("simple-20").train


@pytest.mark.parametrize("name", study_names())
def test_studies_that_repeat_an_origin_train_as_published(name):
    assert load_study(name).as_published == (name != "quickstart")


def test_what_is_shown_of_a_recipe_is_what_would_be_trained(small):
    def shown(**settings):
        return describe_recipe("conv-bn", **settings)[0].published

    assert shown() is None
    assert shown(data=small.dataset).examples == len(small.dataset.images) * 72 // 100
    assert shown(data=small.dataset, as_published=True) is None


def test_a_run_that_goes_on_keeps_its_training():
    result = CliRunner().invoke(app, ["train", "--resume", "somewhere", "--as-published"])
    assert result.exit_code == 2
    assert "change none" in result.output
