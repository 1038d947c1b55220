"""Work on a Ray cluster: the results of this machine alone, and nothing lost with a node."""

import json
import pickle
import socket
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.api import clusters
from latentscape.cli import app
from latentscape.config import Placement, Study
from latentscape.core import extras
from latentscape.core.errors import ConfigError, DataError, RunError, TrainingError
from latentscape.core.stores import ResidentStore
from latentscape.inference import embedding, encoding
from latentscape.parallel import connection
from latentscape.parallel.cluster import Cluster, Node, Share
from latentscape.parallel.nodes import Seen, compare_seen, look, try_to_look
from latentscape.runs import runs_in

# Ray and what it imports warn of each other; users can do nothing about that.
pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = {"data.train": 600, "data.test": 50, "train.epochs": 20, "model.encoder.widths": [16]}
STUDY = {
    "name": "few",
    "as_published": True,
    "entries": [{"recipe": "simple-20", "set": SMALL}],
    "axes": {"train.lr": [0.001, 0.002, 0.003]},
}


def models_in(folder):
    return {run.name: run.model_file.read_bytes() for run in runs_in(folder)}


def test_codes_are_in_order_and_analyses_spread(cluster, ray_address, tmp_path, monkeypatch):
    """Those of two nodes are, bit for bit, those of this machine alone, with what goes along."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedding, "_CHUNK", 4 * 784 * 100)  # Of 10 tasks.
    run = latentscape.train("vae-20", changes={**SMALL, "train.epochs": 1}, quiet=True)
    images = np.random.default_rng(0).integers(0, 256, (950, 28, 28), np.uint8)
    np.savez("images.npz", images=images, labels=np.arange(950) % 10)
    alone = latentscape.embed(run, "images.npz", "alone.parquet")
    spread = latentscape.embed(run, "images.npz", "spread.parquet", on="ray")
    assert (spread.count, spread.dim) == (alone.count, alone.dim) == (950, 20)
    assert spread.file.read_bytes() == alone.file.read_bytes()
    monkeypatch.setattr(encoding, "CHUNKS", 2)
    np.save("images.npy", images)
    np.save("labels.npy", np.arange(950) % 10)
    how = {"changes": {"labels": "labels.npy"}}
    latentscape.embed(run, "images.npy", "alone.parquet", **how)
    with monkeypatch.context() as patch:
        patch.setattr(embedding, "stream_inputs", _unread(embedding.stream_inputs))
        latentscape.embed(run, "images.npy", "spread.parquet", on="ray", **how)
    assert spread.file.read_bytes() == alone.file.read_bytes()
    with pytest.raises(DataError, match="no examples|range|value"):
        latentscape.embed(run, np.full((3, 28, 28), 3e5, np.float32), "bad.npy", on="ray")
    said = CliRunner().invoke(app, ["info", "--on", "ray", "--json"]).output
    nodes = json.loads(said)["nodes"]
    assert [node["cores"] for node in nodes] == [1, 1]
    assert all(f"PyTorch {torch.__version__}" in node["versions"] for node in nodes)
    assert "object store" in CliRunner().invoke(app, ["info", "--on", "ray"]).output
    found = latentscape.analyze(run, parts=["probing", "anomalies"], quick=True, on="ray")
    assert {"probing", "anomalies"} <= set(found.parts)


def _unread(stream_inputs):
    """Give streams that this process cannot go through, only nodes."""

    def stream(*arguments):
        return replace(stream_inputs(*arguments), chunks=iter(()))

    return stream


def test_workers_of_a_cluster_train_one_model(cluster, ray_address, tmp_path, monkeypatch):
    """Two of them come to the bits of one process alone, and leave nothing but the run."""
    monkeypatch.chdir(tmp_path)
    command = ["train", "vae-20", "--set", "train.shards=2", "--epochs", "1", "-q"]
    command += ["--train", "600", "--test", "50", "--set", "train.batch_size=60"]
    runner = CliRunner()
    assert runner.invoke(app, [*command, "--runs", "alone"]).exit_code == 0
    ran = runner.invoke(app, [*command, "--on", "ray", "--workers", "2"])
    assert ran.exit_code == 0, ran.exception
    assert models_in(tmp_path / "runs") == models_in(tmp_path / "alone")
    [run] = runs_in(tmp_path / "runs")
    assert [file.name for file in (tmp_path / "runs").iterdir()] == [run.name]


@pytest.mark.parametrize(
    ("rank", "is_told", "tried_again"), [(0, False, False), (1, True, False), (1, False, True)]
)
def test_what_a_worker_fails_with_alone_is_tried_again(rank, is_told, tried_again, monkeypatch):
    """Ray has to end the others: the first one waits for this worker, not for its error."""
    failure = TrainingError("It failed")
    failure.is_told = is_told

    def fail():
        raise failure

    context = SimpleNamespace(get_world_rank=lambda: rank)
    train = SimpleNamespace(get_context=lambda: context, get_checkpoint=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(train=train))
    monkeypatch.setattr(clusters, "_note_the_start", lambda train: None)
    monkeypatch.setattr(clusters, "listened", lambda setting, name: nullcontext())
    job = SimpleNamespace(function=fail, setting=SimpleNamespace(entered=nullcontext))
    with pytest.raises(TrainingError) if tried_again else nullcontext():
        assert clusters._work({"job": job}) == ("", failure if rank == 0 else None)


def test_more_workers_than_there_is_room_for_are_refused():
    cluster = _Nodes(Placement.of("ray", workers=9), _node(), _node(cores=2.0))
    assert cluster.share_of_workers(1).cores == 8
    assert cluster.share_of_workers(2).cores == 4
    assert cluster.share_of_workers(3).cores == 2
    assert cluster.share_of_workers(10).cores == 1
    with pytest.raises(ConfigError, match="no room for 11 worker"):
        cluster.share_of_workers(11)


def test_a_study_loses_nothing_with_a_node(cluster, ray_address, tmp_path, capfd, monkeypatch):
    """Killed in the middle, it ends with the bits of this machine alone; Ray is not heard."""
    monkeypatch.chdir(tmp_path)
    study = Study.model_validate(STUDY)
    alone = latentscape.compare(study, folder="alone", quiet=True)
    [lost] = cluster.worker_nodes
    killer = threading.Thread(target=_kill_when_two_train, args=(cluster, lost, tmp_path / "runs"))
    killer.start()
    capfd.readouterr()
    together = latentscape.compare(study, folder="runs", on="ray", jobs=None)
    killer.join()
    assert models_in(tmp_path / "runs") == models_in(tmp_path / "alone")
    assert [row.statistics for row in together.rows] == [row.statistics for row in alone.rows]
    out, err = capfd.readouterr()
    assert out == ""
    assert "raylet" not in err.lower()
    assert "simple-20-lr-0.00" in err  # Of which runs there is a line is a matter of time.
    for run in runs_in(tmp_path / "runs"):
        assert run.environment.threads == 1
        assert "default_worker" not in run.environment.command
    assert not list((tmp_path / "runs").glob(".*"))


def _kill_when_two_train(cluster, node, folder):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        histories = [file.read_text() for file in folder.glob("*/history.jsonl")]
        if sum(text.count("\n") > 2 for text in histories) >= 2:
            break
        time.sleep(0.05)
    cluster.remove_node(node, allow_graceful=False)


def test_an_address_that_nobody_answers_at_is_refused_at_once(monkeypatch):
    pytest.importorskip("ray")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setattr(connection, "REACHED_WITHIN", 0.1)
        with pytest.raises(ConfigError, match=f"No Ray cluster answers at ray://{address}"):
            latentscape.compare("quickstart", on=f"ray://{address}")
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(ConfigError, match=f"No Ray cluster answers at {address}"):
            latentscape.compare("quickstart", on="ray")


def test_without_ray_the_extra_is_named(monkeypatch):
    def load(package):
        raise ImportError(name=package)

    monkeypatch.setattr(extras, "load", load)
    ran = CliRunner().invoke(app, ["compare", "quickstart", "--on", "ray"])
    assert isinstance(ran.exception, ConfigError)
    assert "pip install 'latentscape[ray]'" in str(ran.exception)


def test_another_version_of_ray_on_the_cluster_is_named():
    pytest.importorskip("ray")
    text = "Version mismatch: The cluster was started with:\n    Ray: 2.55.0\n    Python: 3.12.1"
    error = connection._cannot_connect("cluster:6379", RuntimeError(text))
    assert "Ray: 2.55.0" in str(error)
    assert "Expected Ray 2.60.0 and Python 3" in str(error)


def test_nodes_have_to_see_what_this_process_sees(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / ".mark"
    mark.touch()
    stores = [ResidentStore(np.arange(12, dtype=np.uint8).reshape(4, 3))]
    own = look(str(tmp_path), mark, stores)
    assert own == try_to_look(str(tmp_path), mark, stores)
    compare_seen("10.0.0.7", own, own, tmp_path)
    others = {
        "Node 10.0.0.7 of the cluster has PyTorch 1.0": (
            "versions",
            (own.versions[0], "PyTorch 1.0"),
        ),
        "does not see .* Give --runs such a folder": ("has_mark", False),
        "sees other data than this process": ("sums", ("another",)),
    }
    for message, (field, value) in others.items():
        seen = Seen(**{**vars(own), field: value})
        with pytest.raises((ConfigError, RunError), match=message):
            compare_seen("10.0.0.7", own, seen, tmp_path)
    changed = [ResidentStore(np.ones((4, 3), np.uint8))]
    assert look(str(tmp_path), mark, changed).sums != own.sums
    mark.unlink()
    assert not look(str(tmp_path), mark, stores).has_mark


def test_a_node_says_why_it_cannot_read(tmp_path):
    class Gone(ResidentStore):
        def take(self, index):
            raise FileNotFoundError("no such file: /data/images.npy")

    answer = try_to_look(str(tmp_path), tmp_path, [Gone(np.ones((4, 3), np.uint8))])
    assert isinstance(answer, RunError)
    assert "/data/images.npy" in str(answer)


class _Nodes(Cluster):
    """A cluster of nodes that nobody started."""

    def __init__(self, placement, *nodes):
        self._placement, self._nodes = placement, nodes

    def nodes(self):
        return list(self._nodes)


def _node(cores=8.0, gpus=0.0, memory=64e9):
    return Node("id", "10.0.0.7", cores, gpus, memory, 1e6)


@pytest.mark.parametrize(
    ("jobs", "nodes", "cores"),
    [(None, [8, 8], 1), (4, [8, 8], 4), (1, [8, 8], 8), (100, [8, 8], 1), (3, [8, 8], 5)],
)
def test_the_cores_of_a_work(jobs, nodes, cores):
    nodes = [_node(count) for count in nodes]
    assert _Nodes(Placement.of("ray", jobs=jobs), *nodes).share(jobs).cores == cores


@pytest.mark.parametrize(
    ("gpus", "nodes"), [(1, [_node()]), (0, [_node(memory=1e8)]), (0, []), (2, [_node(gpus=1)])]
)
def test_works_that_no_node_has_room_for_are_refused(gpus, nodes):
    cluster = _Nodes(Placement.of("ray", gpus_per_worker=gpus), *nodes)
    with pytest.raises(ConfigError, match="No node of the cluster has 1 core"):
        cluster.share(None)


def test_data_too_large_to_ship_are_refused_with_a_place_to_put_them(tmp_path, small):
    cluster = _Nodes(Placement.of("ray"), _node())
    with pytest.raises(ConfigError, match="folder that all nodes see, with numpy.save"):
        cluster.check(tmp_path, [small])
    cluster._ray = SimpleNamespace(cloudpickle=pickle)
    with pytest.raises(ConfigError, match="folder that all nodes see, with numpy.save"):
        cluster.check_sent(partial(latentscape.train, "vae-20", data=np.zeros(10**6)))
    cluster.check_sent(partial(latentscape.train, "vae-20", data="mnist"))


def test_whether_workers_have_to_wait_is_known():
    cluster = _Nodes(Placement.of("ray"), _node())
    cluster._ray = SimpleNamespace(available_resources=lambda: {"CPU": 4.0})
    assert cluster.has_free(Share(2), 2)
    assert not cluster.has_free(Share(2), 3)
    assert not cluster.has_free(Share(1, gpus=1.0), 1)


def test_what_there_is_is_said_in_a_line():
    cluster = _Nodes(Placement.of("ray"), _node(), _node(gpus=2))
    assert cluster.describe() == "2 nodes of Ray, 16 cores, 2 GPUs"


def test_numbers_of_a_cluster_need_one():
    runner = CliRunner()
    ran = runner.invoke(app, ["compare", "quickstart", "--gpus-per-worker", "1"])
    assert "Add --on ray" in str(ran.exception)
    ran = runner.invoke(app, ["compare", "quickstart", "--on", "elsewhere"])
    assert "Expected local, ray, or ray://HOST:PORT" in str(ran.exception)
