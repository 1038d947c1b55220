"""Reading recipes and studies, and replacing anything in them by its dotted path.

Every mistake is answered with the place and the nearest name that exists.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from latentscape.config.data import DataConfig
from latentscape.config.parts import Changes, Part
from latentscape.config.recipe import Recipe
from latentscape.config.study import Study
from latentscape.config.training import ObjectiveConfig, TrainConfig
from latentscape.config.yaml_text import parse_yaml
from latentscape.core.errors import ConfigError, brief, unknown
from latentscape.core.findings import Json

_Model = TypeVar("_Model", bound=BaseModel)


# What pydantic says in terms of its own, for people who write YAML.
_PLAIN = {
    "model_type": "Expected settings of the form 'key: value'",
    "model_attributes_type": "Expected settings of the form 'key: value'",
    "dict_type": "Expected settings of the form 'key: value'",
    "tuple_type": "Expected a list such as [512, 256]",
    "union_tag_invalid": "The kind {tag!r} is unknown; expected one of {expected_tags}",
    "union_tag_not_found": "The part needs a 'kind'",
}


def validate(model: type[_Model], content: Any, what: str) -> _Model:
    """Turn plain data into a config record.

    Parameters
    ----------
    model : type
        The config class.
    content : Any
        Parsed YAML or JSON.
    what : str
        What the content is, for messages: ``"recipe simple-20"``.

    Raises
    ------
    ConfigError
        With the place, what was got and what was expected, for the first mistake.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # A misspelt key says more than the key that is missing because of it.
        first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
        place = _place(first["loc"], content, missing=first["type"] == "missing")
        if first["type"] == "extra_forbidden":
            near = get_close_matches(str(first["loc"][-1]), _all_keys(), n=1, cutoff=0.5)
            fix = f"Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{what} has an unknown key {place}", fix=fix) from error
        message = _PLAIN.get(first["type"], first["msg"].removeprefix("Value error, "))
        message = message.format(**first.get("ctx", {}))
        got = f" (got {brief(repr(first['input']))})" if first["type"] != "missing" else ""
        raise ConfigError(f"{what}, {place or 'as a whole'}: {message}{got}") from error


def override(recipe: Recipe, changes: Changes) -> Recipe:
    """Replace parts of a recipe by their dotted paths.

    Giving a part another ``kind`` (or its name alone: ``model.likelihood: gaussian``) starts that
    part anew, since the settings of one kind mean nothing to another.

    Parameters
    ----------
    recipe : Recipe
        The recipe to start from; it is not changed.
    changes : mapping
        Dotted path to value, as in ``{"train.lr": 3e-4, "model.latent.dim": 2}``.

    Raises
    ------
    ConfigError
        For a path that does not exist (with the nearest that does) or a value that does not fit.
    """
    content = recipe.model_dump(mode="json")
    for path in sorted(changes, key=lambda path: not path.endswith(".kind")):
        _replace(content, path, changes[path], recipe)
    return validate(Recipe, content, f"recipe {recipe.name}")


def parse_setting(text: str) -> tuple[str, Any]:
    """Read ``path=value`` from the command line, the value as YAML.

    Raises
    ------
    ConfigError
        If there is no ``=`` or the value is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text} has no '='", expected="PATH=VALUE, as in train.lr=3e-4")
    try:
        return path.strip(), plain_number(parse_yaml(value))
    except (yaml.YAMLError, ValueError) as error:  # PyYAML's dates raise ValueError.
        raise ConfigError(
            f"The value in --set {brief(text)} is not YAML: {brief(error)}"
        ) from error


def recipe_names() -> list[str]:
    """Names of the recipes that come with Latentscape."""
    return _names("recipes")


def study_names() -> list[str]:
    """Names of the studies that come with Latentscape."""
    return _names("studies")


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe by name or from a YAML file.

    Parameters
    ----------
    name_or_path : str or Path
        ``simple-20``, or a path that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    Recipe
        The recipe, validated.

    Raises
    ------
    ConfigError
        If there is none of that name, or the file is not a recipe.
    """
    return validate(Recipe, *_read_yaml("recipe", "recipes", name_or_path))


def load_study(name_or_path: str | Path) -> Study:
    """Read a study by name or from a YAML file.

    Parameters
    ----------
    name_or_path : str or Path
        ``ae-vs-cae``, or a path that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    Study
        The study, validated.

    Raises
    ------
    ConfigError
        If there is none of that name, or the file is not a study.
    """
    return validate(Study, *_read_yaml("study", "studies", name_or_path))


def names_study(name_or_path: str | Path) -> bool:
    """Whether a name or a YAML file is that of a study, and not of a recipe."""
    name = str(name_or_path)
    if not name.endswith((".yaml", ".yml")):
        return name in study_names() and name not in recipe_names()
    content, _ = _read_yaml("recipe", "recipes", name)
    return isinstance(content, Mapping) and "entries" in content


def _place(path: Sequence[int | str], content: Any, missing: bool) -> str:
    """Write pydantic's path to a mistake without the steps that nobody wrote.

    They are members of unions and marks of its own; the name of a missing key is kept.
    """
    steps = []
    for depth, step in enumerate(path):
        known = isinstance(content, Mapping) and step in content
        if known or isinstance(step, int) or (missing and depth == len(path) - 1):
            steps.append(str(step))
            # What is missing may be the next entry of a list.
            indexed = isinstance(content, list | tuple) and step in range(len(content))
            content = content[step] if known or indexed else None
    return ".".join(steps)


def _homes() -> dict[str, str]:
    """Map the bare names of settings to their paths, for people who leave the first part out."""
    sections: dict[str, type[BaseModel]] = {
        "data": DataConfig,
        "objective": ObjectiveConfig,
        "train": TrainConfig,
    }
    return {name: f"{part}.{name}" for part in sections for name in sections[part].model_fields}


def _all_keys(part: type[Part] = Part) -> set[str]:
    """Return the settings of all records, for the nearest name to a misspelt one."""
    keys = set(part.model_fields)
    return keys.union(*map(_all_keys, part.__subclasses__()))


def _replace(content: Json, path: str, value: Any, recipe: Recipe) -> None:
    *parents, last = path.split(".")
    part = content
    record: Any = recipe
    for depth, name in enumerate([*parents, last]):
        # Free dictionaries (objective weights) and parts whose kind has just been changed have no
        # fields to look a name up in; validation names what is wrong in them.
        known = isinstance(record, BaseModel) and part.get("kind") == getattr(record, "kind", None)
        fields = type(record).model_fields if known else None
        if fields is not None and name not in fields:
            place = ".".join([*parents, last][:depth])
            if not place and path in (homes := _homes()):
                raise ConfigError(f"There is no setting {path}", fix=f"Did you mean {homes[path]}?")
            raise unknown(f"setting in {place or 'the recipe'}", name, fields, ConfigError)
        if depth == len(parents):
            break
        if last == "kind" and part.get(name) is None:
            part[name] = {"kind": None}  # A part that the recipe leaves out.
        # A new entry of a free dictionary, such as a player; or a part that the recipe leaves out.
        is_free = isinstance(record, Mapping)
        may_begin = is_free or (fields is not None and _is_plain_part(fields[name]))
        if may_begin and part.get(name) is None:
            part[name] = {}
        part, record = part.get(name, {}), getattr(record, name, None)
        if not isinstance(part, dict) or (record is None and not part and not may_begin):
            place = ".".join(parents[: depth + 1])
            raise ConfigError(f"{place} has no parts, so {path} cannot be set")
    if last == "kind" and part.get("kind") != value:
        part.clear()
    part[last] = deepcopy(value)  # A later path may lead into it.


def _is_plain_part(field: FieldInfo) -> bool:
    """Whether a setting is a part of one kind, or nothing."""
    choices = [getattr(choice, "__origin__", choice) for choice in get_args(field.annotation)]
    parts = [part for part in choices if isinstance(part, type) and issubclass(part, Part)]
    return any("kind" not in part.model_fields for part in parts)


def plain_number(value: Any) -> Any:
    """Return a number for 3e-4, which YAML 1.1 reads as text; and all else as it is."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _names(folder: str) -> list[str]:
    files = (resources.files("latentscape") / folder).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def _read_yaml(what: str, folder: str, name_or_path: str | Path) -> tuple[Any, str]:
    name = str(name_or_path)
    file: Traversable
    if name.endswith((".yaml", ".yml")):
        file = Path(name)
    elif name in _names(folder):
        file = resources.files("latentscape") / folder / f"{name}.yaml"
    else:
        raise unknown(what, name, _names(folder), ConfigError)
    try:
        content = parse_yaml(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{what} {name} cannot be read: {brief(error)}") from error
    if isinstance(content, dict):
        content.setdefault("name", Path(name).stem)
    return content, f"{what} {name}"
