"""YAML of people: what a few lines can do to a program that trusts them."""

import pytest

from latentscape.config import load_recipe, load_study, parse_setting
from latentscape.config.yaml_text import MAX_DEPTH, parse_yaml
from latentscape.core.errors import ConfigError

LINES = range(1, 12)
LAUGHS = "a: &a0 [x]\n" + "".join(f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in LINES)
MERGED = "a: &a0 {k: 1}\n" + "".join(
    f"b{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in LINES
)
BAD = {
    "a list of itself": ("a: &a [*a]", "it contains itself, in line 1"),
    "a mapping of itself": ("a: &a\n  b: *a", "it contains itself, in line 1"),
    "billions of aliases": (LAUGHS, "more than 100,000 values"),
    "billions of merged keys": (MERGED, "more than 100,000 values"),
    "endless brackets": ("[" * 5000, "nested too deeply"),
    "deep lists": ("- " * (MAX_DEPTH + 1) + "x", "nested too deeply"),
    "half a character": ('name: "\\uD800"', r"invalid Unicode character.*line 1"),
    "a colour": ('name: x\nabout: "\\e[31mred"', r"line 2 has the character U\+001B"),
}


@pytest.mark.parametrize(("text", "why"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("load", [load_recipe, load_study])
def test_a_file_is_refused_with_the_reason(text, why, load, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=why):
        load(file)


@pytest.mark.parametrize(("text", "why"), BAD.values(), ids=BAD)
def test_so_is_a_setting(text, why):
    with pytest.raises(ConfigError, match=why) as refused:
        parse_setting(f"data.labels={text}")
    assert len(str(refused.value)) < 1000


def test_files_that_are_no_utf8_are_refused(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"name: gr\xf6sser")
    with pytest.raises(ConfigError, match="utf-8"):
        load_recipe(file)


def test_aliases_of_a_reasonable_size_are_read():
    parsed = parse_yaml("small: &small {data.train: 100}\nset: *small\nabout: |\n  two\n  lines\n")
    assert parsed["set"] == {"data.train": 100}
    assert parsed["about"] == "two\nlines\n"
    assert parse_yaml("") is None


@pytest.mark.parametrize(
    "text",
    [
        'name: "a\\nb"\nmodel: {encoder: {kind: mlp, widths: [8]}, latent: {kind: point, dim: 2}}',
        'name: "a\\tb"\nmodel: {encoder: {kind: mlp, widths: [8]}, latent: {kind: point, dim: 2}}',
    ],
)
def test_a_name_stands_on_one_line(text, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"name: the name .* has the character U\+00"):
        load_recipe(file)


def test_a_long_value_is_quoted_in_part(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: [{', '.join(['word'] * 9999)}]\nmodel: {{}}")
    with pytest.raises(ConfigError) as refused:
        load_recipe(file)
    assert len(str(refused.value)) < 600


def test_what_was_read_before_is_read_anew():
    text = "train: {epochs: 3}"
    parse_yaml(text)["train"]["epochs"] = 4
    assert parse_yaml(text) == {"train": {"epochs": 3}}
