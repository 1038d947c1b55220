"""Selections kept with a run, and the way back: labels that training and probes take."""

import json

import numpy as np
import pytest
from PIL import Image

import latentscape
from latentscape.api.exploring import open_exploration
from latentscape.cli import main
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.records import Dataset
from latentscape.explorer.gathering import Wanted
from latentscape.explorer.labels import (
    Labelled,
    Selection,
    keep_selection,
    label_file,
    read_labels,
    remove_selection,
)
from latentscape.explorer.selections import Selections
from latentscape.runs import Run, open_run


@pytest.fixture
def own(run, tmp_path):
    """A copy of a run, without selections, and what is kept of its data."""
    import shutil

    shutil.copytree(run.path, tmp_path / "run")
    (tmp_path / "run" / "labels.json").unlink(missing_ok=True)
    opened = open_run(tmp_path / "run")
    data = Labelled(fingerprint=opened.data.fingerprint, source="mnist-5k", count=5000)
    return opened, data


def keep(run, data, **rows):
    for name, of_name in rows.items():
        keep_selection(run, data, Selection(name=name, rows=of_name))


def command(capsys, monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["latentscape", *map(str, arguments)])
    with pytest.raises(SystemExit, match="^0$"):
        main()
    return capsys.readouterr().out


def test_selections_are_kept_in_order_replaced_and_removed(own):
    run, data = own
    keep(run, data, b=(1, 7), a=(0,))
    keep(run, data, b=(2,))
    kept = read_labels(Run(run.path)).of(data.fingerprint)
    assert [(one.name, one.rows) for one in kept.selections] == [("a", (0,)), ("b", (2,))]
    remove_selection(run, "a")
    with pytest.raises(RunError, match="'a'"):
        remove_selection(run, "a")
    remove_selection(run, "b")
    assert read_labels(run).datasets == ()


def test_those_of_other_data_stand_beside_them(own):
    run, data = own
    other = Labelled(fingerprint="f" * 64, source="other.npy", count=3)
    keep(run, data, a=(0,))
    keep(run, other, a=(2,), b=(1,))
    assert [one.source for one in read_labels(run).datasets] == ["mnist-5k", "other.npy"]
    remove_selection(run, "a", other.fingerprint)
    assert read_labels(run).of(data.fingerprint).get("a")
    assert [one.name for one in read_labels(run).of(other.fingerprint).selections] == ["b"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"datasets": []}',
        '{"schema": 99, "datasets": []}',
        '{"schema": 1, "datasets": [{}]}',
        '{"schema": 1, "datasets": [{"fingerprint": "f", "source": "x", "count": 1, '
        '"selections": [{"name": "a", "rows": [1]}]}]}',
        '{"schema": 1, "datasets": [{"fingerprint": "f", "source": "x", "count": 9, '
        '"selections": [{"name": "a", "rows": [1, 0]}]}]}',
    ],
)
def test_a_damaged_file_is_refused_and_stays(own, content):
    run, data = own
    label_file(run).write_text(content, encoding="utf-8")
    for attempt in (lambda: read_labels(run), lambda: keep(run, data, a=(0,))):
        with pytest.raises(RunError, match="labels.json"):
            attempt()
    assert label_file(run).read_text(encoding="utf-8") == content


def test_a_run_that_was_replaced_keeps_what_it_has(own, train, tmp_path):
    run, data = own
    keep(run, data, a=(0,))
    (run.path / "identity.json").write_text('{"id": "another"}', encoding="utf-8")
    with pytest.raises(RunError, match="replaced"):
        keep(run, data, b=(0,))
    assert len(read_labels(run).datasets[0].selections) == 1


def test_too_many_selections_are_refused(own, monkeypatch):
    run, data = own
    monkeypatch.setattr("latentscape.explorer.labels.MAX_SELECTIONS", 2)
    keep(run, data, a=(0,), b=(1,))
    keep(run, data, b=(2,))
    with pytest.raises(RunError, match="2 selections"):
        keep(run, data, c=(3,))


def test_examples_that_the_page_does_not_show_keep_their_name(run, without_networks):
    explored = open_exploration(run, Wanted(points=20, map="pca", in_file=False))
    page = Selections(explored)
    hidden = next(row for row in range(5000) if row not in explored.index)
    data = Labelled(fingerprint=explored.dataset.fingerprint, source="mnist-5k", count=5000)
    keep(run, data, a=tuple(sorted((hidden, int(explored.index[3])))))
    assert page.read("a")["points"] == [3]
    page.keep({"name": "a", "points": [4]})
    rows = read_labels(run).of(data.fingerprint).get("a").rows
    assert set(rows) == {hidden, int(explored.index[4])}
    page.remove("a")


def test_the_command_lists_exports_and_removes(own, capsys, monkeypatch, tmp_path):
    run, data = own
    assert "No selections" in command(capsys, monkeypatch, "labels", run.path)
    keep(run, data, seven=(3, 9), one=(4,))
    table = command(capsys, monkeypatch, "labels", run.path)
    assert "seven" in table
    out = tmp_path / "labels.csv"
    facts = json.loads(command(capsys, monkeypatch, "labels", run.path, "--out", out, "--json"))
    assert facts["file"] == str(out)
    assert facts["datasets"][0]["selections"][1] == {"name": "seven", "rows": [3, 9], "ids": None}
    assert out.read_text(encoding="utf-8") == "row,label\n3,seven\n4,one\n9,seven\n"
    out = tmp_path / "labels.npy"
    command(capsys, monkeypatch, "labels", run.path, "--out", out)
    texts = np.load(out)
    assert (len(texts), texts[3], texts[4], (texts != "").sum()) == (5000, "seven", "one", 3)
    assert "one" not in command(capsys, monkeypatch, "labels", run.path, "--remove", "one")


def test_what_is_ambiguous_is_not_exported(own, tmp_path):
    run, data = own
    out = tmp_path / "labels.csv"
    with pytest.raises(RunError, match="latentscape explore"):
        latentscape.labels(run, out=out)
    keep(run, data, a=(1, 2), b=(2,))
    with pytest.raises(RunError, match="Example 2 is in two selections, 'a' and 'b'"):
        latentscape.labels(run, out=out)
    with pytest.raises(ConfigError, match=r"\.csv"):
        latentscape.labels(run, remove="b", out=tmp_path / "labels.txt")
    with pytest.raises(RunError, match="dataset with selections called 'x'"):
        latentscape.labels(run, out=out, data="x")
    assert not out.exists()


def test_selections_of_other_data_are_exported_by_their_name(own, tmp_path):
    run, data = own
    out = tmp_path / "labels.csv"
    keep(run, Labelled(fingerprint="f", source="x.npy", count=9), b=(2,))
    latentscape.labels(run, out=out)
    assert "2,b" in out.read_text()
    keep(run, Labelled(fingerprint="e", source="y.npy", count=9), c=(3,))
    with pytest.raises(RunError, match="--data x.npy or --data y.npy"):
        latentscape.labels(run, out=out)
    latentscape.labels(run, out=out, data="y.npy")
    assert "3,c" in out.read_text()
    keep(run, data, a=(1,))
    latentscape.labels(run, out=out)
    assert "1,a" in out.read_text()


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_a_model_is_conditioned_on_names_that_were_given(own, tmp_path, suffix, fast, digits):
    """Select, export, train: the labels are the selections, of the same images."""
    run, data = own
    rows = {"odd one": tuple(range(0, 90, 3)), "=even": tuple(range(1, 90, 3))}
    keep(run, data, **rows)
    out = tmp_path / f"labels{suffix}"
    latentscape.labels(run, out=out)
    changes = {"data.labels": str(out), "model.condition": "label", "train.epochs": 1}
    trained = latentscape.train(
        "simple-20", data="mnist-5k", changes=changes, folder=tmp_path, quiet=True
    )
    split = latentscape.OpenRun(trained).split
    dataset = split.dataset
    assert dataset.label_names == ("=even", "odd one")
    chosen = sorted(rows["odd one"] + rows["=even"])
    assert np.array_equal(dataset.images, digits.images[chosen])
    assert [dataset.label_names[label] for label in dataset.labels] == [
        "odd one" if row in rows["odd one"] else "=even" for row in chosen
    ]
    assert latentscape.load(trained).config.condition == "label"
    (left_out,) = [one for one in trained.data.left_out if one.kind == "example"]
    assert (left_out.count, left_out.reason) == (5000 - 60, f"no label in {out.name}")
    if suffix == ".csv":
        check_second_round(trained, tmp_path, chosen)


@pytest.fixture
def halves(own, tmp_path):
    """A file of labels of half of the examples that a run was trained and tested on."""
    run, data = own
    split = latentscape.OpenRun(run).split
    rows = np.concatenate([split.train[::2], split.test[::2]])
    labels = split.dataset.labels
    for name, of_name in (("low", labels[rows] < 5), ("high", labels[rows] >= 5)):
        keep(run, data, **{name: tuple(sorted(rows[of_name].tolist()))})
    out = tmp_path / "labels.csv"
    latentscape.labels(run, out=out)
    return run, out, split


def test_a_probe_reads_names_that_were_given_and_its_result_is_not_kept(
    halves, capsys, monkeypatch
):
    run, out, split = halves
    arguments = ("probe", run.path, "--labels", out, "--probe", "knn", "-q", "--json")
    facts = json.loads(command(capsys, monkeypatch, *arguments))
    protocol = facts["rows"][0]["protocol"]
    counts = (len(split.train[::2]), len(split.test[::2]))
    assert (protocol["n_fitted"], protocol["n_scored"]) == counts
    assert facts["guessing"]["labels"] == 2
    assert [row["kind"] for row in facts["rows"]] == ["model", "pixels", "pca"]
    assert "probing" not in latentscape.RunFindings(run).parts


def test_codes_keep_the_division_of_the_run_and_the_labels_of_its_encoder(halves, tmp_path):
    run, out, split = halves
    comparison = latentscape.compare_codes(run, labels=out)
    whole = latentscape.compare_codes(run)
    for ours, theirs in zip(comparison.rows, whole.rows, strict=True):
        assert np.array_equal(ours.train, theirs.train[::2])
        assert np.array_equal(ours.test, theirs.test[::2])
        assert set(ours.labels("test").tolist()) == {0, 1}
    texts = np.array(split.dataset.label_names)[split.dataset.labels]
    again = latentscape.compare_codes(run, labels=texts)
    assert np.array_equal(again.rows[0].test, whole.rows[0].test)
    np.save(tmp_path / "y.npy", split.dataset.labels)
    again = latentscape.compare_codes(run, labels=tmp_path / "y.npy")
    assert np.array_equal(again.rows[0].labels("test"), split.dataset.labels[split.test])


def test_labels_that_a_probe_cannot_use_are_refused(halves, tmp_path):
    run, out, split = halves

    def refused(text, message):
        out.write_text("row,label\n" + text)
        with pytest.raises(DataError, match=message):
            latentscape.compare_codes(run, labels=out)

    refused("".join(f"{row},a\n" for row in split.train[:5]), "none of the test examples")
    refused("".join(f"{row},a\n" for row in split.test[:5]), "none of the train examples")
    refused("5000,a\n", "row 5,000 a label.*from 0 to 4,999")
    out.write_text("rows,labels\n")
    with pytest.raises(DataError, match="columns row and label"):
        latentscape.compare_codes(run, labels=out)
    with pytest.raises(DataError, match="5000 examples but 3 labels"):
        latentscape.compare_codes(run, labels=np.array(["a", "b", "c"]))


def check_second_round(run, tmp_path, rows):
    """Check that rows of data that are labelled already are those of the whole data."""
    dataset = latentscape.OpenRun(run).split.dataset
    data = Labelled(fingerprint=dataset.fingerprint, source="mnist-5k", count=len(dataset))
    keep(run, data, again=(5, 7))
    out = tmp_path / "again.csv"
    latentscape.labels(run, out=out)
    assert out.read_text() == f"row,label\n{rows[5]},again\n{rows[7]},again\n"
    with pytest.raises(ConfigError, match=r"\.csv"):
        latentscape.labels(run, out=tmp_path / "again.npy")
    split = latentscape.OpenRun(run).split
    some = [int(split.train[0]), int(split.test[0])]
    out.write_text(f"row,label\n{rows[some[0]]},x\n{rows[some[1]]},y\n")
    probed = latentscape.compare_codes(run, labels=out).rows[0]
    assert (probed.index("all").tolist(), probed.labels("all").tolist()) == (some, [0, 1])


def test_names_of_files_go_along_and_are_checked(tmp_path, train, digits):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(40):
        Image.fromarray(digits.images[number, 0]).save(folder / f"{number:02}.png")
    run = train("simple-20", str(folder), tmp_path, {"data.train": None, "data.test": None})
    dataset = latentscape.OpenRun(run).split.dataset
    data = Labelled(fingerprint=dataset.fingerprint, source=str(folder), count=40)
    keep(run, data, a=tuple(range(0, 20)), b=tuple(range(25, 40)))
    out = tmp_path / "labels.csv"
    latentscape.labels(run, out=out)
    lines = out.read_text().splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("row,id,label", "0,00.png,a", "39,39.png,b")
    again = latentscape.load_data(folder, changes={"labels": str(out)})
    assert (len(again), again.label_names) == (35, ("a", "b"))
    (folder / "03.png").rename(folder / "99.png")
    with pytest.raises(DataError, match=r"Row 3 .* is 04\.png, .* calls it 03\.png"):
        latentscape.load_data(folder, changes={"labels": str(out)})


def test_labels_take_the_place_of_a_column(tmp_path, train):
    rng = np.random.default_rng(0)
    table = tmp_path / "table.csv"
    lines = [",".join(map(str, [*rng.random(4).round(3), n % 2])) for n in range(60)]
    table.write_text("a,b,c,d,digit\n" + "\n".join(lines) + "\n")
    changes = {"data.labels": "digit", "data.train": None, "data.test": None, "data.range": [0, 1]}
    run = train("simple-20", str(table), tmp_path, changes)
    data = Labelled(fingerprint=run.data.fingerprint, source=str(table), count=60)
    keep(run, data, x=tuple(range(20)), y=tuple(range(20, 50)))
    out = tmp_path / "labels.csv"
    latentscape.labels(run, out=out)
    assert out.read_text().startswith("row,label,instead of digit\n0,x,\n")
    again = latentscape.load_data(table, changes={"labels": str(out), "range": [0, 1]})
    assert (again.shape, len(again), again.label_names) == ((4,), 50, ("x", "y"))
    assert [one.count for one in again.left_out if one.kind == "example"] == [10]


def test_a_whole_official_part_without_labels_is_no_part(tmp_path):
    images = np.arange(40 * 4, dtype=np.uint8).reshape(40, 4)
    data = Dataset("x", images, np.zeros(40, np.int64), ("0",), n_official_train=30)
    file = tmp_path / "labels.csv"

    def parts(rows):
        file.write_text("row,label\n" + "".join(f"{row},a{row % 2}\n" for row in rows))
        labelled = latentscape.load_data(data, changes={"labels": str(file)})
        return len(labelled), labelled.n_official_train

    assert parts([1, 2, 31]) == (3, 2)
    assert parts([31, 32, 33]) == (3, None)
    assert parts([1, 2, 3]) == (3, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,label\n1,a\n1,b\n", "two labels"),
        ("row,label\n-1,a\n", "row '-1'"),
        ("row,label\nx,a\n", "row 'x'"),
        ("row,label\n,a\n", "row ''"),
        ("row,label\n1,\n", "no example a label"),
        ("row,label\n", "no example a label"),
        ("row,label\n1,a\n5000,b\n", "row 5,000 a label, and mnist-5k has 5,000 rows"),
        ("rows,label\n1,a\n", "means nothing to mnist-5k"),
        ("", "means nothing to mnist-5k"),
    ],
)
def test_a_file_of_labels_that_makes_no_sense_is_refused(tmp_path, text, message):
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        latentscape.load_data("mnist-5k", changes={"labels": str(file)})


def test_a_file_of_labels_that_is_gone_is_named():
    with pytest.raises(DataError, match="There is no file gone.csv"):
        latentscape.load_data("mnist-5k", changes={"labels": "gone.csv"})


def test_data_in_memory_take_labels_by_row_too(tmp_path):
    file = tmp_path / "labels.tsv"
    file.write_text("row\tlabel\n2\tb\n0\ta\n\n3\t\n")
    values = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    labelled = latentscape.load_data(values, changes={"labels": str(file)})
    assert np.array_equal(labelled.images, values[[0, 2]])
    assert labelled.labels.tolist() == [0, 1]
    assert labelled.label_names == ("a", "b")
