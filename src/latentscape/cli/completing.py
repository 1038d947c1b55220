"""What a shell completes: names, settings and their values, runs.

Files are completed by the shell itself, wherever nothing here fits.
"""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentscape.config import Recipe

_SHELL, _WORDS, _PLACE = "_LATENTSCAPE_COMPLETE", "COMP_WORDS", "COMP_CWORD"
_LINES = (_WORDS, "_TYPER_COMPLETE_ARGS")
"""Where shells say what has been typed."""


@contextmanager
def answering_shells() -> Iterator[None]:
    """Answer Bash, which parts words at ``=``, as other shells are answered.

    The parts are put together. Bash puts what is printed in the place of the last part alone, so
    that what stands before is left out.
    """
    before = _join_words_of_bash()
    if not before:
        yield
        return
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        print("\n".join(line.removeprefix(before) for line in printed.getvalue().splitlines()))


def _join_words_of_bash() -> str:
    """Join the words that Bash hands over; return the parts of the last but for the last part."""
    words, place = os.environ.get(_WORDS, "").split("\n"), os.environ.get(_PLACE, "")
    is_asked = os.environ.get(_SHELL) == "complete_bash" and place.isdecimal()
    if not is_asked or int(place) >= len(words):
        return ""
    words = words[: int(place) + 1]
    joined: list[str] = []
    for previous, word in pairwise(["", *words]):
        if "=" in (previous, word) and len(joined) > 1:
            joined[-1] += word
        else:
            joined.append(word)
    os.environ[_WORDS], os.environ[_PLACE] = "\n".join(joined), str(len(joined) - 1)
    return joined[-1].partition("=")[0] + "=" if "=" in words[-2:] else ""


def complete_setting(incomplete: str) -> list[str]:
    """Return settings that begin so, or values of the setting that is named."""
    from latentscape.config.paths import setting_values

    values = setting_values(_named_recipe())
    path, equals, begun = incomplete.partition("=")
    paths = [path] if equals else [known for known in values if known.startswith(path)]
    if len(paths) > 1:
        return [f"{known}=" for known in paths]
    words = [f"{known}={word}" for known in paths for word in values.get(known, ())]
    words = [word for word in words if word.startswith(f"{paths[0]}={begun}")]
    return words or [f"{known}=" for known in paths if not equals]


def complete_space(incomplete: str) -> list[str]:
    """Return settings that begin so, or all choices of the setting that is named."""
    from latentscape.config.paths import setting_values

    values = setting_values(_named_recipe())
    path, equals, begun = incomplete.partition("=")
    if not equals:
        return [f"{known}=" for known in values if known.startswith(path)]
    choices = [word for word in values.get(path, ()) if not word.startswith("[")]
    words = [f"[{','.join(choices)}]"] if len(choices) > 1 else ["log(", "("]
    return [f"{path}={word}" for word in words if word.startswith(begun)]


def _named_recipe() -> "Recipe | None":
    """Return the recipe that the command names so far: options may stand in front of it."""
    from latentscape.config import load_recipe, recipe_names
    from latentscape.core.errors import LatentscapeError

    words = " ".join(os.environ.get(line, "") for line in _LINES).split()
    names = [word for word in words if word in recipe_names() or word.endswith((".yaml", ".yml"))]
    with suppress(LatentscapeError):
        return load_recipe(names[0]) if names else None
    return None


def complete_names(kinds: Iterable[str], incomplete: str) -> list[str]:
    """Return the names that begin so, of any ``recipe``, ``study`` or ``source``."""
    from latentscape.config import recipe_names, study_names
    from latentscape.data import source_names

    known = {"recipe": recipe_names, "study": study_names, "source": source_names}
    names = [name for kind in kinds for name in known[kind]()]
    return [name for name in names if name.startswith(incomplete)]


def complete_recipe(incomplete: str) -> list[str]:
    """Return the recipes whose names begin so."""
    return complete_names(["recipe"], incomplete)


def complete_study(incomplete: str) -> list[str]:
    """Return the studies whose names begin so."""
    return complete_names(["study"], incomplete)


def complete_recipe_or_study(incomplete: str) -> list[str]:
    """Return the recipes and studies whose names begin so."""
    return complete_names(["recipe", "study"], incomplete)


def complete_source(incomplete: str) -> list[str]:
    """Return the sources of data whose names begin so."""
    return complete_names(["source"], incomplete)


def complete_study_or_run(incomplete: str) -> list[str]:
    """Return studies whose names begin so, and runs whose paths do."""
    return [*complete_study(incomplete), *complete_run(incomplete)]


def complete_recipe_or_run(incomplete: str) -> list[str]:
    """Return recipes whose names begin so, and runs whose paths do."""
    return [*complete_recipe(incomplete), *complete_run(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Return runs and studies whose paths begin so, and folders on the way to some."""
    folder, _, begun = incomplete.rpartition("/")
    prefix = incomplete[: len(incomplete) - len(begun)]
    paths = _folders(Path(os.path.expanduser(folder or ("/" if prefix else "."))), begun)
    names = [f"{prefix}{path.name}" for path in paths]
    if len(paths) == 1 and not _is_run(paths[0]):  # What follows is more than a slash.
        return complete_run(f"{names[0]}/") or [f"{names[0]}/"]
    pairs = zip(paths, names, strict=True)
    return [name if _is_run(path) else f"{name}/" for path, name in pairs]


def _folders(folder: Path, begun: str) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.name.startswith(begun) and e.is_dir()]
    except OSError:
        return []
    return [folder / name for name in sorted(names) if begun or not name.startswith(".")]


def _is_run(path: Path) -> bool:
    """Whether a folder is a run or a study, seen at a glance: to import more takes too long."""
    return (path / "recipe.yaml").is_file() or (path / "findings").is_dir()


def complete_package(incomplete: str) -> list[str]:
    """Return packages in the working directory that begin so, without importing any."""
    with os.scandir() as entries:
        names = [_module_name(entry) for entry in entries if not entry.name.startswith(("_", "."))]
    return sorted(name for name in names if name.startswith(incomplete) and name.isidentifier())


def _module_name(entry: "os.DirEntry[str]") -> str:
    """Return how a file or a folder would be imported; nothing where it holds no Python."""
    if entry.is_dir():
        return entry.name if any(Path(entry.path).glob("*.py")) else ""
    return entry.name.removesuffix(".py") if entry.name.endswith(".py") else ""
