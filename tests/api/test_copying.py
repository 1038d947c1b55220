"""Runs and data at URLs: sent, read where they are, and copied back to the same bytes."""

import io
import shutil

import fsspec
import numpy as np
import pytest
from typer.testing import CliRunner

import latentscape
from latentscape.api.copying import copy_runs
from latentscape.api.removing import remove_runs
from latentscape.cli import app
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.fetched import SUMS
from latentscape.runs import RunFindings
from stores import Faulty, s3_server

SMALL = {"data.train": 60, "data.test": 20, "train.epochs": 1, "model.encoder.widths": [8]}
STUDY = latentscape.Study(
    name="few",
    as_published=True,
    entries=({"recipe": "simple-20", "set": SMALL},),
    axes={"train.lr": (0.001, 0.002)},
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(Faulty, "store", {})
    monkeypatch.setattr(Faulty, "pseudo_dirs", [""])
    return fsspec.filesystem("faulty")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    latentscape.compare(STUDY, data="digits", folder=folder, quiet=True)
    return folder


@pytest.fixture
def run(folder):
    return latentscape.open_run(folder / "simple-20-lr-0.001-digits-0")


def content(folder):
    """Return the bytes of all files of a run, by their names."""
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*")}
    return {
        name: file.read_bytes()
        for name, file in files.items()
        if file.is_file() and file.name != SUMS
    }


def archive():
    """Return the bytes of a file of 80 images."""
    file = io.BytesIO()
    images = np.random.default_rng(0).integers(0, 256, (80, 8, 8), np.uint8)
    np.savez(file, images=images, labels=np.arange(80) % 4)
    return file.getvalue()


def test_a_run_is_read_at_a_url_and_comes_back_to_the_byte(run, store, tmp_path):
    command = ["runs", "copy", str(run.path), "--to", "faulty://bucket/runs"]
    url = f"faulty://bucket/runs/{run.name}"
    assert CliRunner().invoke(app, command).output.splitlines() == [url]
    ours, theirs = latentscape.load(run).state_dict(), latentscape.load(url).state_dict()
    assert all(ours[name].equal(theirs[name]) for name in ours)
    assert CliRunner().invoke(app, ["report", url]).output.strip().endswith("/report.html")
    assert CliRunner().invoke(app, ["runs", "show", url]).exit_code == 0
    assert copy_runs([url], tmp_path / "back") == [str(tmp_path / "back" / run.name)]
    back = content(tmp_path / "back" / run.name)
    assert {name: back[name] for name in content(run.path) if name != "report.html"} == {
        name: value for name, value in content(run.path).items() if name != "report.html"
    }


def test_what_is_there_already_is_left_or_refused_or_replaced(run, store, tmp_path):
    changed = tmp_path / "other" / run.name
    shutil.copytree(run.path, changed)
    (changed / "notes.txt").write_text("Tried again.")
    for place in ("faulty://bucket/runs", tmp_path / "runs"):
        assert copy_runs([run], place) == copy_runs([run], place)
        with pytest.raises(RunError, match="There is something else at .* already.*--overwrite"):
            copy_runs([changed], place)
        copy_runs([changed], place, overwrite=True)
        copy_runs([run], place, overwrite=True)
    assert content(tmp_path / "runs" / run.name) == content(run.path)
    assert not [name for name in store.find("/bucket") if name.endswith("notes.txt")]


def test_a_study_brings_its_runs(folder, store, tmp_path):
    sent = copy_runs([folder / "few-digits"], "faulty://bucket/runs")
    names = {place.rpartition("/")[2] for place in sent}
    assert names == {file.name for file in folder.iterdir()}
    with pytest.raises(
        RunError, match="is a study.*latentscape runs copy faulty://bucket/runs/few"
    ):
        latentscape.report("faulty://bucket/runs/few-digits")
    copy_runs(["faulty://bucket/runs/few-digits"], tmp_path / "back")
    assert latentscape.report(tmp_path / "back" / "few-digits").is_file()


def test_what_is_not_finished_or_no_run_is_not_copied(run, store, tmp_path):
    begun = tmp_path / run.name
    shutil.copytree(run.path, begun)
    (begun / "model.safetensors").unlink()
    with pytest.raises(RunError, match="is not finished"):
        copy_runs([begun], "faulty://bucket/runs")
    with pytest.raises(RunError, match="is not a run"):
        copy_runs([tmp_path], "faulty://bucket/runs")


def test_a_run_that_was_sent_in_part_is_refused(run, store, monkeypatch):
    def fail(self, *arguments):
        raise OSError("the connection was reset")

    with monkeypatch.context() as patch:
        patch.setattr(Faulty, "pipe_file", fail)
        with pytest.raises(RunError, match="cannot be written: the connection was reset"):
            copy_runs([run], "faulty://bucket/runs")
    with pytest.raises(RunError, match="has not been sent whole"):
        latentscape.load(f"faulty://bucket/runs/{run.name}")


def test_what_is_written_while_it_changes_has_to_be_in_a_folder(run, store):
    url = "faulty://bucket/runs"
    with pytest.raises(ConfigError, match=f"runs copy RUN --to {url}"):
        latentscape.train("simple-20", data="digits", folder=url)
    with pytest.raises(ConfigError, match="A study cannot be written"):
        latentscape.compare(STUDY, folder=url)
    with pytest.raises(ConfigError, match="A run that goes on"):
        latentscape.resume(f"{url}/{run.name}")
    with pytest.raises(ConfigError, match="cannot be written to faulty://bucket/runs/z.npy"):
        latentscape.embed(run, "digits", f"{url}/z.npy")
    with pytest.raises(RunError, match="is not removed from here"):
        remove_runs([f"{url}/{run.name}"])


def test_data_at_a_url_are_those_of_a_file(store, tmp_path):
    """Their run knows the URL, and finds them there again."""
    store.pipe_file("/bucket/images.npz", archive())
    url = "faulty://bucket/images.npz"
    run = latentscape.train(
        "simple-20", data=url, epochs=1, folder=tmp_path, changes=SMALL, quiet=True
    )
    assert (run.data.origin, run.recipe.data.source, run.name) == (url, url, "simple-20-images-0")
    (tmp_path / "images.npz").write_bytes(archive())
    data = latentscape.load_data(tmp_path / "images.npz")
    assert run.data.fingerprint == data.fingerprint
    assert isinstance(latentscape.evaluate(run, quiet=True), RunFindings)
    store.pipe_file("/bucket/images.npz", archive()[:-40])
    with pytest.raises(DataError):
        latentscape.evaluate(run, quiet=True)


# Clients of S3 leave connections to be closed when they are no longer used.
@pytest.mark.filterwarnings("ignore")
def test_a_server_of_s3_is_read_and_written(run, tmp_path, monkeypatch):
    with s3_server(monkeypatch) as store:
        store.pipe_file("bucket/images.npz", archive())
        for number in range(2):
            store.pipe_file(f"bucket/labels/{number}.txt", b"7")
        assert len(latentscape.load_data("s3://bucket/images.npz")) == 80
        [url] = copy_runs([run], "s3://bucket/runs")
        assert latentscape.load(url).latent_dim == 20
        copy_runs([url], tmp_path / "back")
        assert content(tmp_path / "back" / run.name) == content(run.path)
        with pytest.raises(DataError, match="The specified bucket does not exist"):
            latentscape.load_data("s3://no-bucket/images.npz")
        with pytest.raises(RunError, match="The specified bucket does not exist"):
            copy_runs([run], "s3://no-bucket/runs")
        type(store).clear_instance_cache()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(DataError, match="Unable to locate credentials.*AWS_PROFILE"):
            latentscape.load_data("s3://bucket/images.npz")
