import pytest

from latentscape.core.files import slug
from latentscape.core.names import check_folder_name, check_printable


@pytest.mark.parametrize("name", ["mine", "größer", "数字 3", "a.b-c_d", "soft\u00adhyphen\u00a0"])
def test_names_that_folders_can_have(name):
    assert check_folder_name(name) == name
    assert check_printable(f".{name}/") == f".{name}/"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        (".hidden", "full stop"),
        ("..", "full stop"),
        ("a/b", "folder"),
        ("a\\b", "folder"),
        ("two\nlines", "U\\+000A"),
        ("red \x1b[31m", "U\\+001B"),
        ("\udcff", "U\\+DCFF"),
        ("数" * 100, "300 bytes"),
    ],
)
def test_names_that_they_cannot_have(name, why):
    with pytest.raises(ValueError, match=why):
        check_folder_name(name)


def test_a_slug_fits_into_any_file_system_and_any_file():
    assert slug("数" * 100) == "数" * 40
    assert slug("a\udcffb\x1b[0m") == "a-b-0m"
    assert slug("x" * 500) == "x" * 120
