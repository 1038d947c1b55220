import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaml

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe
from latentscape.core.errors import RunError
from latentscape.core.findings import Floats, Matrix, Part
from latentscape.runs import (
    DataFacts,
    Environment,
    create_run,
    load_model,
    open_run,
    read_part,
    runs_in,
    write_part,
)


@pytest.fixture
def run(tmp_path, small):
    recipe = prepare(load_recipe("simple-20"), small)
    return create_run(tmp_path / "run", recipe, DataFacts.of(small), Environment(python="3"))


def test_a_run_reads_back_what_was_written(run, small):
    again = open_run(run.path)
    assert again.recipe == prepare(load_recipe("simple-20"), small)
    assert dict(again.data.sizes) == {"train": 500, "validation": 50, "test": 100}
    assert again.environment == Environment(python="3")
    assert again.history.epochs == ()
    assert not again.finished
    assert yaml.safe_load((run.path / "recipe.yaml").read_text())["name"] == "simple-20"


def test_an_existing_run_is_not_overwritten_silently(run, small):
    arguments = (run.path, run.recipe, run.data, Environment())
    with pytest.raises(RunError, match="--overwrite"):
        create_run(*arguments)
    create_run(*arguments, overwrite=True)


def test_overwriting_loses_nothing_when_the_new_run_cannot_be_written(run, monkeypatch):
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("latentscape.core.files.os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        create_run(run.path, run.recipe, run.data, Environment(), overwrite=True)
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before
    assert [path.name for path in run.path.parent.iterdir()] == ["run"]


def test_a_name_that_no_file_system_takes(run):
    with pytest.raises(RunError, match="could not be written"):
        create_run(run.path.with_name("x" * 300), run.recipe, run.data, Environment())


def test_only_a_run_is_ever_removed(tmp_path, run):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="exists already"):
        create_run(precious, run.recipe, run.data, Environment(), overwrite=True)
    assert (precious / "thesis.txt").exists()


def test_runs_are_listed(run):
    assert [found.name for found in runs_in(run.path.parent)] == ["run"]
    assert runs_in(run.path.parent / "absent") == []


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
        ("data.json", '{"name": "d"}', "origin: Field required"),
        ("data.json", '{"name": 3}', "name: Input should be a valid string"),
        ("data.json", '{"name": %s}' % ("9" * 9999), "it is not JSON"),
        ("history.jsonl", '{"epoch": 1}\n', "lr: Field required"),
        ("history.jsonl", "{}\n\n", "epoch: Field required"),
        ("events.jsonl", '{"epoch": null}', "epoch: Input should be a valid integer"),
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
        ('{"name": "x", "\\ud800": 1}', "invalid Unicode character"),
        ('{"name": "x", "\\e[2J": 1}', r"line 1 has the character U\+001B"),
        ("[" * 50_000, "nested too deeply"),
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


class Example(Part):
    part = "example"

    items: tuple[int | None, ...] = ()
    names: dict[str, str] = {}
    codes: Matrix
    more: tuple[Floats, ...] = ()


EXAMPLE = Example(
    items=(1, None),
    names={"array": "ü"},
    codes=np.arange(6.0).reshape(3, 2),
    more=(np.ones(2), np.zeros(1)),
)


def example_file(folder, pattern):
    (file,) = (folder / "findings").glob(pattern)
    return file


def test_a_part_survives(tmp_path):
    write_part(tmp_path, EXAMPLE)
    again = read_part(tmp_path, Example)
    assert (again.items, again.names) == (EXAMPLE.items, EXAMPLE.names)
    assert np.array_equal(again.codes, EXAMPLE.codes)
    assert [list(array) for array in again.more] == [[1, 1], [0]]


def test_arrays_are_compressed_where_that_helps(tmp_path):
    noise = np.random.default_rng(0).random((100, 100))
    written = Example(codes=noise, more=(np.zeros(10_000),))
    write_part(tmp_path, written)
    file = example_file(tmp_path, "*.npz")
    assert noise.nbytes < file.stat().st_size < noise.nbytes + 2000
    again = read_part(tmp_path, Example)
    assert np.array_equal(again.codes, noise)
    assert np.array_equal(again.more[0], np.zeros(10_000))


def test_a_part_that_is_not_there(tmp_path):
    assert read_part(tmp_path, Example) is None


def test_arrays_of_before_are_removed_once_others_stand(tmp_path):
    for _ in range(3):
        write_part(tmp_path, EXAMPLE)
    names = sorted(file.name for file in (tmp_path / "findings").iterdir())
    assert len(names) == 2
    assert names[1] == "example.json"


def test_a_part_that_cannot_be_written_leaves_that_of_before(tmp_path, monkeypatch):
    write_part(tmp_path, EXAMPLE)
    before = {file: file.read_bytes() for file in (tmp_path / "findings").iterdir()}

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("latentscape.core.files.os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        write_part(tmp_path, EXAMPLE.model_copy(update={"items": (7,)}))
    assert {file: file.read_bytes() for file in (tmp_path / "findings").iterdir()} == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "damaged"),
        ("{}", "it has no arrays"),
        ('{"arrays": null, "content": {}}', "its schema version is None"),
        (
            '{"arrays": null, "content": {}, "schema": 3}',
            "schema version 3: .*newer Latentscape.*Upgrade",
        ),
        ('{"arrays": null, "content": {}, "schema": "2"}', "its schema version is '2'"),
        ('{"arrays": null, "content": {}, "schema": 2}', "codes: Field required.*evaluate RUN"),
        (
            '{"arrays": null, "content": {"codes": {"__array__": "codes"}}, "schema": 2}',
            "the array codes is missing",
        ),
        ('{"arrays": null, "content": {"codes": [[1.0]]}, "schema": 2}', "codes: .*an array"),
    ],
)
def test_parts_that_are_damaged_or_newer(tmp_path, content, message):
    write_part(tmp_path, EXAMPLE)
    file = example_file(tmp_path, "*.json")
    file.write_text(content)
    with pytest.raises(RunError, match=rf"{file.name}.*{message}"):
        read_part(tmp_path, Example)


def test_damaged_arrays_of_a_part_are_refused_or_read(tmp_path):
    write_part(tmp_path, EXAMPLE)
    file = example_file(tmp_path, "*.npz")
    whole = np.frombuffer(file.read_bytes(), np.uint8)
    for seed in range(100):
        rng, content = np.random.default_rng(seed), whole.copy()
        places = rng.integers(len(content), size=1 + seed % 4)
        content[places] = rng.integers(256, size=len(places))
        end = rng.integers(len(content)) if seed % 3 == 0 else None
        file.write_bytes(content[:end].tobytes())
        assert refusal(tmp_path).startswith((str(file), str(tmp_path), "read")), seed


def refusal(folder):
    """Return the message of a refusal, or that the part could be read."""
    try:
        read_part(folder, Example)
    except RunError as error:
        return str(error)
    return "read"


def test_arrays_that_would_take_terabytes_are_refused(tmp_path):
    write_part(tmp_path, EXAMPLE)
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    with zipfile.ZipFile(example_file(tmp_path, "*.npz"), "w") as archive:
        archive.writestr("codes.npy", array)
    with pytest.raises(RunError, match=r"example-.*\.npz"):
        read_part(tmp_path, Example)


def write_often(folder, number):
    for repeat in range(20):
        codes = np.full((3, 2), float(number))
        write_part(folder, EXAMPLE.model_copy(update={"items": (number, repeat), "codes": codes}))


def test_commands_that_end_at_the_same_moment_lose_nothing_of_each_other(tmp_path):
    """Facts and arrays always belong to the same writer, and other parts stay as they are."""

    class Other(Part):
        part = "other"

        codes: Matrix

    write_part(tmp_path, EXAMPLE.model_copy(update={"items": (0, 0), "codes": np.zeros((3, 2))}))
    write_part(tmp_path, Other(codes=EXAMPLE.codes))
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write_often, tmp_path, number) for number in (1, 2)]
        while not all(writer.done() for writer in writers):
            part = read_part(tmp_path, Example)
            assert (part.codes == part.items[0]).all()
    for writer in writers:
        writer.result()
    assert read_part(tmp_path, Example).items[1] == 19
    assert np.array_equal(read_part(tmp_path, Other).codes, EXAMPLE.codes)
