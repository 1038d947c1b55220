"""Learning curves."""

from latentscape.api.pages import learning
from latentscape.runs import RunFindings
from latentscape.runs.facts import Losses
from synthetic import study_subject, subject


def test_terms_of_an_objective_are_drawn_below_zero_too(variant, run):
    chart = learning.terms(subject(variant("vae")).rows[0])
    assert chart.caption == (
        "vae, terms of the loss: reconstruction + rate + 2.5 × total correlation"
    )
    assert "total correlation ends at −0.7500." in chart.svg
    assert learning.terms(subject(run()).rows[0]) is None


def test_the_loss_of_a_critic_is_no_part_of_the_sum(variant):
    run = variant("plain", changes={"objective.weights.adversarial_prior": 10.0})
    terms = {"reconstruction": 90.0, "adversarial_prior": 0.7, "prior_critic": 1.4}
    losses = Losses(loss=97.0, terms=terms, mse=0.1)
    epochs = [
        epoch.model_copy(update={"train": losses, "validation": losses})
        for epoch in run.history.epochs
    ]
    run.run.write_log(epochs, ())
    chart = learning.terms(subject(RunFindings(run.run)).rows[0])
    assert chart.caption == (
        "plain, terms of the loss: reconstruction + 10 × adversarial prior; "
        "prior critic: what it learns by"
    )


def test_terms_are_those_of_training_where_nothing_was_held_out(variant):
    chart = learning.terms(subject(variant("vq", validated=False)).rows[0])
    assert "commitment ends at −0.7500." in chart.svg


def test_each_seed_has_a_faint_curve_and_their_mean_a_bold_one(run):
    seeds = [run("a", seed=seed) for seed in (0, 1)]
    chart = learning.validation_errors(study_subject(seeds))
    assert chart.svg.count("curve c0 seed") == 2
    assert "a ends at 0.03333." in chart.svg  # After three epochs, which both seeds have.
