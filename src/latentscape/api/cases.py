"""What the doctor looks at: a run, or a recipe and its data, which are read once."""

from functools import cached_property
from pathlib import Path

from latentscape.api.preparing import resolve
from latentscape.config import Changes, Recipe, recipe_names
from latentscape.core.errors import ConfigError
from latentscape.core.records import Split
from latentscape.runs import OpenRun, Run, load_split, open_run


class Case:
    """A run, or a recipe on some data.

    Parameters
    ----------
    run_or_recipe : str, Path, Run or Recipe
        Directory of a run; or name of a recipe, a YAML file, or a recipe itself.
    data : str, Path or data in memory, optional
        Of a recipe: what it shall be trained on, by default what it names. Of a run: what it was
        trained on, where that was in memory or has moved.
    changes : mapping, optional
        Dotted path to value, of a recipe.
    device : str
        As for `train`.

    Raises
    ------
    RunError
        If there is no such run.
    ConfigError
        If there are changes of a run.
    """

    def __init__(
        self,
        run_or_recipe: str | Path | Run | Recipe,
        data: object = None,
        changes: Changes | None = None,
        device: str = "auto",
    ) -> None:
        run = run_of(run_or_recipe)
        if run is not None and changes:
            raise ConfigError(
                "A run has been trained, and its settings cannot change any more",
                fix="Give its recipe in place of the run, or leave the changes out.",
            )
        self.opened = None if run is None else OpenRun(run, data=data, device=device)
        self.device = device
        self._source = run_or_recipe if run is None else run.recipe
        self._data, self._changes = data, dict(changes or {})

    @cached_property
    def split(self) -> Split:
        """The examples."""
        return self._load({}) if self.opened is None else self.opened.split

    @property
    def recipe(self) -> Recipe:
        """The recipe as it would be trained, or was."""
        return self.changed({})[0]

    def changed(self, changes: Changes) -> tuple[Recipe, Split]:
        """Return the recipe as it would be trained with further changes, and the examples then."""
        moves_data = any(path.startswith("data.") for path in changes)
        split = self._load(changes) if moves_data else self.split
        return self._resolve(changes, split), split

    def _load(self, changes: Changes) -> Split:
        return load_split(self._resolve(changes), self._data)

    def _resolve(self, changes: Changes, split: Split | None = None) -> Recipe:
        assert not isinstance(self._source, Run)
        data = self._data if self.opened is None else None  # A run says where its data were.
        return resolve(self._source, {**self._changes, **changes}, data, split)


def run_of(run_or_recipe: str | Path | Run | Recipe) -> Run | None:
    """Return the run that something stands for; None where it stands for a recipe.

    Raises
    ------
    RunError
        If it is the path of neither.
    """
    if isinstance(run_or_recipe, Run):
        return run_or_recipe
    if isinstance(run_or_recipe, Recipe):
        return None
    path = Path(run_or_recipe)
    # "simple-20" is the recipe whatever lies in the working directory, "./simple-20" a run; and
    # "runs/simple-20" that does not exist is meant as a run.
    is_recipe = run_or_recipe in recipe_names() or path.suffix in (".yaml", ".yml")
    return open_run(path) if not is_recipe and (path.is_dir() or len(path.parts) > 1) else None
