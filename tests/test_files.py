import csv
import json
from pathlib import Path

import pytest

from latentscape.core.errors import RunError
from latentscape.core.files import (
    write_bytes,
    write_csv,
    write_files,
    write_folder,
    write_json,
    write_text,
)


@pytest.fixture
def fail_from(monkeypatch):
    """Return a function that lets renaming fail for a time: from one call on, up to another."""
    rename, calls = Path.rename, []

    def fail_from(first, last):
        def fail(path, target):
            calls.append(path)
            if first <= len(calls) <= last:
                raise PermissionError(13, "Permission denied")
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", fail)

    return fail_from


def content(folder):
    """All files in a folder, hidden ones too."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def test_files_are_written_with_their_folders(tmp_path):
    file = tmp_path / "a" / "b.txt"
    write_text(file, "größer")
    assert file.read_text(encoding="utf-8") == "größer"
    assert [path.name for path in file.parent.iterdir()] == ["b.txt"]


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path):
    file = tmp_path / "values.json"
    write_json(file, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, {"a": float("nan")})
    assert file.read_text() == '{\n  "a": 1\n}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["values.json"]


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(RunError, match="could not be written"):
        write_bytes(tmp_path / "runs" / "x.bin", b"")


@pytest.mark.parametrize("call", [1, 2])
def test_a_folder_that_cannot_be_replaced_stays(tmp_path, fail_from, call):
    write_text(tmp_path / "run" / "old.txt", "old")
    fail_from(call, call)
    with (
        pytest.raises(RunError, match="What was there is not lost"),
        write_folder(tmp_path / "run") as building,
    ):
        write_text(building / "new.txt", "new")
    assert content(tmp_path) == {"run/old.txt": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_cannot_be_put_back_is_not_removed(tmp_path, fail_from):
    write_text(tmp_path / "run" / "old.txt", "old")
    fail_from(2, 3)
    with (
        pytest.raises(RunError, match="could not be written"),
        write_folder(tmp_path / "run") as building,
    ):
        write_text(building / "new.txt", "new")
    assert list(content(tmp_path).values()) == ["old"]


def test_files_stand_once_all_are_written(tmp_path):
    write_text(tmp_path / "out" / "a", "old")
    with write_files(tmp_path / "out", ["a", "b"]) as building:
        for name in ("a", "b", "scratch"):
            (building / name).write_text("new")
        assert (tmp_path / "out" / "a").read_text() == "old"
    assert content(tmp_path) == {"out/a": "new", "out/b": "new"}


@pytest.mark.parametrize("written", [["a"], []])
def test_of_several_files_none_stands_where_one_is_missing(tmp_path, written):
    write_text(tmp_path / "a", "old")
    with (
        pytest.raises(RunError, match="could not be written"),
        write_files(tmp_path, ["a", "b"]) as building,
    ):
        [(building / name).write_text("new") for name in written]
    assert content(tmp_path) == {"a": "old"}
    assert len(list(tmp_path.iterdir())) == 1


def test_names_of_files_that_are_no_utf8_are_kept_in_json(tmp_path):
    write_json(tmp_path / "x.json", {"größe": "caf\udce9"})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert "größe" in text
    assert json.loads(text) == {"größe": "caf\udce9"}


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    rows = [
        ["=1+1", -1.5, "plain"],
        ["+SUM(A1)", 2, "-3.5e-2"],
        ["@cmd", None, "-x"],
        ["\tx", True, "\r=1"],
    ]
    write_csv(tmp_path / "x.csv", ["=id", "value", "text"], rows)
    with (tmp_path / "x.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["'=id", "value", "text"],
            ["'=1+1", "-1.5", "plain"],
            ["'+SUM(A1)", "2", "-3.5e-2"],
            ["'@cmd", "", "'-x"],
            ["'\tx", "True", "'\n=1"],
        ]
