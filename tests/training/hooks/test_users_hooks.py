"""Hooks of users: they follow training, change it, fail, and are saved with it."""

import pytest
import torch

import latentscape
from latentscape import ConfigError, Hook
from latentscape.core.errors import HookError
from latentscape.runs import Run, load_model
from latentscape.training.hook import GROUPS

SETTINGS = {
    "data": "digits",
    "epochs": 3,
    "batch_size": 50,
    "changes": {
        "data.train": 200,
        "data.test": 20,
        "model.encoder.widths": [8],
        "train.precision": "float32",
    },
    "quiet": True,
    "as_published": True,
}


class Noted(Hook):
    """Notes what it hears, with a name before it."""

    def __init__(self, name, notes):
        self.name, self.notes = name, notes

    def on_start(self, training):
        self.notes.append((self.name, "start", training.state.epoch))

    def on_step(self, training):
        assert training.losses.shape == (2,)
        self.notes.append((self.name, "step", training.state.step))

    def on_epoch(self, training):
        assert training.last_epoch.validation is not None
        assert not training.model.training
        self.notes.append((self.name, "epoch", training.last_epoch.epoch))

    def on_end(self, training):
        self.notes.append((self.name, "end", training.is_complete))

    def on_stop(self, training):
        self.notes.append((self.name, "stop", training.goes_on))


class Shrinking(Hook):
    """Changes the weights after every step, and keeps a tensor of its own."""

    group = "shrinking"

    def on_start(self, training):
        if training.state == type(training.state)():
            self.steps = torch.zeros(1)

    def on_step(self, training):
        self.steps += 1
        with torch.no_grad():
            for weight in training.model.parameters():
                weight *= 1 - 0.01 / float(self.steps)

    def on_save(self, training):
        return {"steps": self.steps}

    def on_restore(self, training, tensors):
        self.steps = tensors["steps"].clone()


class Failing(Hook):
    """Fails at some event."""

    def __init__(self, event, error=None, at=1):
        self.event, self.error, self.left = event, error or ValueError("out of ink"), at

    def __getattribute__(self, name):
        own = object.__getattribute__(self, "__dict__")
        if name.startswith("on_") and name == own["event"]:
            own["left"] -= 1
            if own["left"] == 0:
                return self.fail
        return object.__getattribute__(self, name)

    def fail(self, *arguments):
        raise self.error


class StopAt(Hook):
    """Stops training in the middle."""

    def __init__(self, step):
        self.left = step

    def on_step(self, training):
        self.left -= 1
        if self.left == 0:
            training.stop()


def train(folder, *hooks, name="run", **changes):
    settings = {**SETTINGS, **changes}
    return latentscape.train("simple-20", folder=folder, name=name, hooks=hooks, **settings)


def weights_of(path):
    return load_model(path).state_dict()


def assert_same_weights(first, second):
    ours, theirs = weights_of(first), weights_of(second)
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_hooks_hear_of_everything_in_the_order_in_which_they_are_listed(tmp_path):
    notes = []
    train(tmp_path, Noted("first", notes), Noted("second", notes), epochs=1)
    expected = [("start", 0), *(("step", n) for n in (1, 2, 3, 4)), ("epoch", 1)]
    expected += [("end", True), ("stop", False)]
    assert notes == [(name, *note) for note in expected for name in ("first", "second")]


def test_what_a_hook_changes_is_saved_and_resumed_to_the_same_bits(tmp_path):
    whole = train(tmp_path, Shrinking(), name="whole")
    run = Run(tmp_path / "run")
    with pytest.raises(HookError):
        train(tmp_path, Shrinking(), Failing("on_step", at=6))
    assert not run.finished
    latentscape.resume(run.path, hooks=[Shrinking()], quiet=True)
    assert_same_weights(run.path, whole.path)
    plain = train(tmp_path, name="plain")
    assert not torch.equal(
        next(iter(weights_of(plain.path).values())), next(iter(weights_of(whole.path).values()))
    )


@pytest.mark.parametrize(
    ("event", "at", "place"),
    [
        ("on_start", 1, "after epoch 0"),
        ("on_step", 6, "after step 2 of epoch 2"),
        ("on_epoch", 2, "after epoch 2"),
        ("on_epoch", 3, "after epoch 3"),
        ("on_end", 1, "after epoch 3"),
    ],
)
def test_a_hook_that_fails_is_named_and_the_run_is_saved(tmp_path, event, at, place):
    whole = train(tmp_path, name="whole")
    with pytest.raises(HookError, match=rf"hook Failing failed in {event}, {place}, with Val") as e:
        train(tmp_path, Failing(event, at=at))
    assert isinstance(e.value.__cause__, ValueError)
    assert e.value.exit_code == 2
    assert "ValueError: out of ink. Mend the hook" in str(e.value)
    assert "latentscape train --resume" in str(e.value)
    run = latentscape.resume(tmp_path / "run", quiet=True)
    assert len(run.history.epochs) == 3
    assert_same_weights(run.path, whole.path)


def test_errors_of_latentscape_in_a_hook_are_the_hooks_too(tmp_path):
    with pytest.raises(HookError, match="hook Failing .* ConfigError: It is wrong"):
        train(tmp_path, Failing("on_epoch", ConfigError("It is wrong")))


@pytest.mark.parametrize(
    ("kept", "text"),
    [({"steps": 3}, "on_save.* steps is a int, and has to be a tensor"), (None, "on_save")],
)
def test_what_a_hook_keeps_is_tensors(tmp_path, kept, text):
    class Keeping(Hook):
        group = "kept"

        def on_save(self, training):
            return kept

    with pytest.raises(HookError, match=f"hook Keeping failed in {text}"):
        train(tmp_path, Keeping())
    assert latentscape.resume(tmp_path / "run", quiet=True).finished


def test_a_hook_that_takes_nothing_back_is_named(tmp_path):
    class Forgetful(Shrinking):
        def on_restore(self, training, tensors):
            raise KeyError("steps")

    with pytest.raises(latentscape.TrainingError, match="Stopped"):
        train(tmp_path, Forgetful(), StopAt(6))
    with pytest.raises(HookError, match="hook Forgetful failed in on_restore.* KeyError"):
        latentscape.resume(tmp_path / "run", hooks=[Forgetful()], quiet=True)


def test_a_training_that_was_stopped_after_the_last_step_of_an_epoch_has_no_losses_yet(tmp_path):
    class Looking(Hook):
        seen = ()

        def on_epoch(self, training):
            self.seen = (*self.seen, bool(training.losses.isnan().all()))

    with pytest.raises(latentscape.TrainingError, match="Stopped in epoch 1"):
        train(tmp_path, StopAt(4), epochs=2)
    latentscape.resume(tmp_path / "run", hooks=[looking := Looking()], quiet=True)
    assert looking.seen == (True, False)


@pytest.mark.parametrize("group", [*GROUPS, "mine/weights", "shrinking"])
def test_hooks_take_no_place_of_others_in_checkpoints(tmp_path, group):
    hook = Shrinking()
    hook.group = group
    with pytest.raises(ConfigError, match=f"hook Shrinking keeps .*'{group}'"):
        train(tmp_path, Shrinking(), hook)
    assert not any(tmp_path.iterdir())


def test_every_group_of_a_training_is_known():
    own = {
        hook.group for hook in Hook.__subclasses__() if hook.__module__.startswith("latentscape")
    }
    assert own - {""} <= set(GROUPS)


@pytest.mark.parametrize("event", ["on_step", "on_epoch"])
def test_a_hook_can_end_training_after_an_epoch(tmp_path, event):
    def end(training):
        if training.state.epoch + (training.state.step > 0) == 2:
            training.end()

    enough = Hook()
    setattr(enough, event, end)
    run = train(tmp_path, enough)
    assert run.finished
    assert len(run.history.epochs) == 2
    assert_same_weights(run.path, train(tmp_path, name="whole", epochs=2).path)


def test_a_hook_can_stop_training(tmp_path):
    with pytest.raises(latentscape.TrainingError, match="Stopped in epoch 2 of 3"):
        train(tmp_path, StopAt(6), name="stopped")
    whole = train(tmp_path, name="whole")
    assert_same_weights(latentscape.resume(tmp_path / "stopped", quiet=True).path, whole.path)


def test_anything_else_than_a_hook_is_refused_before_anything_is_written(tmp_path):
    for hook, message in ((Noted, "which is no hook.*Give Noted"), (print, "derived from latent")):
        with pytest.raises(ConfigError, match=message):
            train(tmp_path, hook)
    assert not any(tmp_path.iterdir())
