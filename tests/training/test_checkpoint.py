"""A checkpoint is read as it was written or not at all, whatever happened to its files."""

import json
import os
import random
from hashlib import sha256
from types import SimpleNamespace

import pytest
import torch

from latentscape.core.errors import RunError
from latentscape.runs.facts import Epoch, Event, Losses
from latentscape.training.checkpoint import Checkpoint, CheckpointFolder, MemoryCheckpoints
from latentscape.training.hooks.checkpoints import RollBack
from latentscape.training.state import TrainState

N = int(os.environ.get("LATENTSCAPE_MUTATIONS", 4))
"""A factor of how many changed digits and characters are tried."""


def checkpoint(epoch: int, step: int = 0, sound: int = 0) -> Checkpoint:
    losses = Losses(loss=0.1 * epoch, terms={"reconstruction": 1 / 3})
    history = [
        Epoch(
            epoch=number,
            lr=1e-3 / number,
            seconds=1.7,
            images_per_second=294.1,
            train=losses,
            validation=losses,
        )
        for number in range(1, epoch + 1)
    ]
    events = [Event(epoch=1, kind="rollback", back_to=0, rate_factor=0.5)]
    state = TrainState(epoch, step, 0.25, 0.5, 1, 0.2, 1, history, events, [], sound)
    groups = {
        "model": {"weight": torch.full((2, 3), float(epoch))},
        "loss": {"sums": torch.ones(2)},
    }
    return Checkpoint(groups, state, "1-of-these-settings")


@pytest.fixture
def folder(tmp_path) -> CheckpointFolder:
    folder = CheckpointFolder(tmp_path / "checkpoint")
    for place in ((1, 0), (2, 7)):
        folder.save(checkpoint(*place))
    return folder


def newest(folder: CheckpointFolder, suffix: str = ".json"):
    return folder.path / f"000002-00000007{suffix}"


def assert_same(actual: Checkpoint | None, expected: Checkpoint) -> None:
    assert actual is not None
    assert (actual.state, actual.identity) == (expected.state, expected.identity)
    assert actual.groups.keys() == expected.groups.keys()
    for group, tensors in expected.groups.items():
        for name, tensor in tensors.items():
            assert torch.equal(actual.groups[group][name], tensor)


def test_a_checkpoint_survives(folder):
    assert_same(folder.latest(), checkpoint(2, 7))
    assert_same(folder.sound(1), checkpoint(1))


def stems(folder):
    return sorted(file.stem for file in folder.path.glob("*.json"))


def test_the_sound_checkpoint_stays_and_what_a_roll_back_leaves_behind_goes(tmp_path):
    folder = CheckpointFolder(tmp_path)
    sound_epochs = {1: 1, 2: 2, 3: 2, 4: 2}
    saved = {epoch: checkpoint(epoch, sound=sound) for epoch, sound in sound_epochs.items()}
    for each in saved.values():
        folder.save(each)
    assert stems(folder) == ["000002-00000000", "000003-00000000", "000004-00000000"]
    assert_same(folder.sound(2), saved[2])
    folder.save(saved[2])
    assert stems(folder) == ["000002-00000000"]
    assert_same(folder.latest(), saved[2])


def test_where_the_sound_checkpoint_was_not_kept_the_one_before_counts_or_the_next(folder):
    folder.save(checkpoint(4))
    assert stems(folder) == ["000001-00000000", "000004-00000000"]
    assert [folder.sound(epoch).state.epoch for epoch in (0, 1, 3, 4, 9)] == [1, 1, 1, 4, 4]


@pytest.mark.parametrize(
    ("settled_at", "adversarial", "sound"),
    [(0.0, False, 1), (1.5, False, 3), (9.0, False, 4), (0.0, True, 4)],
)
def test_the_sound_epoch_is_the_best_of_those_that_compare(settled_at, adversarial, sound):
    """Losses of 1, 3, 2 and 4 nats; what weighs the first ones less is no better."""
    history = [
        Epoch(
            epoch=place + 1,
            lr=0.1,
            seconds=1,
            images_per_second=1,
            train=Losses(loss=loss),
            validation=None,
        )
        for place, loss in enumerate((1.0, 3.0, 2.0, 4.0))
    ]
    config = SimpleNamespace(settled_at=settled_at, is_adversarial=adversarial)
    state = TrainState(epoch=4, history=history)
    RollBack(MemoryCheckpoints("a run")).on_epoch(
        SimpleNamespace(state=state, objective=SimpleNamespace(config=config))
    )
    assert state.sound_epoch == sound


def test_any_changed_character_of_a_manifest_leads_to_the_checkpoint_before(folder):
    """Only a change that JSON does not see may leave the newest as it was."""
    file = newest(folder)
    whole = file.read_text("utf-8")
    parsed = json.loads(whole)
    chance = random.Random(0)
    digits = [place for place, character in enumerate(whole) if character.isdigit()]
    places = chance.sample(digits, 10 * N) + chance.sample(range(len(whole)), 10 * N)
    for place in places:
        changed = whole[:place] + chance.choice('0123456789aZ "{[') + whole[place + 1 :]
        file.write_text(changed, "utf-8")
        try:
            same = json.loads(changed) == parsed
        except ValueError:
            same = False
        assert_same(folder.latest(), checkpoint(2, 7) if same else checkpoint(1))


WRONG = [[], {}, None, 3, "text", [[[]]], {"epoch": 2}, {"sha256": None}, {"sha256": "0" * 64}]


@pytest.mark.parametrize("content", [*map(json.dumps, WRONG), "[" * 99_999, '{"a":' * 9999, "\0"])
def test_a_manifest_of_something_else_leads_to_the_checkpoint_before(folder, content):
    newest(folder).write_text(content)
    assert_same(folder.latest(), checkpoint(1))


NONSENSE = [
    *[("epoch", value) for value in (None, [], {}, "many", -1, 1, 7.5)],
    *[("history", value) for value in (None, [], {}, "many", -1, [3], [{}], [[]])],
    *[("events", value) for value in (None, {}, "many", 7.5, [3], [{"epoch": "first"}])],
    *[("rate_factor", value) for value in (None, [], {}, "many")],
    *[("sha256", value) for value in (None, [], {}, "many", 0)],
]


@pytest.mark.parametrize("version", ["today", "0.2.0"])
def test_a_value_of_another_type_leads_to_the_checkpoint_before(folder, version):
    """Manifests up to 0.2.0 had no sum of their own, so that only nonsense is noticed there."""
    file = newest(folder)
    values = json.loads(file.read_bytes())
    if version == "0.2.0":
        values = as_of_before(values)
    for key, value in NONSENSE:
        file.write_text(json.dumps({**values, key: value}))
        assert_same(folder.latest(), checkpoint(1))


def as_of_before(values):
    """Return a manifest as version 0.2.0 wrote it."""
    return {k: v for k, v in values.items() if k != "tensors"} | {"sha256": values["tensors"]}


def test_checkpoints_of_earlier_versions_are_read(folder):
    file = newest(folder)
    values = as_of_before(json.loads(file.read_bytes()))
    assert values["sha256"] == sha256(newest(folder, ".safetensors").read_bytes()).hexdigest()
    file.write_text(json.dumps(values))
    assert_same(folder.latest(), checkpoint(2, 7))


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_folder_in_place_of_a_file_is_passed_over_and_replaced(folder, suffix):
    newest(folder, suffix).unlink()
    newest(folder, suffix).mkdir()
    assert_same(folder.latest(), checkpoint(1))
    folder.save(checkpoint(2, 7))
    assert_same(folder.latest(), checkpoint(2, 7))


def test_what_is_not_a_checkpoint_stays_in_its_folder(folder):
    (folder.path / "mine").mkdir()
    (folder.path / "mine" / "thesis.txt").write_text("years of work")
    folder.save(checkpoint(3))
    assert (folder.path / "mine" / "thesis.txt").exists()
    assert len(list(folder.path.iterdir())) == 5


def test_a_checkpoint_under_the_name_of_another_does_not_count(folder):
    for suffix in (".json", ".safetensors"):
        newest(folder, suffix).rename(folder.path / f"000009-00000000{suffix}")
    assert_same(folder.latest(), checkpoint(1))


def test_if_all_are_damaged_the_error_says_what_to_do(folder):
    for file in folder.path.glob("*.json"):
        file.write_text("[]")
    with pytest.raises(RunError, match="Every checkpoint in .* is damaged.*Delete that folder"):
        folder.latest()
