"""The benchmark of a GPU: a CPU goes through the same code; a GPU has to pass its checks."""

import json
import warnings
from dataclasses import replace

import pytest
import torch
from benchmarks.gpu import __main__ as script
from benchmarks.gpu import correctness, peers, speed
from benchmarks.gpu.page import CHECKS, gpu, load_gpu
from benchmarks.gpu.sizes import FULL, SMALL, sizes_for
from benchmarks.gpu.trainings import few_digits, images_of, prepared, train
from benchmarks.works import WORKS, named

from devices import needs_cuda
from latentscape.config import recipe_names

CPU = torch.device("cpu")
TINY = replace(SMALL, works=("simple-20",), images=300, epochs=2)


@pytest.fixture(autouse=True)
def nothing_beside(monkeypatch, tmp_path):
    """Let no full MNIST lie beside the checkout."""
    monkeypatch.setattr("benchmarks.gpu.trainings.ROOT", tmp_path / "checkout" / "benchmarks")


def test_a_gpu_is_checked_with_every_recipe_and_timed_with_every_work():
    assert FULL.recipes == tuple(recipe_names())
    assert FULL.works == tuple(work.recipe for work in WORKS)
    assert set(FULL.families) <= set(FULL.recipes)
    assert (FULL.images, FULL.models) == (60_000, (1, 8, 64))
    assert (sizes_for("cuda"), sizes_for("cpu")) == (FULL, SMALL)
    assert CHECKS.keys() < script.SECTIONS.keys()


def test_a_stopped_training_passes_and_another_one_does_not():
    (row,) = correctness.resume(replace(SMALL, families=("simple-20",)), CPU)
    assert row == {"what": "simple-20", "passed": True, "difference": 0.0}
    changes = {"train.epochs": 1, "train.batch_size": 330}
    first = train(*prepared("simple-20", few_digits(), changes), CPU)
    name, weight = next(iter(first.weights.items()))
    second = replace(first, weights={**first.weights, name: weight + 1})
    assert correctness._compared("it", first, first)["passed"]
    assert not correctness._compared("another", first, second)["passed"]


def test_the_first_losses_are_those_of_the_cpu():
    rows = list(correctness.losses(replace(SMALL, recipes=("simple-20",)), CPU))
    assert rows == [{"what": "simple-20", "passed": True, "difference": 0}]


def test_a_capture_that_fails_is_a_check_that_fails(monkeypatch):
    def warns(recipe, split, device):
        if recipe.train.engine == "auto":
            warnings.warn("Training goes on without a CUDA graph: no room", stacklevel=2)
        return trained

    changes = {"train.epochs": 1, "train.batch_size": 330}
    trained = train(*prepared("simple-20", few_digits(), changes), CPU)
    monkeypatch.setattr(correctness, "train", warns)
    row = correctness._same_by_both_engines("it", "simple-20", CPU, {})
    assert (row["passed"], row["difference"]) == (False, 0)
    assert row["failures"] == ["Training goes on without a CUDA graph: no room"]


def test_works_are_timed_for_latentscape_and_for_the_tuned_script():
    own = list(speed.epochs(TINY, CPU))
    theirs = list(peers.eager(TINY, CPU))
    assert {row["engine"] for row in own} == {"auto", "plain"}
    for row in (*own, *theirs):
        assert row["work"] == "simple-20"
        assert row["seconds"] > 0
        assert row["peak_bytes"] > 0
        assert torch.tensor(row["loss"]).isfinite()
        assert len(row["epoch_seconds"]) == 2
    # The smaller last batch is left out, which would be compiled anew.
    assert (own[0]["images"], theirs[0]["images"]) == (300, 256)


def test_digits_are_repeated_where_there_is_no_network():
    images = images_of(named("simple-20"), 9_000)
    assert images.shape == (9_000, 1, 28, 28)
    assert (images[:1000] == images[4_000:5_000]).all()


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Measure sections that are made up, and list which."""
    names, failing = [], set()

    def measure(name, device, seconds):
        names.append(name)
        failure = "ended with 1" if name in failing else None
        return {"date": "2026-11-30", "commit": "", "seconds": 1.0, "failure": failure, "rows": []}

    monkeypatch.setattr(script, "_in_a_process", measure)

    def run(asked=(), seconds=100.0):
        names.clear()
        script._measure_all(list(asked), CPU, seconds, tmp_path / "gpu-dry.json")
        return list(names)

    return run, failing, tmp_path / "gpu-dry.json"


def test_sections_that_are_done_are_kept_and_others_are_measured_again(measured, capsys):
    run, failing, file = measured
    assert run(seconds=1) == []
    failing.add("capture")
    assert run() == list(script.SECTIONS)
    failing.clear()
    assert run() == ["capture"]
    assert run() == []
    assert run(["many"]) == ["many"]
    assert "many: 100 s are left" in capsys.readouterr().out
    results = json.loads(file.read_text())
    results["circumstances"]["machine"]["processor"] = "another"
    file.write_text(json.dumps(results))
    assert run() == list(script.SECTIONS)


def _results(device, **sections):
    known = {"date": "2026-11-30", "commit": "", "seconds": 1.0, "failure": None}
    return {
        "circumstances": {
            "device": device,
            "machine": {"processor": "NVIDIA H200"},
            "torch": "2.13",
            "cuda": "13.0",
        },
        "sections": {name: {**known, "rows": rows} for name, rows in sections.items()},
    }


def test_the_page_says_what_a_gpu_was_expected_to_do(tmp_path):
    numbers = {"fastest": 0.02, "slowest": 0.03, "n": 5, "peak_bytes": 1e8, "batch_size": 128}
    epoch = {"work": "simple-20", "who": "Latentscape", "precision": "tf32", **numbers}
    results = _results(
        "cuda",
        resume=[{"what": "vae-20", "passed": True}, {"what": "vq-vae", "passed": False}],
        epochs=[
            {**epoch, "engine": "auto", "seconds": 0.024},
            {**epoch, "engine": "plain", "seconds": 0.5},
        ],
        many=[{"work": "simple-20", "models": n, "seconds": s} for n, s in ((1, 2.0), (64, 8.0))],
    )
    text = gpu(results)
    assert "On one NVIDIA H200, PyTorch 2.13, CUDA 13.0." in text
    assert "| 1 of 2 | vq-vae |" in text
    assert "batches of 128 | ≤ 25 ms | 24.0 ms | met |" in text
    assert "in times of one | ≤ 3 × | 4.00 × | **missed** |" in text
    assert "to 65.3 nats | ≤ 0.5 s | – | not measured |" in text
    assert "| simple-20 | Latentscape, not captured | tf32 | 0.500 |" in text
    dry = _results("cpu", losses=[{"what": "vae-20", "passed": True}], storage=[])
    dry["sections"]["storage"]["failure"] = "ended with 1"
    (tmp_path / "gpu-dry.json").write_text(json.dumps(dry))
    text_of_cpu = " ".join(gpu(load_gpu(tmp_path)).split())
    assert "It went through `losses`. It failed: `storage` ended with 1." in text_of_cpu
    assert "batches of 128 | ≤ 25 ms | – | not measured |" in text_of_cpu
    (tmp_path / "gpu.json").write_text(json.dumps(results))
    assert gpu(load_gpu(tmp_path)) == text


@needs_cuda
@pytest.mark.parametrize("section", CHECKS)
def test_a_cuda_device_passes(section):
    sizes = replace(FULL, recipes=FULL.families)
    rows = list(script.SECTIONS[section](sizes, torch.device("cuda")))
    assert [row["what"] for row in rows if not row["passed"]] == []
