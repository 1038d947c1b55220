"""Searches whose trials are tasks of a cluster."""

import pytest

import latentscape
from latentscape.api.tuning.storage import check_shared
from latentscape.core.errors import ConfigError
from latentscape.parallel.cluster import Node

# Ray and what it imports warn of each other; users can do nothing about that.
pytestmark = pytest.mark.filterwarnings("ignore")
pytest.importorskip("optuna", reason="the extra tune is not installed")

HOW = {
    "changes": {
        "data.source": "mnist-5k",
        "data.train": 300,
        "data.test": 50,
        "train.epochs": 3,
        "train.batch_size": 50,
        "model.encoder.widths": [16],
    },
    "quiet": True,
}
SPACE = {"train.lr": "log(1e-4, 1e-2)", "model.latent.dim": [2, 4, 20]}


def points(findings):
    return [(t.number, t.state, t.params, t.value) for t in findings.members.search.trials]


def test_one_at_a_time_a_cluster_tries_the_points_of_this_process(
    ray_address, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    here = latentscape.tune("vae-20", SPACE, trials=3, folder="here", **HOW)
    there = latentscape.tune("vae-20", SPACE, trials=3, folder="there", on="ray", jobs=1, **HOW)
    assert points(there) == points(here)
    best = [*tmp_path.glob("*/*/best.yaml")]
    assert len({file.read_text() for file in best}) == 1


def test_a_file_of_sqlite_is_not_shared_between_machines():
    class Cluster:
        addresses = ("10.0.0.1", "10.0.0.1")

        def nodes(self):
            return [
                Node(str(n), address, 1, 0, 1e9, 1e9) for n, address in enumerate(self.addresses)
            ]

    check_shared("sqlite:////x/trials.db", Cluster())
    Cluster.addresses = ("10.0.0.1", "10.0.0.2")
    check_shared("postgresql://me@host/trials", Cluster())
    with pytest.raises(ConfigError, match="2 machines.*--storage"):
        check_shared("sqlite:////x/trials.db", Cluster())
