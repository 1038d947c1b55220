"""Several workers train one model to the bits that one worker comes to."""

import json
import pickle
import signal
from functools import partial
from hashlib import sha256
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

import processes
from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe, override
from latentscape.core.errors import ConfigError, TrainingError
from latentscape.data import split_dataset
from latentscape.model.latents import Normal
from latentscape.runs import DataFacts, Environment, create_run
from latentscape.training.hook import Hook
from latentscape.training.shards import TreeSum, check_workers, cut
from latentscape.training.train import train_run
from latentscape.training.workers import Elsewhere, _added, _take_gpu

CPU = torch.device("cpu")
RECIPES = ("simple-20", "vae-20", "conv-bn", "vq-vae", "cluster-10", "factor-vae", "info-vae")
SHARDS = 4


@pytest.fixture(scope="module")
def split(digits):
    """66 training images: three batches of 18 and one of 12, or six of 10 and one of 6."""
    return split_dataset(digits, DataConfig(train=66, test=12, validation=12 / 78))


def new_run(path, name, split, **changes):
    settings = {"train.epochs": 2, "train.batch_size": 10, "train.shards": SHARDS}
    settings |= {"train.precision": "float32", "train.snapshots": [], "data.validation": 12 / 78}
    recipe = prepare(override(load_recipe(name), {**settings, **changes}), split)
    return create_run(path, recipe, DataFacts.of(split), Environment(threads=1))


def result(run):
    """Return a SHA-256 of the model file, and the losses of each epoch."""
    losses = [
        {part: record[part] for part in ("train", "validation", "latent")}
        for record in run.history.records()
    ]
    return sha256(run.model_file.read_bytes()).hexdigest(), json.dumps(losses)


@pytest.fixture(scope="module")
def alone(split, tmp_path_factory):
    """What one worker comes to, by the name of the recipe."""
    folder, results = tmp_path_factory.mktemp("alone"), {}
    for name in RECIPES:
        run = new_run(folder / name, name, split)
        train_run(run, split, CPU)
        results[name] = result(run)
    return results


@pytest.mark.parametrize(("count", "names"), [(2, RECIPES), (4, ("conv-bn", "factor-vae"))])
def test_several_workers_come_to_the_bits_of_one(count, names, alone, split, tmp_path):
    runs = [new_run(tmp_path / name, name, split) for name in names]
    codes = processes.launch(count, processes.train, [(run.path, split) for run in runs])
    assert codes == [0] * count
    assert {run.name: result(run) for run in runs} == {name: alone[name] for name in names}


@pytest.mark.parametrize("rank", [0, 1])
def test_a_run_whose_worker_was_killed_goes_on_with_another_number(rank, alone, split, tmp_path):
    run = new_run(tmp_path / "vae-20", "vae-20", split)
    killed = processes.In(rank, 9, signal.SIGKILL)
    codes = processes.launch(2, processes.train, [(run.path, split)], killed)
    assert codes[rank] == -signal.SIGKILL
    assert codes[1 - rank] == processes.LOST
    assert not run.finished
    train_run(run, split, CPU)
    assert result(run) == alone["vae-20"]


def test_a_signal_to_any_worker_stops_all_of_them_and_is_saved(alone, split, tmp_path):
    run = new_run(tmp_path / "vq-vae", "vq-vae", split)
    stop = processes.In(1, 3, signal.SIGTERM)
    assert processes.launch(2, processes.train, [(run.path, split)], stop) == [130, 0]
    newest = max(run.checkpoints.glob("*.json")).stem
    assert newest == "000000-00000004"  # The step in which the first one heard of it.
    assert processes.launch(4, processes.train, [(run.path, split)]) == [0] * 4
    assert result(run) == alone["vq-vae"]


def test_workers_go_back_together_where_losses_became_nan(split, tmp_path):
    changes = {"train.lr": 1e18, "train.optimizer": "sgd"}
    runs = [new_run(tmp_path / name, "simple-20", split, **changes) for name in ("one", "two")]
    with pytest.raises(TrainingError, match="again, after 3 roll-backs"):
        train_run(runs[0], split, CPU)
    assert processes.launch(2, processes.train, [(runs[1].path, split)]) == [2, 0]
    said = [[event.model_dump() for event in run.events] for run in runs]
    assert said[0] == said[1]
    assert len(said[0]) == 3


def test_what_shards_come_to_is_one_sum_on_any_number_of_workers():
    values = [(torch.randn(3, 5), torch.randn(7)) for _ in range(8)]
    like, sums = values[0], []
    for count in (1, 2, 4, 8):
        each = 8 // count
        trees = [TreeSum(like, 8, SimpleNamespace(count=count, add=lambda row: None))] * count
        rows = []
        for rank, tree in enumerate(trees):
            for value in values[rank * each : (rank + 1) * each]:
                tree.add(value)
            tree.total()
            rows.append(tree._rows[-1].numbers.clone())
        sums.append(_added(torch.stack(rows)))
    size = 32  # The padding depends on the number of workers.
    assert all(torch.equal(total[:size], sums[0][:size]) for total in sums[1:])
    assert torch.allclose(sums[0][:15], sum(value[0] for value in values).flatten(), atol=1e-5)


def test_shards_have_two_examples_at_least_and_hold_all_of_them():
    for count in range(1, 70):
        edges = cut(count, 8)
        sizes = [after - before for before, after in pairwise(edges)]
        assert (edges[0], edges[-1]) == (0, count)
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) <= 8
        assert min(sizes) >= min(2, count)


@pytest.mark.parametrize(
    ("shards", "workers", "said"), [(1, 2, "1 worker"), (8, 3, "1 or 2 or 4 or 8 workers")]
)
def test_a_number_of_workers_that_cannot_share_shards_is_refused(shards, workers, said):
    with pytest.raises(ConfigError, match=f"Expected {said}"):
        check_workers(shards, workers)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train.shards": 6}, "a power of two"),
        ({"train.shards": 8, "train.batch_size": 8}, "at least 16"),
        ({"train.shards": 2, "train.accumulate": 2, "train.batch_size": 8}, "batch_size to 16"),
    ],
)
def test_shards_that_cannot_be_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        override(load_recipe("simple-20"), changes)


def test_one_shard_changes_no_fingerprint_and_several_do():
    recipe = load_recipe("simple-20")
    assert "shards" in recipe.train.model_dump()
    prints = [override(recipe, {"train.shards": n}).fingerprint("") for n in (1, 2)]
    assert prints[0] == recipe.fingerprint("") != prints[1]


@pytest.mark.parametrize("name", ["simple-20", "sparse", "beta-tc-vae", "beta-vae-capacity"])
def test_shards_come_to_what_the_whole_batch_does(name, split, tmp_path, monkeypatch):
    """But for rounding, where nothing is drawn and no batch is normalised."""
    monkeypatch.setattr(Normal, "sample", lambda self, *_: self.mean)
    changes = {"model.encoder.widths": [16], "train.epochs": 1}
    whole, parts = (
        new_run(tmp_path / str(shards), name, split, **changes, **{"train.shards": shards})
        for shards in (1, 4)
    )
    for run in (whole, parts):
        train_run(run, split, CPU)
    for one, other in zip(whole.history.epochs, parts.history.epochs, strict=True):
        assert one.train.terms == pytest.approx(other.train.terms, rel=1e-3)


def test_workers_that_differ_are_told_so(split, tmp_path):
    assert processes.launch(2, processes.differ) == [2, 2]


def test_what_the_first_worker_fails_with_before_it_trains_ends_all(split, tmp_path):
    run = new_run(tmp_path / "simple-20", "simple-20", split)
    assert processes.launch(2, processes.fail_early, run.path, split) == [2, 2]


def test_a_run_that_was_killed_after_its_last_epoch_is_finished_by_several(alone, split, tmp_path):
    run = new_run(tmp_path / "simple-20", "simple-20", split)
    with pytest.raises(KeyboardInterrupt):
        train_run(run, split, CPU, [Killed()])
    assert not run.finished
    assert processes.launch(2, processes.train, [(run.path, split)]) == [0, 0]
    assert result(run) == alone["simple-20"]


def test_workers_go_on_where_one_launcher_alone_has_begun_anew(digits, tmp_path):
    changes = {"train.shards": 2, "train.epochs": 1, "data.train": 60, "data.test": 20}
    how = {"data": digits, "changes": changes, "device": "cpu", "quiet": True}
    begin = partial(processes.begin_anew, tmp_path, **how)
    assert processes.launch(2, begin) == [0, 0]
    begun = (tmp_path / "run" / "recipe.yaml").stat().st_mtime_ns
    assert processes.launch(2, begin) == [0, 0]
    assert (tmp_path / "run" / "recipe.yaml").stat().st_mtime_ns == begun


def test_what_another_worker_fails_with_can_be_sent_on():
    sent = Elsewhere(1, "node2", "Something is wrong.", 130)
    sent.is_told = True
    heard = pickle.loads(pickle.dumps(sent))
    assert (str(heard), heard.exit_code, heard.is_told) == (str(sent), 130, True)


def test_a_worker_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="Worker 1 .* has no GPU: there is 1.*--device cpu"):
        _take_gpu(1)


def test_a_hook_on_each_worker_ends_training_on_all_and_on_one_alone_is_an_error(split, tmp_path):
    runs = [new_run(tmp_path / name, "simple-20", split) for name in ("all", "alone")]
    arguments = [(runs[0].path, split)]
    assert processes.launch(2, processes.train, arguments, Enough(0)) == [0, 0]
    assert len(runs[0].history.epochs) == 1
    codes = processes.launch(2, processes.train, [(runs[1].path, split)], Enough(1))
    assert codes == [processes.LOST, 2]


class Enough(Hook):
    """Ends training after an epoch, in the workers from a rank on."""

    everywhere = True

    def __init__(self, first):
        self.first = first

    def on_epoch(self, training):
        if training.workers.rank >= self.first:
            training.end()


class Killed(Hook):
    """Ends the process, as it were, once all epochs are saved."""

    essential = True

    def on_end(self, training):
        raise KeyboardInterrupt
