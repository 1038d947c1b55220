"""The loop's promises: exact resume, roll-back, early stopping, and nothing lost."""

import json
import math
import random
import signal
import sys
import threading
import time
from multiprocessing import get_context

import numpy as np
import pytest
import torch

import latentscape
from disturbing import At, press_ctrl_c, spoil
from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override
from latentscape.core.errors import Interrupted, RunError, TrainingError
from latentscape.core.randomness import derive_seed
from latentscape.core.records import Dataset, Split
from latentscape.data import binarize_split, split_dataset
from latentscape.evaluation.results import Evaluation
from latentscape.inference.codec import encode
from latentscape.model import Network
from latentscape.runs import (
    DataFacts,
    Environment,
    Run,
    RunFindings,
    create_run,
    load_model,
    write_recipe,
)
from latentscape.runs.facts import Epoch
from latentscape.training.hooks import snapshots
from latentscape.training.hooks.checkpoints import MAX_ROLLBACKS
from latentscape.training.hooks.collapse import PATIENCE_FOR_CODES
from latentscape.training.hooks.progress import Progress
from latentscape.training.hooks.snapshots import SNAPSHOT_CODES
from latentscape.training.train import train_run

CPU = torch.device("cpu")
TIMING = {"seconds": 0.0, "images_per_second": 0.0}


def new_run(path, recipe, split) -> Run:
    return create_run(path, recipe, DataFacts.of(split), Environment())


def fit(run, split, *hooks):
    return train_run(run, split, CPU, hooks)[0]


def history_of(run: Run) -> list[Epoch]:
    return [epoch.model_copy(update=TIMING) for epoch in run.history.epochs]


def assert_same_result(run: Run, other: Run) -> None:
    assert run.model_file.read_bytes() == other.model_file.read_bytes()
    assert history_of(run) == history_of(other)
    for file in other.snapshots.iterdir():
        assert np.array_equal(np.load(run.snapshots / file.name), np.load(file))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, quick, small):
    """A finished run, to compare with."""
    run = new_run(tmp_path_factory.mktemp("runs") / "undisturbed", quick, small)
    fit(run, small)
    return run


def interrupt(run, split, step):
    with pytest.raises(Interrupted, match="--resume"):
        fit(run, split, At([step], press_ctrl_c))
    assert not run.finished


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon", "rmsprop", "sgd"])
def test_ctrl_c_saves_and_the_rest_is_bit_identical(tmp_path, quick, small, optimizer):
    """At the first step, before and at the end of an epoch of eight, and within one."""
    recipe = override(quick, {"train.optimizer": optimizer, "train.momentum": 0.5})
    undisturbed, stopped = (new_run(tmp_path / name, recipe, small) for name in ("a", "b"))
    fit(undisturbed, small)
    for step in (1, 7 - 1, 8 - 7, 11 - 8):
        interrupt(stopped, small, step)
    fit(stopped, small)
    assert_same_result(stopped, undisturbed)


def test_a_run_goes_on_to_the_same_bits_with_the_other_engine(tmp_path, quick, small, undisturbed):
    run = new_run(tmp_path / "changed", quick, small)
    for engine in ("plain", "auto"):
        interrupt(run, small, 11)
        write_recipe(run.path / "recipe.yaml", override(quick, {"train.engine": engine}))
    fit(run, small)
    assert history_of(run) == history_of(undisturbed)
    assert run.model_file.read_bytes() == undisturbed.model_file.read_bytes()


SMALL = {"model.encoder.widths": [16]}

# What a resume has to restore besides weights: running means, drawn pixels and codes, a codebook,
# centres, an average, where the schedules stand, and critics with optimizers of their own.
VARIANTS = {
    "conv-bn": {
        "model.encoder.channels": [4, 8],
        "model.decoder": "mirror",
        "train.average": 0.9,
        "train.frozen": ["encoder.0"],
    },
    "vae-20": {**SMALL, "data.binarize": "dynamic", "objective.rate_warmup": 2},
    "vq-vae": {"model.encoder.channels": [4, 8], "model.latent.codes": 16},
    "kaggle-2d-center": SMALL,
    "iwae-50": {
        **SMALL,
        "objective.samples": 3,
        "objective.first_samples": {"samples": 2, "epochs": 1.5},
    },
    "denoising": {
        **SMALL,
        "model.corruption": "salt_and_pepper",
        "train.batch_size": 50,
        "train.accumulate": 3,
        "train.average": {"start": 1.5},
    },
    **dict.fromkeys(("aae", "wae-gan", "factor-vae", "vae-gan", "acai"), SMALL),
}


@pytest.fixture
def variant(request, small):
    """A small recipe of a variant, and the data that it trains on."""
    train = {"train.epochs": 3, "train.batch_size": 128, "train.snapshots": [1, 3]}
    recipe = override(load_recipe(request.param), {**train, **VARIANTS[request.param]})
    return prepare(recipe, small), binarize_split(small, recipe.data.binarize)


@pytest.mark.parametrize("variant", VARIANTS, indirect=True)
def test_every_variant_resumes_bit_identically(tmp_path, variant):
    """Interrupted at the first step, within an epoch, at the end of one, and again within one."""
    recipe, split = variant
    undisturbed, stopped = (new_run(tmp_path / name, recipe, split) for name in ("a", "b"))
    fit(undisturbed, split)
    for steps in (1, 2, 5, 3):
        interrupt(stopped, split, steps)
    fit(stopped, split)
    assert_same_result(stopped, undisturbed)


@pytest.fixture(scope="module")
def processes():
    """Processes of their own that begin at once, as copies of one that has imported everything."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["latentscape.api.training", "test_loop"])
    return context


def train_once(settings, data, folder):
    """Train a recipe, or go on with it if it has begun."""
    torch.set_num_threads(1)
    if (folder / "killed").exists():
        latentscape.resume(folder / "killed", data=data, quiet=True)
    else:
        latentscape.train(settings, data=data, folder=folder, name="killed", quiet=True)


def kill_when_changed(process, folder, seconds) -> bool:
    """Kill a process some time after a folder begins to change; tell whether it still ran."""
    before = files_in(folder)
    process.start()
    while files_in(folder) == before and process.is_alive():
        time.sleep(0.001)
    process.join(seconds)
    if killed := process.is_alive():
        process.kill()
    process.join()
    assert killed or process.exitcode == 0
    return killed


def files_in(folder) -> set[str]:
    return {file.name for file in folder.iterdir()} if folder.exists() else set()


@pytest.mark.skipif(sys.platform == "win32", reason="needs processes that are forked")
def test_a_process_killed_at_random_moments_ends_bit_identical(tmp_path, digits, processes):
    changes = {
        "data.train": 200,
        "data.test": 40,
        "data.binarize": "dynamic",
        "model.encoder.widths": [32, 16],
        "model.latent": {"kind": "gaussian", "dim": 8},
        "objective.weights.rate": 1,
        "train.epochs": 25,
        "train.batch_size": 25,
        "train.patience": 25,
        "train.checkpoint_seconds": 0.01,
        "train.snapshots": [1, 25],
    }
    recipe = override(load_recipe("dense-dropout"), changes)
    data = Dataset("few", digits.images[::15].copy())
    undisturbed = latentscape.train(
        recipe, data=data, folder=tmp_path, name="undisturbed", quiet=True
    )
    killed = Run(tmp_path / "killed")
    duration = undisturbed.history.train_seconds
    chance, kills = random.Random(0), 0
    for folder in (tmp_path, *4 * [killed.checkpoints]):
        process = processes.Process(target=train_once, args=(recipe, data, tmp_path))
        kills += kill_when_changed(process, folder, chance.uniform(0, 0.3) * duration)
    assert kills >= 3
    train_once(recipe, data, tmp_path)
    assert_same_result(killed, undisturbed)
    ours, theirs = (RunFindings(run).require(Evaluation) for run in (killed, undisturbed))
    assert ours.metrics == theirs.metrics


def test_a_damaged_checkpoint_is_passed_over(tmp_path, quick, small, undisturbed):
    run = new_run(tmp_path / "damaged", quick, small)
    interrupt(run, small, 11)
    newest = sorted(run.checkpoints.glob("*.safetensors"))[-1]
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    fit(run, small)
    assert_same_result(run, undisturbed)


def test_only_damaged_checkpoints_are_an_error(tmp_path, quick, small):
    run = new_run(tmp_path / "damaged", quick, small)
    interrupt(run, small, 11)
    for file in run.checkpoints.glob("*.json"):
        file.write_text("{")
    with pytest.raises(RunError, match="damaged"):
        fit(run, small)


def test_two_checkpoints_stay_and_one_is_the_end_of_an_epoch(tmp_path, quick, small):
    run = new_run(tmp_path / "run", quick, small)
    interrupt(run, small, 11)
    names = sorted(file.stem for file in run.checkpoints.glob("*.json"))
    assert names == ["000001-00000000", "000001-00000003"]


def test_nan_rolls_back_halves_the_rate_and_goes_on(tmp_path, quick, small):
    run = new_run(tmp_path / "run", override(quick, {"train.schedule": "constant"}), small)
    fit(run, small, At([10], spoil))
    assert run.finished
    assert [epoch.epoch for epoch in run.history.epochs] == [1, 2, 3]
    rates = [epoch.lr for epoch in run.history.epochs]
    assert rates == [0.001, 0.0005, 0.0005]
    (event,) = run.events
    assert (event.epoch, event.kind, event.back_to) == (2, "rollback", 1)


def throw_away(training):
    with torch.no_grad():
        for weights in training.model.parameters():
            weights.mul_(30)


def test_nan_rolls_back_behind_the_epochs_in_which_it_announced_itself(tmp_path, quick, small):
    changes = {"train.epochs": 5, "train.schedule": "constant", "train.patience": None}
    recipe = override(quick, changes)
    run = new_run(tmp_path / "run", recipe, small)
    # Eight steps are an epoch. Weights are thrown away in the third; the loss is NaN in the fifth.
    fit(run, small, At([17], throw_away), At([36], spoil))
    (event,) = run.events
    assert (event.epoch, event.back_to) == (3, 2)
    losses = [epoch.train.loss for epoch in run.history.epochs]
    assert losses == sorted(losses, reverse=True)
    assert [epoch.lr for epoch in run.history.epochs] == [0.001, 0.001, 0.0005, 0.0005, 0.0005]
    model = load_model(run.path)
    assert all(weights.isfinite().all() for weights in model.state_dict().values())


def test_with_an_adversary_nan_rolls_back_to_the_last_epoch(tmp_path, small):
    changes = {"train.epochs": 3, "model.encoder.widths": [8], "train.batch_size": 100}
    recipe = prepare(override(load_recipe("aae"), changes), small)
    run = new_run(tmp_path / "run", recipe, small)
    steps = recipe.train.steps_per_epoch(len(small.train))
    fit(run, small, At([steps + 1], throw_away), At([2 * steps + 1], spoil))
    assert [event.back_to for event in run.events] == [2]


def test_nan_that_comes_back_ends_in_a_clear_error(tmp_path, quick, small):
    run = new_run(tmp_path / "run", quick, small)
    with pytest.raises(TrainingError, match=r"train\.lr"):
        fit(run, small, At(range(1, 1000), spoil))
    assert len(run.events) == MAX_ROLLBACKS
    assert not run.finished
    assert run.history.epochs == ()


def test_an_absurd_learning_rate_is_really_rolled_back(tmp_path, quick, small):
    changes = {"train.optimizer": "sgd", "train.lr": 1e12, "model.likelihood": "gaussian"}
    run = new_run(tmp_path / "run", override(quick, changes), small)
    with pytest.raises(TrainingError, match="infinite or NaN"):
        fit(run, small)


def test_early_stopping_restores_the_best_weights(tmp_path, quick, small):
    changes = {
        "train.epochs": 30,
        "train.patience": 2,
        "train.lr": 0.05,
        "train.schedule": "constant",
    }
    run = new_run(tmp_path / "run", override(quick, changes), small)
    model = fit(run, small)
    losses = [epoch.validation.loss for epoch in run.history.epochs]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < 30
    with torch.no_grad():
        images = torch.from_numpy(small.dataset.images[small.validation])
        assert model.loss(images).total.item() == pytest.approx(min(losses), rel=1e-5)


def test_training_without_validation(tmp_path, quick, digits):
    recipe = override(quick, {"data.validation": 0, "train.patience": None, "train.epochs": 1})
    split = split_dataset(digits, recipe.data)
    run = new_run(tmp_path / "run", recipe, split)
    fit(run, split)
    assert run.history.epochs[0].validation is None


def test_vectors_train_too(tmp_path, quick, vectors):
    recipe = prepare(override(quick, {"train.epochs": 30, "model.encoder.dropout": 0}), vectors)
    run = new_run(tmp_path / "run", recipe, vectors)
    fit(run, vectors)
    losses = [epoch.train.loss for epoch in run.history.epochs]
    assert losses[-1] < losses[0]


def test_gradient_clipping_bounds_every_step(tmp_path, quick, small):
    changes = {"train.optimizer": "sgd", "train.lr": 1.0, "train.schedule": "constant"}
    changes |= {"model.init.data_dependent": False}  # So that the initial weights are known here.
    moved = {}
    for clip in (None, 1e-3):
        recipe = override(quick, {**changes, "train.clip_norm": clip, "train.epochs": 1})
        run = new_run(tmp_path / f"{clip}", recipe, small)
        torch.manual_seed(derive_seed(0, "model"))
        start = dict(Network(recipe.model).named_parameters())
        end = dict(fit(run, small).named_parameters())
        moved[clip] = math.sqrt(sum((end[n] - start[n]).square().sum().item() for n in start))
    steps = 8
    assert moved[1e-3] <= steps * 1e-3 * 1.001
    assert moved[None] > 10 * steps * 1e-3


def test_the_history_says_what_it_should(undisturbed, quick):
    records = undisturbed.history.records()
    assert len(records) == 3
    for record in records:
        assert record.keys() == {
            "epoch",
            "lr",
            "seconds",
            "images_per_second",
            "train",
            "validation",
            "latent",
        }
        assert record["latent"] is None
        assert record["train"].keys() == {"loss", "reconstruction"}
        assert record["validation"].keys() == {"loss", "reconstruction", "mse"}
    assert {file.name for file in undisturbed.snapshots.iterdir()} == {
        "codes-0001.npy",
        "codes-0003.npy",
        "epoch-0001.npy",
        "epoch-0003.npy",
        "examples.npy",
    }


@pytest.mark.parametrize(
    ("variant", "measured"),
    [
        ("vae-20", {"active_units"}),
        ("vq-vae", {"perplexity", "codes_used"}),
        ("kaggle-2d-center", None),
    ],
    indirect=["variant"],
)
def test_the_history_says_whether_codes_are_used_and_samples_are_kept(tmp_path, variant, measured):
    recipe, split = variant
    run = new_run(tmp_path / "run", recipe, split)
    fit(run, split)
    terms = {"loss", *recipe.objective.weights}
    records = run.history.records()
    assert len(records) == 3
    for record in records:
        used = record["latent"] or {}
        assert {name for name in used if used[name] is not None} == (measured or set())
        assert record["train"].keys() == terms
        assert record["validation"].keys() == {*terms, "mse"}
    samples = [f"samples-{epoch:04d}.npy" for epoch in (1, 3)]
    names = sorted(file.name for file in run.snapshots.glob("samples-*"))
    assert names == (samples if measured else [])
    for name in names:
        images = np.load(run.snapshots / name)
        assert images.shape == (64, 1, 28, 28)
        assert 0 <= images.min() < images.max() <= 1


@pytest.mark.parametrize("variant", ["vae-20"], indirect=True)
def test_snapshots_are_of_the_same_codes_after_every_epoch(tmp_path, variant):
    recipe, split = variant
    run = new_run(tmp_path / "run", override(recipe, {"train.lr": 1e-9}), split)
    fit(run, split)  # So slowly that the decoder stays as it is.
    first, last = (np.load(run.snapshots / f"samples-{epoch:04d}.npy") for epoch in (1, 3))
    assert np.allclose(first, last, atol=1e-4)
    assert not np.allclose(first[:32], last[32:], atol=1e-2)


def test_snapshots_keep_codes_of_fixed_test_examples_and_change_nothing(tmp_path, quick, small):
    changes = {"train.patience": None, "train.snapshots": [1, 3]}
    run = new_run(tmp_path / "run", override(quick, changes), small)
    without = new_run(
        tmp_path / "plain", override(quick, {**changes, "train.snapshots": []}), small
    )
    weights, others = (fit(one, small).state_dict() for one in (run, without))
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    kept = RunFindings(run).snapshots
    assert np.array_equal(kept.examples, small.subset("test", SNAPSHOT_CODES))
    codes = encode(load_model(run.path), small.dataset, kept.examples, "plain")
    assert kept.codes.shape == (2, *codes.shape)
    assert kept.codes.dtype == np.float32
    assert np.allclose(kept.codes[1], codes, atol=1e-6)
    assert not np.allclose(kept.codes[0], codes, atol=1e-2)
    assert RunFindings(without).snapshots is None


def test_snapshots_of_long_codes_are_of_fewer_examples(tmp_path, quick, small, monkeypatch):
    monkeypatch.setattr(snapshots, "SNAPSHOT_NUMBERS", 50 * 32)
    run = new_run(tmp_path / "run", quick, small)
    fit(run, small)
    codes = RunFindings(run).snapshots.codes
    assert codes.shape == (2, 50 * 32 // codes.shape[2], codes.shape[2])


def test_codes_that_an_older_version_did_not_keep_are_not_missed(tmp_path, quick, small):
    run = new_run(tmp_path / "run", quick, small)
    interrupt(run, small, 11)
    (run.snapshots / "codes-0001.npy").unlink()
    fit(run, small)
    kept = RunFindings(run).snapshots
    assert len(kept.reconstructions) == 2
    assert (kept.codes, kept.examples) == (None, None)


@pytest.mark.parametrize(("epochs", "reported"), [(2, 2), (5, PATIENCE_FOR_CODES)])
@pytest.mark.parametrize("variant", ["vae-20"], indirect=True)
def test_a_collapse_is_reported_once(tmp_path, variant, heard, epochs, reported):
    """When it has lasted, or when training ends."""
    recipe, split = variant
    changes = {"objective.weights.rate": 50, "objective.rate_warmup": 0}
    changes |= {"train.epochs": epochs, "train.patience": 1}
    run = new_run(tmp_path / "run", override(recipe, changes), split)
    fit(run, split, Progress(run.name))
    assert [epoch.latent.active_units for epoch in run.history.epochs] == epochs * [0]
    (event,) = run.events
    assert (event.epoch, event.kind, event.collapse) == (reported, "collapse", "posterior")
    assert sum("collapsed" in note for note in heard.notes) == 1


@pytest.mark.parametrize("variant", ["vae-20"], indirect=True)
def test_a_code_that_wakes_up_late_has_not_collapsed(tmp_path, variant, monkeypatch):
    recipe, split = variant
    active = iter([0.0] * (PATIENCE_FOR_CODES - 1) + [1.0, 0.0, 1.0])
    monkeypatch.setattr(Network, "diagnose", lambda *batch: {"active_units": next(active)})
    run = new_run(tmp_path / "run", override(recipe, {"train.epochs": 5}), split)
    fit(run, split)
    assert run.events == ()


def test_training_leaves_the_callers_random_numbers_alone(tmp_path, quick, small):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(new_run(tmp_path / "run", override(quick, {"train.epochs": 1}), small), small)
    assert torch.equal(torch.rand(3), expected)


def test_training_works_outside_the_main_thread(tmp_path, quick, small):
    run = new_run(tmp_path / "run", override(quick, {"train.epochs": 1}), small)
    thread = threading.Thread(target=fit, args=(run, small))
    thread.start()
    thread.join()
    assert run.finished


def test_training_says_how_far_it_is(tmp_path, quick, small, heard):
    run = new_run(tmp_path / "run", quick, small)
    fit(run, small, Progress(run.name))
    epochs = heard.of("run")
    assert [detail.partition(",")[0] for detail in epochs] == [f"epoch {n} of 3" for n in (1, 2, 3)]
    assert "validation" in epochs[-1]
    assert heard.notes == ["run: 500 examples, 3 epochs", f"run: {epochs[-1]}"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_loses_nothing(tmp_path, quick, small):
    """A limit on the size of files makes real writes fail half-way, as a full disk does."""
    import resource

    run = new_run(tmp_path / "run", quick, small)
    interrupt(run, small, 11)
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(RunError, match="could not be written"):
            fit(run, small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    after = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    saved = {file: content for file, content in before.items() if "history" not in file.name}
    assert saved.items() <= after.items()
    assert not [file for file in after if file.name.startswith(".")]
    fit(run, small)
    assert run.finished


def test_a_recipe_changed_since_its_checkpoint_is_refused(tmp_path, quick, small):
    run = new_run(tmp_path / "run", quick, small)
    interrupt(run, small, 11)
    file = run.path / "recipe.yaml"
    file.write_text(file.read_text().replace("- 64\n    - 32", "- 48\n    - 32"))
    with pytest.raises(RunError, match=r"recipe.yaml is damaged: it is not as it was written"):
        fit(run, small)
    (run.path / "identity.json").unlink()  # Runs of earlier versions have none.
    with pytest.raises(RunError, match="another recipe"):
        fit(Run(run.path), small)


def test_ctrl_c_in_the_last_epoch_leaves_a_finished_run(tmp_path, quick, small):
    run = new_run(tmp_path / "run", quick, small)
    with pytest.raises(Interrupted, match="epoch 3 of 3"):
        fit(run, small, At([24], press_ctrl_c))
    fit(run, small)
    assert run.finished


def test_what_a_kill_left_behind_is_cleared_away(tmp_path, quick, small):
    run = new_run(tmp_path / "run", quick, small)
    run.checkpoints.mkdir()
    (run.checkpoints / ".000000-00000000-abc.safetensors").write_bytes(b"half")
    (run.checkpoints / "000000-00000005.safetensors").write_bytes(b"without a manifest")
    fit(run, small)
    assert len(list(run.checkpoints.iterdir())) == 4


@pytest.mark.parametrize("latent", ["point", "gaussian", "vq"])
def test_a_single_class_and_tiny_data_train(tmp_path, quick, latent):
    """One validation example is too little to say that a code has collapsed."""
    images = np.random.default_rng(0).integers(0, 256, (9, 1, 28, 28), dtype=np.uint8)
    data = Dataset("tiny", images, np.zeros(9, dtype=np.int64), ("only",))
    split = Split(data, np.arange(6), np.arange(6, 7), np.arange(7, 9))
    needed = {"gaussian": {"rate": 1}, "vq": {"commitment": 1}}.get(latent, {})
    changes = {
        "train.epochs": 1,
        "model.latent": {"kind": latent, "dim": 4},
        "objective.weights": {"reconstruction": 1, **needed},
    }
    run = new_run(tmp_path / "run", override(quick, changes), split)
    fit(run, split)
    assert run.finished
    assert run.events == ()


def test_the_run_can_be_read_by_anyone(undisturbed):
    lines = (undisturbed.path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]
