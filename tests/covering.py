"""Few recipes that stand for all: writing a model to a file takes a second of each."""

from collections.abc import Iterable

from latentscape.config import load_recipe


def operations(name: str) -> set[tuple]:
    """The settings that decide which operations a model is made of: all but its sizes."""
    model = load_recipe(name).model.model_dump(exclude={"init", "corruption", "input"})
    sizes = {"widths", "channels", "dim", "codes", "positions"}
    parts = {
        part: settings if isinstance(settings, dict) else {"kind": settings}
        for part, settings in model.items()
    }
    return {
        (part, settings["kind"], setting, value)
        for part, settings in parts.items()
        for setting, value in settings.items()
        if setting not in sizes
    }


def covering(names: Iterable[str]) -> list[str]:
    """Return recipes of these that between them have every operation."""
    names = sorted(names)
    missing, recipes = set().union(*map(operations, names)), []
    while missing:
        recipes.append(max(names, key=lambda name: len(operations(name) & missing)))
        missing -= operations(recipes[-1])
    return recipes
