"""The dotted paths of all settings of a recipe, and the values that some of them choose from.

Both are read off the schema of recipes, so a setting or a part that is added is found here too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from latentscape.config.recipe import Recipe
from latentscape.core.findings import Json

_SECTIONS = ("data", "model", "objective", "train")
_FILLED_IN = ("model.input",)
"""What follows from the data, and nobody sets."""


def setting_values(recipe: Recipe | None = None) -> dict[str, list[str]]:
    """List the settings of recipes by their dotted paths.

    Parameters
    ----------
    recipe : Recipe, optional
        Whose parts are meant: of other kinds of these parts the name alone is listed. By default
        the settings of all kinds are.

    Returns
    -------
    dict of str to list of str
        Path, as in ``train.optimizer``, to what may be chosen. Of a setting that takes any number
        or text it is what the recipe has, or what it is by default.
    """
    schema = Recipe.model_json_schema()
    values: dict[str, list[str]] = {}
    for section in _SECTIONS:
        current = None if recipe is None else getattr(recipe, section)
        for path, value in _leaves(schema["properties"][section], section, schema, current):
            known = values.setdefault(path, [])
            known.extend({value: None} if value and value not in known else ())
    return {path: words for path, words in values.items() if not path.startswith(_FILLED_IN)}


def _leaves(node: Json, path: str, root: Json, current: Any) -> Iterator[tuple[str, str]]:
    """Yield the paths below a node, each with one of its values; with "" where there is none."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        yield from _leaves({**root["$defs"][name], **_default(node)}, path, root, current)
    elif "properties" in node:
        yield from _of_record(node, path, root, current)
    elif "propertyNames" in node:
        for name in node["propertyNames"]["enum"]:
            yield f"{path}.{name}", _written(current.get(name) if current else None)
    elif choices := node.get("oneOf") or node.get("anyOf"):
        for choice in choices:
            own = {**choice, **_default(node)}
            yield from _leaves(own, path, {**root, **own}, current)
    else:
        words = node.get("enum", [node["const"]] if "const" in node else [])
        words = [True, False] if node.get("type") == "boolean" else words
        for word in words or [node.get("default") if current is None else current]:
            yield path, _written(word)


def _of_record(node: Json, path: str, root: Json, current: Any) -> Iterator[tuple[str, str]]:
    kind = node["properties"].get("kind", {}).get("const")
    is_other = isinstance(current, BaseModel) and kind not in (None, getattr(current, "kind", None))
    for name, field in node["properties"].items():
        if not is_other or name == "kind":
            value = getattr(current, name, None)
            yield from _leaves(field, f"{path}.{name}", root, value)


def _default(node: Json) -> Json:
    return {"default": node["default"]} if "default" in node else {}


def _written(value: Any) -> str:
    """Write a value as YAML on one line; records and nothing are not offered."""
    if value is None or isinstance(value, Mapping | BaseModel):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_written, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
