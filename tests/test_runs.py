import struct
import zipfile

import numpy as np
import pytest
import yaml

from latentscape.api.experiment import describe_split, prepare
from latentscape.config import load_recipe
from latentscape.core.errors import RunError
from latentscape.core.records import Findings
from latentscape.runs import (
    create_run,
    list_runs,
    load_model,
    open_run,
    read_findings,
    write_findings,
)


@pytest.fixture
def run(tmp_path, small):
    recipe = prepare(load_recipe("simple-20"), small)
    return create_run(tmp_path / "run", recipe, describe_split(small), {"python": "3"})


def test_a_run_reads_back_what_was_written(run, small):
    again = open_run(run.path)
    assert again.recipe == prepare(load_recipe("simple-20"), small)
    assert again.data["sizes"] == {"train": 500, "validation": 50, "test": 100}
    assert again.environment == {"python": "3"}
    assert again.history == []
    assert not again.finished
    assert yaml.safe_load((run.path / "recipe.yaml").read_text())["name"] == "simple-20"


def test_an_existing_run_is_not_overwritten_silently(run, small):
    arguments = (run.path, run.recipe, run.data, {})
    with pytest.raises(RunError, match="--overwrite"):
        create_run(*arguments)
    create_run(*arguments, overwrite=True)


def test_overwriting_loses_nothing_when_the_new_run_cannot_be_written(run, monkeypatch):
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("latentscape.core.files.os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        create_run(run.path, run.recipe, run.data, {}, overwrite=True)
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before
    assert [path.name for path in run.path.parent.iterdir()] == ["run"]


def test_a_name_that_no_file_system_takes(run):
    with pytest.raises(RunError, match="could not be written"):
        create_run(run.path.with_name("x" * 300), run.recipe, run.data, {})


def test_only_a_run_is_ever_removed(tmp_path, run):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="exists already"):
        create_run(precious, run.recipe, run.data, {}, overwrite=True)
    assert (precious / "thesis.txt").exists()


def test_runs_are_listed(run):
    assert [found.name for found in list_runs(run.path.parent)] == ["run"]
    assert list_runs(run.path.parent / "absent") == []


def test_what_is_not_a_run(tmp_path, run):
    with pytest.raises(RunError, match="Some that are: .*run"):
        open_run(tmp_path / "rum")
    with pytest.raises(RunError, match="--resume"):
        load_model(run.path)


@pytest.mark.parametrize("name", ["recipe.yaml", "data.json", "environment.json", "history.jsonl"])
@pytest.mark.parametrize("content", [b"{[", b"[" * 9999, b"\xff\xfe", b"[1, 2]", b"3", b'"a"'])
def test_damaged_files_of_a_run_are_named(run, name, content):
    (run.path / name).write_bytes(content)
    with pytest.raises(RunError, match=rf"{name} is damaged"):
        _ = run.recipe, run.data, run.environment, run.history


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.json", '{"name": "d"}', "it has no origin"),
        ("data.json", '{"name": 3}', "its name is of type int"),
        ("data.json", '{"name": %s}' % ("9" * 9999), "it is not JSON"),
        ("history.jsonl", '{"epoch": 1}\n', "it has no lr"),
        ("history.jsonl", "{}\n\n", "it has no epoch"),
        ("events.jsonl", '{"epoch": null}', "its epoch is of type NoneType"),
    ],
)
def test_records_that_lack_what_is_looked_up_are_refused(run, name, content, message):
    (run.path / name).write_text(content)
    with pytest.raises(RunError, match=rf"{name} is damaged: {message}"):
        _ = run.data, run.history, run.events


YAML_BOMB = "a: &a [x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{name}'] * 9)}]\n"
    for name, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (YAML_BOMB, "aliases"),
        ("a: &a {x: 1}\nb: {<<: [*a, *a]}", "aliases"),
        ("&a [*a]", "aliases"),
        ("name: " + "x" * 200_000, "far too large"),
        ("name: x\nmodel: 0x" + "f" * 9000, "damaged"),
        ("!!int ''", "damaged"),
        ("!!timestamp x", "damaged"),
        ("!!python/object/apply:os.system ['false']", "damaged"),
        ("? [a]\n: b", "damaged"),
        ('{"name": "x", "\\ud800": 1}', r"unable to parse .* as a unicode string"),
        ('{"name": "x", "\\e[2J": 1}', r"unknown key \?\[2J"),
        ("name: x", "recipe, model: Field required"),
    ],
)
def test_hostile_recipes_are_refused(run, content, message):
    (run.path / "recipe.yaml").write_text(content)
    with pytest.raises(RunError, match=message) as caught:
        _ = run.recipe
    assert len(str(caught.value)) < 700


def test_a_run_is_opened_by_a_path_that_exists(tmp_path):
    for name in ("x" * 300, "nul\0nul"):
        with pytest.raises(RunError, match="is not a run"):
            open_run(tmp_path / name / name)


ARRAYS = {"codes": np.arange(6.0).reshape(3, 2), "names": np.array(["a", "b"])}


def test_findings_survive(tmp_path):
    write_findings(tmp_path, Findings({"schema": 1, "a": [1, None, "ü"]}, ARRAYS))
    findings = read_findings(tmp_path)
    assert findings.values["a"] == [1, None, "ü"]
    assert findings.arrays.keys() == ARRAYS.keys()
    assert all(np.array_equal(findings.arrays[name], ARRAYS[name]) for name in ARRAYS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "damaged"),
        ("{}", "its schema version is None"),
        ('{"schema": 2}', "schema version 2: .*newer Latentscape.*Upgrade"),
        ('{"schema": "1"}', "damaged: its schema version is '1'"),
    ],
)
def test_findings_that_are_damaged_or_newer(tmp_path, content, message):
    (tmp_path / "findings.json").write_text(content)
    with pytest.raises(RunError, match=message):
        read_findings(tmp_path)


@pytest.mark.parametrize("seed", range(100))
def test_damaged_arrays_of_findings_are_refused_or_read(tmp_path, seed):
    write_findings(tmp_path, Findings({"schema": 1}, ARRAYS))
    file, rng = tmp_path / "findings.npz", np.random.default_rng(seed)
    content = np.frombuffer(file.read_bytes(), np.uint8).copy()
    places = rng.integers(len(content), size=1 + seed % 4)
    content[places] = rng.integers(256, size=len(places))
    file.write_bytes(content[: rng.integers(len(content)) if seed % 3 == 0 else None].tobytes())
    assert refusal(tmp_path).startswith((str(file), "read"))


def refusal(folder):
    """Return the message of a refusal, or that findings could be read."""
    try:
        read_findings(folder)
    except RunError as error:
        return str(error)
    return "read"


def test_arrays_that_would_take_terabytes_are_refused(tmp_path):
    write_findings(tmp_path, Findings({"schema": 1}))
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    with zipfile.ZipFile(tmp_path / "findings.npz", "w") as archive:
        archive.writestr("codes.npy", array)
    with pytest.raises(RunError, match=r"findings\.npz"):
        read_findings(tmp_path)
