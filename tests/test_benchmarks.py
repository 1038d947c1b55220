"""What the benchmarks publish: the page is what was measured, and the works are the recipes."""

import importlib
import importlib.util
import json
import shutil
import sys
from dataclasses import asdict, replace
from hashlib import sha256
from math import inf, prod

import numpy as np
import pytest
from benchmarks import documents, growth
from benchmarks.contest import run_contest
from benchmarks.flops import training_flops
from benchmarks.gpu.page import FILES as GPU_FILES
from benchmarks.images import scenes
from benchmarks.processes import Measured
from benchmarks.quality import AIMS, OWN, PUBLISHED, SEARCHED, ahead, run_quality, seconds_to
from benchmarks.quality_page import draw_quality, quality
from benchmarks.results import write_report
from benchmarks.study import run_study
from benchmarks.study_page import study
from benchmarks.targets import TARGETS, slower
from benchmarks.works import CONTESTANTS, ESSENTIAL, LOWER, ROOT, WORKS, named

from latentscape.config import ConvConfig, MlpConfig, load_recipe


@pytest.fixture(scope="module")
def described():
    """The networks as the contestants build them."""
    spec = importlib.util.spec_from_file_location(
        "contestants_works", ROOT / "contestants" / "works.py"
    )
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module.WORKS


def test_the_page_says_what_was_measured(tmp_path):
    for name in ("results.json", "TRIED.md", *GPU_FILES.values()):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path)
    write_report(tmp_path)
    for name in ("RESULTS.md", *(figure.name for figure in tmp_path.glob("*.svg"))):
        assert (tmp_path / name).read_text("utf-8") == (ROOT / name).read_text("utf-8"), name


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.recipe)
def test_contestants_train_what_the_recipe_says(work, described):
    recipe, other = load_recipe(work.source), described[work.recipe]
    encoder, decoder = recipe.model.encoder, recipe.model.decoder
    if isinstance(encoder, ConvConfig):
        assert (other.down, other.up) == (encoder.channels, decoder.channels)
        assert decoder.output_norm == "batch"
    assert other.shape == work.shape
    assert other.code == recipe.model.latent.dim
    assert other.widths == (encoder.widths if isinstance(encoder, MlpConfig) else ())
    assert other.leaky == (encoder.activation == "leaky_relu")
    assert other.dropout == encoder.dropout
    assert other.glorot == (recipe.model.init.kind == "glorot_uniform")
    assert other.variational == (recipe.model.latent.kind == "gaussian")
    assert other.per_pixel == (recipe.objective.average == "pixel")
    assert work.batch_size == recipe.train.batch_size
    assert (recipe.train.optimizer, recipe.train.lr) == ("adam", 1e-3)


def test_scenes_are_the_same_however_many_are_drawn():
    few, more = scenes("train", 3), scenes("train", 300)
    assert more.shape == (300, 3, 64, 64)
    assert np.array_equal(few, more[:3])
    assert not np.array_equal(more[0], more[256])
    assert not np.array_equal(few, scenes("test", 3))
    assert sha256(few.tobytes()).hexdigest()[:16] == "105dd658e7654be1"


def test_every_contestant_has_its_script_and_pinned_requirements():
    for contestant in CONTESTANTS:
        assert (ROOT / "contestants" / f"{contestant.script}.py").is_file()
        if contestant.requirements:
            file = ROOT / "requirements" / f"{contestant.requirements}.txt"
            assert all("==" in line for line in file.read_text().splitlines() if line.strip())


@pytest.fixture
def contest(monkeypatch, tmp_path):
    """Hold a contest of two works whose trainings are made up, and count them."""
    trained = []

    def train(turn, images):
        threads, work, contestant = turn
        if contestant.name == "skorch" and "skorch" in trained:
            raise KeyboardInterrupt
        trained.append(contestant.name)
        seconds = [9.0, *(float(len(trained) + epoch) for epoch in range(work.epochs - 1))]
        return {"epoch_seconds": seconds, "peak_bytes": 1, "versions": {}, "test_loss": 0.5}

    monkeypatch.setattr("benchmarks.contest._trained", train)
    monkeypatch.setattr("benchmarks.contest.load_images", lambda work: {})
    monkeypatch.setattr("benchmarks.contest.measure_products", lambda device: {"float32": 1.0})
    names = ("Latentscape, float32", "skorch")
    contestants = [each for each in CONTESTANTS if each.name in names]

    def hold():
        return run_contest(WORKS[:1], contestants, (2, 1), tmp_path / "contest.json")

    return hold, trained


def test_a_contest_that_was_stopped_goes_on_and_keeps_one_run(contest, tmp_path):
    hold, trained = contest
    with pytest.raises(KeyboardInterrupt):
        hold()
    assert trained == ["Latentscape, float32", "skorch", "Latentscape, float32"]
    trained.remove("skorch")
    done = hold()
    assert trained == ["Latentscape, float32"] * 2 + ["skorch"]
    assert [(row["threads"], row["contestant"]) for row in done["rows"]] == [
        (threads, name) for threads in (2, 1) for name in ("Latentscape, float32", "skorch")
    ]
    assert not (tmp_path / "contest.json").exists()
    row = done["rows"][0]
    assert (row["seconds"], row["fastest"], row["slowest"], row["n"]) == (3.0, 1.0, 5.0, 5)
    assert row["first_epoch_seconds"] == 9.0


def test_works_are_timed_for_five_epochs_after_a_warm_up():
    assert all(work.epochs >= 6 for work in WORKS)
    assert all(work.images % (16 * work.batch_size) == 0 for work in WORKS)
    assert set(ESSENTIAL) <= {work.recipe for work in WORKS}


def test_each_peer_of_a_lower_precision_is_there_in_float32_too():
    lower = {each.script for each in CONTESTANTS if each.precision == LOWER}
    full = {each.script for each in CONTESTANTS if each.precision == "float32"}
    assert lower <= full
    assert {"latentscape_own", "pytorch_tuned", "keras_peer", "skorch_peer"} <= lower


def _row(contestant, precision, seconds, work="simple-20"):
    numbers = {"seconds": seconds, "images": 10, "threads": 2}
    return {"work": work, "contestant": contestant, "precision": precision, **numbers}


def test_contestants_are_compared_at_equal_precision(monkeypatch):
    rows = [
        _row("Latentscape", "bfloat16", 1.0),
        _row("Latentscape, float32", "float32", 2.0),
        _row("PyTorch, tuned, bfloat16", "bfloat16", 1.3),
        _row("skorch, bfloat16", "bfloat16", 1.9),
        _row("PyTorch, tuned", "float32", 2.2),
        _row("PyTorch, tuned", "float32", 3.0, "conv-bn"),
        _row("Latentscape, float32", "float32", 2.0, "conv-bn"),
    ]
    sections = {"contest": {"rows": rows}}
    assert slower(sections, rows[4]) == 1.1
    assert slower(sections, rows[4], "bfloat16") == 2.2
    monkeypatch.setattr("benchmarks.documents.load_results", lambda: sections)
    assert documents.equal_precision() == (
        "the fastest other program takes 1.3 times as long in bfloat16 on 2 cores and 1.1 to 1.5 "
        "times as long in float32 on 2 cores"
    )
    assert "| PyTorch, tuned | float32 | 2.20 | 1.1 × | 3.00 | 1.5 × |" in documents.contest()


def test_targets_of_the_step_are_ratios_in_one_precision():
    rows = [
        {**_row("Latentscape", "bfloat16", 1.0), "images_per_second": 1e5},
        _row("Latentscape, float32", "float32", 2.0),
        _row("PyTorch, tuned, bfloat16", "bfloat16", 1.7),
        _row("PyTorch, tuned", "float32", 2.2),
    ]
    limits = [{"float32": 200.0, "bfloat16": 400.0}]
    sections = {"contest": {"rows": rows, "limits": limits}}
    found = [target.row(sections)[2:] for target in TARGETS if "same precision" in target.what]
    assert found[:3] == [["1.70 ×", "met"], ["1.10 ×", "**missed**"], ["–", "not measured"]]
    [ratio] = [target.value(sections) for target in TARGETS if "share" in target.what]
    assert ratio == pytest.approx(training_flops("simple-20") * 1e5 / 400e9)


def _carry_out(script, tmp_path, monkeypatch, **job):
    """Let a contestant do a job in this process, and return its answer and its images."""
    generator, shape = np.random.default_rng(0), named(job["work"]).shape
    shape = shape[1:] if shape[0] == 1 else shape  # Grey images have no axis of channels.
    for name in ("train", "validation", "test"):
        np.save(tmp_path / f"{name}.npy", generator.integers(0, 256, (32, *shape), np.uint8))
    if "target" in job:
        job["validation"] = str(tmp_path / "validation.npy")
    job |= {name: str(tmp_path / f"{name}.npy") for name in ("train", "test")}
    job |= {"batch_size": 16, "lr": 1e-3, "seed": 0, "folder": str(tmp_path)}
    (tmp_path / "job.json").write_text(json.dumps(job))
    with monkeypatch.context() as patch:
        patch.syspath_prepend(ROOT / "contestants")
        patch.setattr(sys, "argv", [script, str(tmp_path / "job.json")])
        before = set(sys.modules)
        try:
            importlib.import_module(script).main()
        finally:
            for name in set(sys.modules) - before:
                if str(ROOT) in str(getattr(sys.modules[name], "__file__", "")):
                    del sys.modules[name]
    answer = json.loads((tmp_path / "answer.json").read_text())
    images = np.load(tmp_path / "reconstructions.npy")
    assert images.shape == (32, prod(named(job["work"]).shape))
    assert images.dtype == np.float32
    assert np.isfinite(images).all()
    return answer


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("work", ["vae-20", "conv-bn", "conv-vae-64"])
def test_the_tuned_script_trains_in_either_precision(work, precision, tmp_path, monkeypatch):
    job = {"work": work, "epochs": 2, "precision": precision}
    answer = _carry_out("pytorch_tuned", tmp_path, monkeypatch, **job)
    assert len(answer["epoch_seconds"]) == 2
    assert not answer["errors"]


def test_training_ends_once_validation_is_as_good_as_the_aim(tmp_path, monkeypatch):
    job = {"work": "elaborate-4", "epochs": 3, "precision": "float32", "every": 2}
    never, at_once = (
        _carry_out("pytorch_tuned", tmp_path, monkeypatch, **job, target=target)
        for target in (0.0, 1e6)
    )
    assert len(never["errors"]) == len(never["seconds"]) == 3  # Two steps in each epoch.
    assert never["seconds"] == sorted(never["seconds"])
    assert len(at_once["errors"]) == len(at_once["epoch_seconds"]) == 1
    assert at_once["errors"][0] == never["errors"][0]
    # An image of noise is about a twelfth away from grey in each of 784 numbers.
    assert 50 < at_once["errors"][0] < 90


@pytest.mark.parametrize("work", ["vae-20", "elaborate-4"])
def test_all_measure_the_validation_error_alike_and_end_there(work, tmp_path, monkeypatch):
    job = {"work": work, "epochs": 3, "precision": "float32", "every": 1, "target": 1e6}
    errors = [
        _carry_out(script, tmp_path, monkeypatch, **job)["errors"]
        for script in ("pytorch_tuned", "latentscape_quality")
    ]
    assert [len(each) for each in errors] == [1, 1]
    assert errors[0][0] == pytest.approx(errors[1][0], rel=0.1)


@pytest.fixture
def race(monkeypatch, tmp_path):
    """Measure times to quality of trainings that are made up, and list them."""
    trained = []
    epochs = {1e-3: 6, 2e-3: 3, 4e-3: 5}

    def carry_out(contestant, work, images, settings):
        if len(trained) == 4 and trained[-1] is not None:
            trained.append(None)
            raise KeyboardInterrupt
        is_own = contestant.name == "Latentscape"
        needed = 2 if is_own else epochs[settings["lr"]]
        length = min(needed, settings["epochs"])
        trained.append((contestant.name, settings["lr"], settings["seed"], length))
        errors = [99.0] * (length - 1) + [settings["target"] if length == needed else 98.0]
        seconds = [(1.0 + settings["seed"]) * check for check in range(1, length + 1)]
        answer = {"errors": errors, "seconds": seconds, "epoch_seconds": seconds}
        return {**answer, "test_loss": 66.0}

    monkeypatch.setattr("benchmarks.quality.carry_out", carry_out)
    parts = {part: np.zeros(3) for part in ("train", "validation", "test")}
    monkeypatch.setattr("benchmarks.quality._load_images", lambda: parts)
    return lambda: run_quality(AIMS[0], range(2), tmp_path), trained


def test_times_to_quality_go_on_after_a_stop_and_the_peer_has_its_best_rate(race, tmp_path):
    run, trained = race
    with pytest.raises(KeyboardInterrupt):
        run()
    section = run()
    trained.remove(None)
    assert len(trained) == len(set(trained)) == 3 + 2 * 3
    # The others are given up once they are no better.
    assert [(row["lr"], row["reached"]) for row in section["searches"]] == [
        (1e-3, True),
        (2e-3, True),
        (4e-3, False),
    ]
    assert [(row["seed"], row["entrant"], row["lr"]) for row in section["rows"]] == [
        (seed, name, lr)
        for seed in (0, 1)
        for name, lr in (
            ("Latentscape", None),
            ("PyTorch, tuned, best rate", 2e-3),
            ("PyTorch, tuned", 1e-3),
        )
    ]
    assert not (tmp_path / "simple-20.json").exists()
    rows = section["rows"]
    assert seconds_to(rows, OWN) == [2, 4]
    assert ahead(rows, SEARCHED) == 1.5
    works = {"simple-20": section}
    text, figure = quality(works), draw_quality(works)
    assert "| PyTorch, tuned | 0.001 | 9.00 | 6.00 … 12.0 | 3.00 |" in text
    searched = "0.001 (300 steps), 0.002 (150 steps) and 0.004 (not within 150 steps)"
    assert searched in " ".join(text.split())
    assert "2 of 2" in text
    assert figure.count("<svg") == 2


def test_a_missed_aim_is_not_a_time(race):
    run, _ = race
    with pytest.raises(KeyboardInterrupt):
        run()
    section = run()
    missed = [{**row, "reached": False} for row in section["rows"]]
    assert seconds_to(missed, PUBLISHED) == [inf, inf]
    assert ahead(missed, PUBLISHED) is None
    assert "not reached" in quality({"simple-20": {**section, "rows": missed}})


def test_aims_are_what_reference_projects_published_and_this_one_repeated():
    claims = {aim.recipe: aim for aim in AIMS}
    for name in ("simple-20", "elaborate-4"):
        assert claims[name].error == load_recipe(name).reported[0].value
    rows = json.loads((ROOT.parent / "results" / "ae-vs-cae.json").read_text("utf-8"))["rows"]
    [row] = [row for row in rows if row["label"].startswith("conv-bn") and "32" in row["label"]]
    assert claims["conv-bn"].error == round(row["numbers"]["nats"]["statistic"]["mean"], 1)


def test_growth_with_the_size_of_images_reads_results_from_before_it(tmp_path):
    base = growth.BASES["conv-bn"]
    rows = [{**asdict(base), "side": side, "seconds": side} for side in (56, 14)]
    before = {name: value for name, value in asdict(base).items() if name != "side"}
    others = {**before, "images": 5_000, "seconds": 1}
    found = growth.along([*rows, {**before, "seconds": 28}, others], "conv-bn", "side")
    assert [(row["side"], row["seconds"]) for row in found] == [(14, 14), (28, 28), (56, 56)]
    pixels = np.arange(growth.STORED * 784, dtype=np.uint8)
    pixels.tofile(tmp_path / "images")
    for side in (14, 28, 56):
        setting = replace(base, images=1_500, side=side)
        split = growth._load_split(setting, tmp_path / "images")
        (image,) = split.dataset.images.take(np.array([1_234]))
        expected = pixels.reshape(-1, 28, 28)[1_234]
        step = max(1, 28 // side)
        assert image.shape == (1, side, side)
        assert np.array_equal(
            image[0, :: max(1, side // 28), :: max(1, side // 28)], expected[::step, ::step]
        )


def test_a_study_has_the_script_take_the_steps_of_the_recipe(monkeypatch):
    orders = []

    def measure(order, folder, environment):
        jobs = [json.loads(file.read_text()) for file in order[2:]]
        for job in jobs:
            images = np.load(job["test"]) / 255
            np.save(f"{job['folder']}/reconstructions.npy", images.reshape(len(images), -1))
        orders.append(jobs)
        return Measured(6.0, 10**6, "", ())

    own = {"contestant": "Latentscape", "precision": "float32", "seconds": 6.0}
    own |= {"peak_bytes": 1, "test_loss": 60.0}
    monkeypatch.setattr("benchmarks.study.measure", measure)
    monkeypatch.setattr("benchmarks.study.interpreter", lambda contestant: sys.executable)
    monkeypatch.setattr("benchmarks.study._own", lambda *arguments: own)
    section = run_study((0.001, 0.003), 2)
    everything, *each = orders
    pairs = zip(everything, each, strict=True)
    assert all(one == {**job, **_places(one)} for one, [job] in pairs)
    assert [(job["lr"], job["seed"]) for job in everything] == [
        (rate, seed) for rate in (0.001, 0.003) for seed in (0, 1)
    ]
    job = everything[0]
    assert section["steps"] == job["epochs"] * -(-section["images"] // job["batch_size"])
    rows = [target.row({"study": section}) for target in TARGETS if "30 runs" in target.what]
    assert [row[2] for row in rows] == ["4.00 ×", "1.00 ×"]
    assert "4 runs of 1,539 steps" in " ".join(study(section).split())


def _places(job):
    return {name: job[name] for name in ("train", "test", "folder")}
