"""Reading the files of a run: whatever is wrong with one, a `RunError` says where and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from latentscape.config import Recipe, validate
from latentscape.config.yaml_text import parse_yaml
from latentscape.core.errors import ConfigError, RunError, brief
from latentscape.core.findings import Json, Record

_R = TypeVar("_R", bound=Record)

SCHEMA = 1
"""Version of the model file and of checkpoints; newer ones are refused."""

PUT_BACK = "Put it back as it was written, or train the run again."
"""What to do about a damaged file of a run, unless more is known about it."""

ALTERED = "it is not as it was written (its SHA-256 is another)"
"""What is wrong with a file whose checksum does not fit."""

METADATA_KEY = "latentscape"
"""The one entry of a model file's metadata; see `latentscape.runs.model_file`."""

Types = Mapping[str, type | UnionType]
"""What a record must hold: the type of each entry."""

# All that json, yaml, pydantic, safetensors and torch raise over damaged content; a recursion
# without end is a RuntimeError.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)

# Ours have three thousand characters. Larger ones are refused, because validation takes a thousand
# times the memory of what it finds to be wrong.
_LARGEST_RECIPE = 100_000


def damaged(file: Path, why: object, fix: str = PUT_BACK) -> RunError:
    """Build the error for a damaged file; to be raised by the caller."""
    return RunError(f"{file} is damaged: {brief(why)}", fix=fix)


def check_schema(file: Path, schema: object, newest: int = SCHEMA) -> None:
    """Refuse a file of a schema version that is not known, or above `newest`.

    Raises
    ------
    RunError
        Which tells a newer version from a damaged one.
    """
    if type(schema) is not int or schema < 1:
        raise damaged(file, f"its schema version is {schema!r}")
    if schema > newest:
        raise RunError(
            f"{file} has schema version {brief(schema)}: it was made by a newer Latentscape",
            expected=f"version {newest}",
            fix="Upgrade Latentscape: pip install --upgrade latentscape",
        )


def read_bytes(file: Path, max_bytes: int = -1, fix: str = PUT_BACK) -> bytes:
    """Read a file, or its first bytes."""
    try:
        with file.open("rb") as content:
            return content.read(max_bytes)
    except OSError as error:
        got = f"{file} cannot be read: {error.strerror or error}"
        raise RunError(got, fix=fix) from error


def read_json(file: Path, types: Types, fix: str = PUT_BACK) -> Json:
    """Read a file that holds one JSON record."""
    return _parse_record(file, read_bytes(file, fix=fix), types, fix)


def read_record(file: Path, kind: type[_R]) -> _R:
    """Read a file that holds one record of a kind."""
    return make_record(file, kind, read_json(file, {}))


def read_records(file: Path, kind: type[_R]) -> tuple[_R, ...]:
    """Read a file that holds a record per line; none where there is no file."""
    if not file.exists():
        return ()
    lines = read_bytes(file).splitlines()
    return tuple(make_record(file, kind, _parse_record(file, line, {})) for line in lines)


def make_record(file: Path, kind: type[_R], content: object, fix: str = PUT_BACK) -> _R:
    """Make a record of what a file holds.

    Raises
    ------
    RunError
        If it does not fit: with the file, the field and what to do.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(place) for place in first["loc"]) or kind.__name__
        raise damaged(file, f"{field}: {first['msg']}", fix) from error
    except DAMAGE as error:
        raise damaged(file, error, fix) from error


def read_recipe(file: Path) -> Recipe:
    """Read a recipe as `yaml.safe_dump` writes it."""
    return parse_recipe(file, read_yaml(file))


def read_yaml(file: Path) -> Any:
    """Read the YAML of a recipe, unchecked."""
    content = read_bytes(file, _LARGEST_RECIPE + 1)
    try:
        if len(content) > _LARGEST_RECIPE:
            raise ValueError("it is far too large for a recipe")
        return parse_yaml(content, aliases=False)
    except (yaml.YAMLError, *DAMAGE) as error:
        raise damaged(file, error) from error


def parse_recipe(file: Path, content: Any) -> Recipe:
    """Turn parsed YAML or JSON from a file into a recipe."""
    try:
        if len(json.dumps(content)) > _LARGEST_RECIPE:
            raise ValueError("its recipe is far too large")
        return validate(Recipe, content, "recipe")
    except (ConfigError, *DAMAGE) as error:
        raise RunError(
            f"{file} is damaged, or from a newer Latentscape: {brief(error)}",
            fix="Upgrade Latentscape, or copy the file again from where it came from.",
        ) from error


def _parse_record(file: Path, text: bytes, types: Types, fix: str = PUT_BACK) -> Json:
    try:
        record = json.loads(text.decode())
    except DAMAGE as error:
        raise damaged(file, f"it is not JSON: {error}", fix) from error
    if not isinstance(record, dict):
        start = brief(text[:40].decode(errors="replace"))
        raise damaged(file, f"it holds {start}, not a record", fix)
    for name, kind in types.items():
        if name not in record:
            raise damaged(file, f"it has no {name}", fix)
        if not isinstance(record[name], kind):
            raise damaged(file, f"its {name} is of type {type(record[name]).__name__}", fix)
    return record
