"""Trials: the current and the mended setting, trained side by side."""

import math
import os
import re
import signal
from dataclasses import replace

import pytest
import torch

from doctor.cases import CASES, good, images
from doctor.clinic import checkup
from latentscape.api.preparing import prepare
from latentscape.config import override
from latentscape.core.errors import Interrupted
from latentscape.core.progress import Listener, listening
from latentscape.doctor import trying
from latentscape.doctor.contender import Contender
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.trial import Trial
from latentscape.doctor.trial_table import protocol, verdict
from latentscape.doctor.trying import Setup, run_trial
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.step import TrainingStep
from latentscape.training.train import train_recipe

CPU = torch.device("cpu")
BROKEN = {case.symptom: case for case in CASES}


def trial_of(key, recipe, split, changes, **more) -> Trial:
    recipe = prepare(recipe, split)
    mended = prepare(override(recipe, changes), split)
    return run_trial(
        Diagnosis(symptom=key, value=1, threshold=0, changes=changes),
        Setup(recipe, split),
        Setup(mended, split),
        **{"seconds": 60.0, "device": CPU, **more},
    )


class Heard(Listener):
    """Remembers how far a trial was, and what it last said of itself."""

    def __init__(self):
        self.done, self.last = set(), ""

    def on_advance(self, stage):
        if stage.name == "trial":
            self.done.add(stage.done / stage.total)
            self.last = stage.text()


def quick(recipe, **changes):
    return override(recipe, {"train.epochs": 2, **changes})


def test_a_trial_proves_the_cure_that_the_doctor_names():
    key, split = "kl_weight", images()
    recipe = override(BROKEN[key].recipe, {"train.epochs": 8})
    first = checkup(recipe, split).first
    listener = Heard()
    with listening(listener):
        trial = trial_of(key, recipe, split, first.changes)
    assert (trial.outcome, trial.helps) == ("gone", True)
    # The current side is the training that was examined.
    assert trial.current.number == trial.current.diagnosis.value == pytest.approx(first.value)
    assert trial.mended.diagnosis is None
    assert trial.mended.error < trial.current.error
    assert "the change helps" in verdict(trial)
    assert "Nothing was written" in protocol(trial)
    assert listener.done == {place / 8 for place in range(9)}
    assert re.fullmatch(r"trial: error 0\.\d+ as it is, 0\.\d+ mended", listener.last)


def test_turns_have_the_bits_of_a_training_that_runs_through():
    split = images()
    recipe = prepare(override(good("vae"), {"train.epochs": 5}), split)
    whole, _ = train_recipe(recipe, split, CPU, MemoryCheckpoints("whole"))
    contender = Contender(recipe, split, CPU)
    for epoch in (2, 3, 5):
        contender.train_until(epoch)
        assert contender.epochs == epoch
    in_turns = contender.patient.model.state_dict()
    assert all(value.equal(in_turns[name]) for name, value in whole.state_dict().items())


def test_a_change_that_does_not_help_is_said_to_be_none():
    case = BROKEN["kl_weight"]
    split = images()
    trial = trial_of("kl_weight", quick(case.recipe), split, {"train.engine": "plain"})
    assert (trial.outcome, trial.error_outcome, trial.helps) == ("same", "same", False)
    assert trial.difference == 0
    assert "does not help here" in verdict(trial)


def test_a_symptom_that_neither_side_shows():
    trial = trial_of("kl_weight", quick(good("vae")), images(), {"train.engine": "plain"})
    assert trial.outcome == "unseen"
    assert verdict(trial).startswith("Neither setting shows the symptom")


def test_a_change_that_makes_it_worse():
    changes = dict(BROKEN["kl_weight"].broken)
    trial = trial_of("kl_weight", quick(good("vae"), **{"train.epochs": 4}), images(), changes)
    assert (trial.outcome, trial.error_outcome, trial.helps) == ("more", "worse", False)


def test_a_setting_whose_loss_becomes_infinite_loses():
    bad = {"train.lr": 1e30, "train.optimizer": "sgd"}
    trial = trial_of("nan_ahead", quick(good("plain"), **bad), images(), {"train.lr": 1e-3})
    assert not trial.current.has_model
    assert trial.current.error is None
    assert trial.mended.has_model
    assert trial.error_outcome == "better"
    assert "the current setting came to an infinite loss" in verdict(trial)


def test_without_validation_training_examples_are_held_out_for_both():
    split = images()
    split = replace(split, validation=split.validation[:0])
    trial = trial_of("kl_weight", quick(good("vae")), split, {"train.engine": "plain"})
    assert trial.looked_at == "held_out"
    assert trial.n == round(len(split.train) / 10)
    assert trial.examples + trial.n == len(split.train)
    assert "held out for the trial" in protocol(trial)


def test_too_few_examples_to_hold_any_out():
    split = images()
    split = replace(split, train=split.train[:40], validation=split.validation[:0])
    trial = trial_of("kl_weight", quick(good("vae")), split, {"train.engine": "plain"})
    assert (trial.looked_at, trial.n) == ("train", 40)
    assert "too few" in protocol(trial)


def test_both_are_shortened_alike_where_time_is_short(monkeypatch):
    monkeypatch.setattr(trying, "training_seconds", lambda recipe, split, device: 10.0)
    recipe = override(good("vae"), {"train.epochs": 20})
    trial = trial_of("kl_weight", recipe, images(), {"train.engine": "plain"}, seconds=2.6)
    assert trial.current.epochs == trial.mended.epochs == 2  # A tenth of 20.
    assert trial.current.steps == trial.mended.steps
    assert trial.mended.share == 0.1
    assert "10 % of their epochs" in protocol(trial)


def test_each_has_half_of_the_time_where_the_number_of_steps_is_tried(monkeypatch):
    monkeypatch.setattr(
        trying, "training_seconds", lambda recipe, split, device: recipe.train.epochs / 1.3
    )
    few = override(good("plain"), {"train.epochs": 2})
    trial = trial_of("under_training", few, images(), {"train.epochs": 40}, seconds=8)
    assert (trial.current.epochs, trial.mended.epochs) == (2, 4)
    assert (trial.current.share, trial.mended.share) == (1, 0.1)


def test_fewer_examples_where_no_epoch_fits(monkeypatch):
    monkeypatch.setattr(trying, "training_seconds", lambda recipe, split, device: 80.0)
    trial = trial_of("kl_weight", quick(good("vae")), images(), {"train.seed": 1}, seconds=13)
    assert (trial.current.epochs, trial.mended.epochs) == (1, 1)
    assert trial.examples == len(images().train) * 2 // 16


def test_both_stop_when_the_time_is_over(monkeypatch):
    monkeypatch.setattr(trying, "training_seconds", lambda recipe, split, device: 1e-9)
    monkeypatch.setattr(trying, "OVERTIME", 0)
    trial = trial_of("kl_weight", good("vae"), images(), {"train.seed": 1})
    whole = good("vae").train.epochs
    assert trial.current.epochs == trial.mended.epochs == math.ceil(whole / 8)  # One of 8 turns.


def test_ctrl_c_is_answered(monkeypatch):
    split = images()
    contender = Contender(prepare(good("plain"), split), split, CPU)
    take_step = TrainingStep.__call__

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return take_step(*arguments)

    monkeypatch.setattr(TrainingStep, "__call__", interrupted)
    with pytest.raises(Interrupted):
        contender.train_until(1)
