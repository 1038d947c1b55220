"""Analysing runs and foreign codes: what is compared, what is kept, what is refused."""

import pickle
import shutil
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
import torch

import latentscape
import toys
from latentscape.analyses.anomalies.result import Anomalies
from latentscape.analyses.clusters.result import Clusters
from latentscape.analyses.comparison import Baselines, compare_codes
from latentscape.analyses.legibility.result import Legibility
from latentscape.analyses.neighbours.result import Neighbours
from latentscape.analyses.notes import protocols, skip_sentences
from latentscape.analyses.registry import analyses, analysis, choose_analyses, function_names
from latentscape.analyses.summaries import run_subject
from latentscape.api import analyzing
from latentscape.api.analyzing import analyze_codes
from latentscape.api.subjects import subject_json, subject_of
from latentscape.core import subsets
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.findings import MISSING_PACKAGE, Skip, take_arrays, to_json
from latentscape.evaluation.results import Evaluation
from latentscape.reporting.sentences import describe_supervision
from latentscape.runs import RunFindings, open_run
from latentscape.runs.store import findings_folder, part_file

SMALL = {
    "data.train": 300,
    "data.test": 100,
    "model.encoder.widths": [32],
    "train.epochs": 2,
    "train.snapshots": [1, 2],
}
QUICK = ("kmeans",)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return latentscape.train("simple-20", changes=SMALL, folder=folder, quiet=True)


@pytest.fixture
def comparison(run):
    return compare_codes(run)


@pytest.fixture(scope="module")
def labelled(digits):
    """Random codes that say something of the labels."""
    rng = np.random.default_rng(0)
    return np.eye(10)[digits.labels] + 0.2 * rng.standard_normal((len(digits), 10)), digits.labels


def arrays_of(part):
    return take_arrays(part)[1]


def files_of(run):
    """Return the bytes of every file of findings."""
    return {path.name: path.read_bytes() for path in findings_folder(run.path).iterdir()}


def test_baselines_stand_beside_the_model(comparison):
    assert [(row.name, row.kind, row.dim) for row in comparison.rows] == [
        ("simple-20", "model", 20),
        ("raw pixels", "pixels", 784),
        ("PCA, 20", "pca", 20),
    ]
    split = comparison.split
    for row in comparison.rows:
        assert [len(row.part(p)) for p in ("train", "validation", "test", "all")] == [
            *split.sizes.values(),
            sum(split.sizes.values()),
        ]
    images = torch.from_numpy(split.dataset.images[split.test])
    codes = latentscape.load(comparison.opened.run.path).encode(images).detach().numpy()
    assert np.array_equal(comparison.rows[0].test, codes)


def test_what_is_found_is_kept_with_the_run_and_only_the_asked_part_changes(run):
    latentscape.legibility(run)
    before = files_of(run)
    found = latentscape.cluster(run.path, methods=QUICK)
    kept = RunFindings(run).require(Clusters)
    assert to_json(kept) == to_json(found)
    arrays = arrays_of(kept)
    assert arrays.keys() == arrays_of(found).keys()
    for name, array in arrays_of(found).items():
        assert np.array_equal(arrays[name], array, equal_nan=True)
    after = files_of(run)
    others = {name for name in before if not name.startswith(Clusters.part)}
    assert {part_file(run.path, kind.part).name for kind in (Evaluation, Legibility)} <= others
    assert {name: after[name] for name in others} == {name: before[name] for name in others}


def test_evaluating_again_keeps_what_was_analysed(run):
    latentscape.cluster(run.path, methods=QUICK)
    latentscape.legibility(run.path)
    kinds = (Evaluation, Clusters, Legibility)
    before = RunFindings(run)
    arrays = {kind: arrays_of(before.require(kind)) for kind in kinds}
    facts = before.to_json()
    latentscape.evaluate(run.path)
    after = RunFindings(run)
    assert after.to_json() == facts
    assert {kind: arrays_of(after.require(kind)).keys() for kind in kinds} == {
        kind: of_kind.keys() for kind, of_kind in arrays.items()
    }


def test_fewer_clusters_leave_no_pictures_of_earlier_ones(run):
    latentscape.cluster(run.path, methods=QUICK)
    latentscape.cluster(run.path, methods=QUICK, k=3)
    assert len(RunFindings(run).require(Clusters).kmeans.pictures.means) == 3
    assert len([name for name in files_of(run) if name.startswith(Clusters.part)]) == 2


def test_a_reported_number_is_filled_in_once_it_was_measured_in_the_same_way(tmp_path):
    changes = {**SMALL, "model.latent.dim": 2}
    recipe = latentscape.load_recipe("dense-dropout").model_copy(update={"reported_on": "mnist-5k"})
    run = latentscape.train(recipe, changes=changes, folder=tmp_path, quiet=True)

    def obtained():
        subject = subject_of(run)
        claims = subject.rows[0].facts.claims
        assert subject_json(subject)["claims"] == [to_json(claim) for claim in claims]
        return {claim.metric: claim.obtained for claim in claims}

    assert set(obtained().values()) == {None}
    # More clusters than labels are purer, and are not what was reported.
    latentscape.cluster(run.path, methods=QUICK, k=50)
    assert obtained()["kmeans_accuracy"] is None
    clusters = latentscape.cluster(run.path, methods=QUICK)
    reading = latentscape.legibility(run.path).reading
    assert obtained() == {
        "kmeans_accuracy": clusters.kmeans.statistic("majority").mean,
        "probe_accuracy": None,
        "readable_of_16": reading.readable_of_16,
    }


def test_analysing_codes_does_all_that_applies_and_keeps_it(comparison, heard):
    parts = ("legibility", "neighbours", "anomalies")
    found = analyze_codes(comparison, parts=parts)
    assert heard.of("analysis") == list(found) == list(parts)
    assert [type(result) for result in found.values()] == [Legibility, Neighbours, Anomalies]
    kept = RunFindings(comparison.opened.run)
    for part in parts:
        result = kept.require(analysis(part).result)
        assert to_json(result) == to_json(found[part])
        assert analysis(part).is_current(result)
    assert not analysis("probing").is_current(kept.get(analysis("probing").result))


def test_of_codes_alone_only_what_needs_no_model_is_measured(labelled, heard, monkeypatch):
    comparison = compare_codes(codes={"z": labelled[0][:200]}, labels=labelled[1][:200])
    monkeypatch.setattr("latentscape.api.analyzing.measure", lambda item, comparison: item)
    analyze_codes(comparison)
    assert heard.of("analysis")
    assert not any(analysis(part).needs_model for part in heard.of("analysis"))


def test_of_large_data_drawn_examples_are_analysed_and_every_result_says_so(
    run, tmp_path, monkeypatch, capsys
):
    shutil.copytree(run.path, tmp_path / "run")
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 80)
    comparison = compare_codes(tmp_path / "run")
    assert comparison.split.sizes == {"train": 80, "validation": 30, "test": 80}
    for name in ("clustering", "neighbours"):
        item = analysis(name)
        result = analyzing.measure(item, comparison, item.quick_look and item.quick_look.settings)
        assert result.drawn.parts() == {"train": (80, 300), "test": (80, 100)}
        item.print_table(result)
        said = "On 80 drawn of 300 training examples and 80 drawn of 100 test examples."
        assert said in " ".join(capsys.readouterr().out.split())
        assert said in protocols(item, run_subject(RunFindings(open_run(tmp_path / "run"))).rows)
        assert RunFindings(open_run(tmp_path / "run")).get(item.result).drawn == result.drawn


def test_of_small_data_all_examples_are_analysed(comparison):
    assert comparison.baselines.drawn is None
    assert analyzing.measure(analysis("neighbours"), comparison).drawn is None


def test_a_result_of_other_settings_is_not_current(run):
    latentscape.cluster(run.path, methods=QUICK)
    assert not analysis("clustering").is_current(RunFindings(run).require(Clusters))


def test_what_a_package_was_missing_for_is_done_again(comparison):
    item = analysis("legibility")
    result = item.measure(comparison, item.settings(), item.inputs())
    assert item.is_current(result)
    detail = {"command": "pip install 'latentscape[maps]'"}
    skips = (Skip(item="Legibility was", reason=MISSING_PACKAGE, detail=detail),)
    assert not item.is_current(result.model_copy(update={"skipped": skips}))


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_codes_alone_come_from_files(tmp_path, labelled, suffix):
    codes, labels = labelled
    file = tmp_path / f"z{suffix}"
    if suffix == ".npy":
        np.save(file, codes)
        np.save(tmp_path / "y.npy", labels)
        comparison = compare_codes(codes={"z": file}, labels=tmp_path / "y.npy")
    else:
        write_table(file, codes, label=labels)
        comparison = compare_codes(codes={"z": file})
    (row,) = latentscape.cluster(comparison, methods=QUICK).rows
    assert (row.name, row.kind, row.dim) == ("z", "other", 10)
    assert row.partition("kmeans").agreement.hungarian > 0.95


def test_labels_lie_in_a_file_beside_a_table(tmp_path, labelled):
    codes, labels = labelled
    write_table(tmp_path / "z.parquet", codes)
    np.save(tmp_path / "y.npy", labels)
    row = compare_codes(codes={"z": tmp_path / "z.parquet"}, labels=tmp_path / "y.npy").rows[0]
    assert row.label_names == tuple("0123456789")
    assert row.dim == 10


def write_table(file, codes, **columns):
    import pyarrow
    from pyarrow import parquet

    named = {f"c{i}": column for i, column in enumerate(codes.T)} | columns
    parquet.write_table(pyarrow.table(named), file)


def test_codes_arrays_and_functions_stand_beside_a_run(run, digits, labelled):
    def thirds(images):
        return images.reshape(len(images), -1)[:, ::3] / 255

    comparison = compare_codes(run, codes={"mine": labelled[0], "thirds": thirds})
    rows, split = comparison.rows, comparison.split
    names = ["simple-20", "raw pixels", "PCA, 20", "PCA, 10", "PCA, 262", "mine", "thirds"]
    assert [row.name for row in rows] == names
    assert np.allclose(rows[5].test, labelled[0][split.test], atol=1e-6)
    assert np.allclose(rows[6].train, thirds(digits.images[split.train]), atol=1e-6)


def test_codes_of_data_have_its_baselines_and_its_images(digits, labelled):
    comparison = compare_codes(codes={"mine": labelled[0]}, data=digits)
    assert [row.name for row in comparison.rows] == ["raw pixels", "PCA, 10", "mine"]
    assert comparison.split.dataset.fingerprint == digits.fingerprint


def test_codes_without_labels_are_clustered_and_not_scored(labelled):
    found = latentscape.cluster(compare_codes(codes={"z": labelled[0]}), methods=QUICK, k=4)
    partition = found.rows[0].partition("kmeans")
    assert partition.agreement is None
    assert sum(partition.sizes) == 1000
    assert "no_labels" in [skip.reason for skip in found.skips()]


def test_shared_baselines_are_measured_once(run):
    baselines, measured = Baselines(compare_codes(run).split), []
    for _ in range(2):
        comparison = compare_codes(run, baselines=baselines)
        found = comparison.each("a", lambda codes: measured.append(codes.name) or codes)
        assert [row.name for row in found] == [row.name for row in comparison.rows]
    assert measured == ["simple-20", "raw pixels", "PCA, 20", "simple-20"]


REFUSED = [
    ({}, ConfigError, "nothing to look at"),
    ({"codes": {"z": np.ones((7, 2))}, "labels": np.arange(6)}, DataError, "6 labels.*7|7.*6"),
    ({"codes": {"z": np.full((9, 2), np.nan)}}, DataError, "NaN|not finite"),
    ({"codes": {"z": len}}, DataError, "z is a function"),
    ({"codes": {"z": "nowhere.npy"}}, DataError, "nowhere.npy"),
]


@pytest.mark.parametrize(("given", "error", "message"), REFUSED)
def test_what_does_not_go_together_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        compare_codes(**given)


def test_codes_of_another_length_than_the_data_are_refused(run, digits):
    bad = np.ones((5000, 2))
    bad[4, 1] = np.inf
    for source in ({"run": run}, {"data": digits}):
        with pytest.raises(DataError, match=r"z has 4,999 codes, and there are 5,000 examples"):
            compare_codes(**source, codes={"z": np.ones((4999, 2))})
        with pytest.raises(DataError, match=r"1 of 5,000 codes of z are not finite"):
            compare_codes(**source, codes={"z": bad})


def test_labels_and_data_of_a_run_are_those_of_its_examples(run):
    with pytest.raises(DataError, match="examples but 3 labels"):
        compare_codes(run, labels=np.arange(3))
    with pytest.raises(DataError, match="have changed"):
        compare_codes(run, data="digits")


def test_only_models_reconstruct_and_have_anomalies(labelled):
    comparison = compare_codes(codes={"z": labelled[0]}, labels=labelled[1])
    with pytest.raises(ConfigError, match="no legibility"):
        latentscape.legibility(comparison)
    with pytest.raises(ConfigError, match="no anomalies"):
        latentscape.anomalies(comparison)


def test_an_unknown_part_is_named(comparison):
    with pytest.raises(ConfigError, match="clustering"):
        analyze_codes(comparison, parts=["clusters"])


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="not a run"):
        latentscape.cluster(tmp_path)


def test_anomalies_of_other_data_are_returned_and_not_kept(run, digits):
    latentscape.anomalies(run)
    before = files_of(run)
    others = latentscape.Dataset(
        "others", digits.images[:30], digits.labels[:30], digits.label_names
    )
    found = latentscape.anomalies(run, data=others, normal=["0"])
    assert (found.data, found.normal, len(found.index)) == ("others", ("0",), 30)
    assert files_of(run) == before


def test_a_run_on_some_labels_takes_the_others_for_anomalies(tmp_path, digits):
    changes = {**SMALL, "data.train_labels": ["0"], "data.train": 100}
    run = latentscape.train("simple-20", changes=changes, folder=tmp_path, quiet=True)
    assert latentscape.anomalies(run).auroc("reconstruction") > 0.5
    # Data with other labels need no normal one.
    others = latentscape.Dataset("others", digits.images[:9], np.zeros(9, np.int64), ("shoe",))
    assert latentscape.anomalies(run, data=others).normal is None
    assert "'0' alone" in describe_supervision(RunFindings(run).supervision)


def test_a_supervised_run_says_so_beside_every_part(tmp_path):
    run = latentscape.train("cond-vae", changes=SMALL, folder=tmp_path, quiet=True)
    latentscape.cluster(run, methods=QUICK)
    latentscape.legibility(run)
    rows = subject_of(run).rows
    for part in ("clustering", "legibility"):
        assert "every test number gives it the true label" in protocols(analysis(part), rows)


def test_a_new_point_is_placed_on_the_map_that_a_run_keeps(run):
    with pytest.raises(RunError, match="No map.*latentscape project"):
        latentscape.place(run, data="mnist-5k")
    maps = latentscape.project(run, methods=["pca"], points=50)
    codes = compare_codes(run).rows[0].test[:1]
    assert latentscape.place(run.path, codes=codes, method="pca").shape == (1, 2)
    assert len(maps.points) == 50


def test_analyze_codes_takes_a_run_too(run):
    assert analyze_codes(run, parts=["legibility"]).keys() == {"legibility"}
    with pytest.raises(ConfigError, match="have their data and their device"):
        latentscape.legibility(latentscape.compare_codes(run), device="cpu")


def test_functions_of_analyses_can_be_sent_to_other_processes():
    for name in function_names():
        assert pickle.loads(pickle.dumps(getattr(latentscape, name))) is getattr(latentscape, name)


def test_a_file_that_is_being_written_is_no_part(run):
    before = RunFindings(run).parts
    half = run.path / "findings" / ".legibility-0a1b2c3d.json"
    half.write_text('{"content"')
    assert RunFindings(run).parts == before
    assert RunFindings(run).to_json()
    half.unlink()


OLD_NAMES = (
    "Findings",
    "gather_codes",
    "measure_likelihood",
    "measure_quality",
    "show_recipe",
)


@pytest.mark.parametrize("name", OLD_NAMES)
def test_names_of_the_version_before_work_and_warn(name):
    with pytest.warns(DeprecationWarning, match=f"latentscape.{name} is now latentscape"):
        assert callable(getattr(latentscape, name))


def test_a_quick_look_says_what_it_leaves_out(run, tmp_path):
    copy = open_run(shutil.copytree(run.path, tmp_path / "copy"))
    for part in ("clustering", "legibility"):
        part_file(copy.path, part).unlink(missing_ok=True)
    latentscape.analyze(copy, parts=["clustering", "legibility"], quick=True, quiet=True)
    findings = RunFindings(copy)
    clusters = findings.require(Clusters)
    assert clusters.settings.methods == ("kmeans",)
    item = analysis("clustering")
    assert skip_sentences(item, clusters) == [
        "Gaussian mixtures, agglomerative clustering and UMAP were left out, as --quick asks."
    ]
    assert not item.is_current(clusters)
    assert findings.get(Legibility) is None


def test_a_quick_look_replaces_no_result_of_other_settings(run, tmp_path):
    copy = open_run(shutil.copytree(run.path, tmp_path / "copy"))
    before = latentscape.cluster(copy, methods=("kmeans",), k=3, quiet=True)
    latentscape.analyze(copy, parts=["clustering"], quick=True, quiet=True)
    assert RunFindings(copy).require(Clusters).settings == before.settings


def test_a_quick_look_replaces_no_full_result(run, tmp_path, heard):
    copy = open_run(shutil.copytree(run.path, tmp_path / "copy"))
    latentscape.analyze(copy, parts=["neighbours"])
    latentscape.analyze(copy, parts=["neighbours"], quick=True)
    assert heard.of("analysis") == ["neighbours"]


@pytest.mark.parametrize("item", list(analyses()), ids=lambda item: item.name)
def test_a_quick_look_asks_for_no_more_than_all(item):
    look = item.quick_look
    assert look is None or isinstance(look.settings, item.settings)
    # Where something is left out it says so, and the result does not count as the whole.
    if look is not None:
        assert bool(look.left_out) == (look.settings != item.settings())


def test_analyses_side_by_side_are_works_of_their_own(run, tmp_path, monkeypatch):
    """As they come out of a process: `tests.test_workers` has real ones."""
    done = []

    def call_here(what, calls, jobs, threads, **progress):
        for number, call in enumerate(calls):
            pickle.loads(pickle.dumps(call)).function()
            done.append(call.name)
            future = Future()
            future.set_result(None)
            yield number, future

    monkeypatch.setattr("latentscape.api.analyzing.call_together", call_here)
    parts = ["neighbours", "anomalies"]
    alone, together = (
        open_run(shutil.copytree(run.path, tmp_path / name / run.name)) for name in ("1", "2")
    )
    latentscape.analyze(alone, parts=parts, quiet=True)
    latentscape.analyze(together, parts=parts, jobs=2, quiet=True)
    assert done == ["anomalies", "neighbours"]  # The longest first.
    for part in parts:
        kind = analysis(part).result
        one, other = (RunFindings(copy).require(kind) for copy in (alone, together))
        assert to_json(one) == to_json(other)


def test_processes_are_for_what_takes_long(run, monkeypatch):
    monkeypatch.setattr(analyzing, "count_threads", lambda: 2)
    findings = {run.path: RunFindings(run)}
    work = [(run, item) for item in choose_analyses()]
    assert analyzing._choose_jobs(work, findings, "cpu", quick=False) == 2
    assert analyzing._choose_jobs(work[-1:], findings, "cpu", quick=False) == 1
    monkeypatch.setattr(analyzing, "available_memory", lambda: 1.5e9)
    assert analyzing._choose_jobs(work, findings, "cpu", quick=False) == 1


@pytest.mark.parametrize(
    ("most", "gains", "threads"), [(1 << 23, False, 1), (1 << 23, True, 2), (1000, False, 2)]
)
def test_few_examples_are_analysed_on_one_thread(comparison, monkeypatch, most, gains, threads):
    def measure(item, *_):
        seen.append(torch.get_num_threads())
        return item.result()

    seen = []
    item = toys.named("threads", gains_from_threads=gains, measure=measure, row_metrics=())
    monkeypatch.setattr(analyzing, "MAX_SERIAL_VALUES", most)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        analyzing.measure(item, replace(comparison, opened=None))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [threads]
