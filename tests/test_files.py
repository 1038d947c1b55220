import pytest

from latentscape.errors import RunError
from latentscape.files import write_bytes, write_json, write_text


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
