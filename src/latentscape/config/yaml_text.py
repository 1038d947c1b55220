"""Reading YAML that people wrote: plain data, and no more of it than anybody writes by hand."""

from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

from latentscape.core.names import control_characters

MAX_VALUES = 100_000
"""Most values that a text may stand for. Aliases make gigabytes of a few lines."""

MAX_DEPTH = 50
"""Most lists and mappings within each other; our recipes have five."""

_LAYOUT = "\n\t"

# That of the C library takes a seventh of the time. Only an own build of PyYAML lacks it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_Size = tuple[int, int]
_UNFINISHED: _Size = (0, 0)


def parse_yaml(text: str | bytes, *, aliases: bool = True) -> Any:
    """Turn YAML into plain data; nothing in it is executed.

    Parameters
    ----------
    text : str or bytes
        One document.
    aliases : bool
        Whether a part may stand for another one.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML.
    ValueError
        If it contains itself, is nested too deeply or stands for too many values; if a text in it
        has characters that no terminal and no file can hold; or for an alias that may not be.
    """
    return deepcopy(_parsed(text, aliases))


@lru_cache(maxsize=16)  # The recipe of a run is read wherever it is needed.
def _parsed(text: str | bytes, aliases: bool) -> Any:
    _check_events(text, aliases)  # First: the C library nests its calls as deep as the text.
    loader = _Loader(text)
    try:
        # Nodes are shared where aliases name them: they are counted before they are copied.
        node = loader.get_single_node()
        if node is None:
            return None
        values, depth = _measure(node, {})
        if values > MAX_VALUES:
            raise ValueError(f"it stands for more than {MAX_VALUES:,} values")
        if depth > MAX_DEPTH:
            raise RecursionError
        return loader.construct_document(node)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    finally:
        loader.dispose()


def _check_events(text: str | bytes, aliases: bool) -> None:
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent) and not aliases:
            raise ValueError("it has YAML aliases, which no run writes")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")


def _measure(node: yaml.Node, known: dict[int, _Size]) -> _Size:
    """Count the values that a node stands for, aliases written out, and their depth."""
    key = id(node)
    if key not in known:
        known[key] = _UNFINISHED
        sizes = [_measure(child, known) for child in _children(node)]
        values, depth = 1 + sum(size[0] for size in sizes), 1 + max([0, *(s[1] for s in sizes)])
        known[key] = values, depth
    if known[key] == _UNFINISHED:
        raise ValueError(f"it contains itself, in line {node.start_mark.line + 1}")
    return known[key]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if control := next((c for c in control_characters(node.value) if c not in _LAYOUT), None):
        place = f"line {node.start_mark.line + 1}"
        raise ValueError(f"a text in {place} has the character U+{ord(control):04X}")
    return []
