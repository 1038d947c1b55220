"""Symptoms that begin while a model trains."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from doctor.cases import CASES, good, images
from latentscape.api.preparing import prepare
from latentscape.config import override
from latentscape.model.network import Network
from latentscape.runs.facts import Epoch, Event, Losses
from latentscape.runs.wording import describe_event
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.hooks import vitals
from latentscape.training.hooks.vitals import Vitals
from latentscape.training.loader import Examples
from latentscape.training.state import TrainState
from latentscape.training.train import train_recipe

CPU = torch.device("cpu")
BROKEN = {case.symptom: case for case in CASES}


def trained(recipe, split):
    """Train, and return the weights, and the symptoms that began."""
    recipe = prepare(recipe, split)
    model, state = train_recipe(recipe, split, CPU, MemoryCheckpoints(recipe.name))
    return model.state_dict(), [event for event in state.events if event.kind == "symptom"]


def vitals_of(recipe, split=None):
    split = images() if split is None else split
    recipe = prepare(recipe, split)
    model = Network(recipe.model, recipe.objective).eval()
    return partial(Vitals(recipe, split).symptoms, examples=Examples(split.dataset, CPU)), model


def history(validation, train=None):
    train = train or [1 / (1 + place) for place in range(len(validation))]
    return [
        Epoch(
            epoch=place,
            lr=0.1,
            seconds=1.0,
            images_per_second=1.0,
            train=Losses(loss=own, terms={}),
            validation=None if other is None else Losses(loss=other, terms={}),
        )
        for place, (own, other) in enumerate(zip(train, validation, strict=True), start=1)
    ]


FALLING_THEN_RISING = [10.0, 5.0, 4.0, 4.5, 4.5, 5.0, 5.0, 6.0]


def over_fitted(losses, recipe=None, events=(), train=None):
    watch, model = vitals_of(recipe or good("plain"))
    return list(watch(model, TrainState(history=history(losses, train), events=[*events])))


def test_a_rising_validation_loss_is_noticed_once():
    (event,) = over_fitted(FALLING_THEN_RISING)
    assert (event.symptom, event.since, event.epoch) == ("over_fitting", 3, 8)
    assert event.value == pytest.approx(2 / 6)
    words = describe_event(event)
    assert "since epoch 3" in words
    assert "33 % of its fall" in words
    assert not over_fitted([*FALLING_THEN_RISING, 7.0], events=[event])


@pytest.mark.parametrize(
    "losses",
    [
        FALLING_THEN_RISING[:7],  # Four epochs are few.
        [10.0, 5.0, 4.0, 4.1, 4.1, 4.1, 4.1, 4.1, 4.1],  # It rises by little.
        [None] * 9,  # Nobody knows.
    ],
)
def test_no_over_fitting(losses):
    assert not over_fitted(losses)


def test_no_over_fitting_where_the_best_weights_are_kept_or_training_is_worse_too():
    patient = override(good("plain"), {"train.patience": 20})
    assert not over_fitted(FALLING_THEN_RISING, patient)
    assert not over_fitted(FALLING_THEN_RISING, train=FALLING_THEN_RISING)


def test_dead_units_are_noticed_once(monkeypatch):
    monkeypatch.setattr(vitals, "EVERY", 1)
    case = BROKEN["dead_units"]
    recipe = override(case.recipe, {"train.epochs": 3, "model.init.bias": -3.0})
    _, events = trained(recipe, images())
    assert [event.symptom for event in events] == ["dead_units"]
    assert events[0].value > 0.75
    assert "of the ReLU units" in describe_event(events[0])


def test_a_gradient_that_jumps_is_noticed_once(monkeypatch):
    monkeypatch.setattr(vitals, "EVERY", 1)
    watch, model = vitals_of(good("plain"))
    state = TrainState(history=history([1.0]))
    assert not list(watch(model, state))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 30
    # A resumed training goes on with the looks of its checkpoint.
    state = TrainState.of(replace(state, history=history([1.0, 0.9])).to_json())
    (event,) = watch(model, state)
    assert (event.symptom, event.epoch) == ("nan_ahead", 2)
    assert event.value > 20
    assert "NaN may be about to come" in describe_event(event)
    state = replace(state, history=history([1.0, 0.9, 0.8]), events=[event])
    assert not list(watch(model, state))


@pytest.mark.parametrize("name", ["plain", "vae"])
def test_looking_changes_no_bit(name, monkeypatch):
    split = images()
    recipe = override(good(name), {"train.epochs": 3, "model.encoder.norm": "batch"})
    without, _ = trained(recipe, split)
    monkeypatch.setattr(vitals, "EVERY", 1)
    looked_at, events = trained(recipe, split)
    assert all(value.equal(looked_at[key]) for key, value in without.items())
    assert not events  # A good recipe has no symptom.


def test_looks_are_rare(monkeypatch):
    watch, model = vitals_of(good("plain"))
    looks = []
    monkeypatch.setattr(Vitals, "_look", lambda *_: looks.append(1) or (1.0, 0.0))
    for epoch in range(1, 80):
        list(watch(model, TrainState(history=history([1.0 / epoch] * epoch))))
    assert len(looks) == 79 * watch.func.__self__._steps // vitals.EVERY


def test_other_symptoms_have_words():
    event = Event(epoch=3, kind="symptom", symptom="another", value=0.5)
    assert describe_event(event) == "another: 0.500"


def test_without_validation_training_goes_on(monkeypatch):
    monkeypatch.setattr(vitals, "EVERY", 1)
    split = images()
    split = replace(split, validation=split.validation[:0])
    _, events = trained(override(good("plain"), {"train.epochs": 2}), split)
    assert not events
