"""A run that is yet to begin: what it is to be, and what that comes to with its data."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from latentscape.api.preparing import own_networks, prepare, resolve, resolve_again, start_run
from latentscape.config import Changes, Recipe
from latentscape.core.errors import ConfigError
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.runs import Run, load_split, open_run
from latentscape.runs.starting import EarlierModel


@dataclass(frozen=True, eq=False)
class Plan:
    """A run that is yet to begin.

    Attributes
    ----------
    recipe : Recipe
        Resolved.
    split : Split
        The examples.
    label : str
        What a name of the run begins with.
    earlier : EarlierModel or None
        The weights that it begins with.
    """

    recipe: Recipe
    split: Split
    label: str
    earlier: EarlierModel | None

    def begin(self, path: Path, device: str, overwrite: bool) -> Run:
        """Make its directory."""
        on = choose_device(device)
        return start_run(
            self.recipe, self.split, path, on, earlier=self.earlier, overwrite=overwrite
        )

    def go_on(self, path: Path, device: str, overwrite: bool) -> Run:
        """Open it where it stands, after a restart of all workers; begin it where there is none."""
        return open_run(path) if self._stands_at(path) else self.begin(path, device, overwrite)

    def _stands_at(self, path: Path) -> bool:
        if not (path / "recipe.yaml").exists():
            return False
        run, recipe = open_run(path), prepare(self.recipe, self.split)
        ours = recipe.fingerprint(self.split.dataset.fingerprint)
        return ours == run.recipe.fingerprint(run.data.fingerprint)


@dataclass(frozen=True, eq=False)
class Asked:
    """What a run is to be, before its data are read; see `train`."""

    named: str | Path | Recipe | None
    start_from: str | Path | Run | None
    data: object
    changes: Changes
    as_published: bool
    encoder: nn.Module | None
    decoder: nn.Module | None

    def shards(self) -> int:
        """Return into how many shards a batch is cut, which does not depend on data."""
        base = self._base(self._earlier())
        own = own_networks(base, self.encoder, self.decoder)
        return resolve(base, {**self.changes, **own}, self.data).train.shards

    def plan(self) -> Plan:
        """Read the data, and fit the recipe to them."""
        earlier = self._earlier()
        base = self._base(earlier)
        own = own_networks(base, self.encoder, self.decoder)
        changes = {**self.changes, **own}
        resolved, split = resolve_with_data(base, changes, self.data, self.as_published)
        # So that a recipe with labels does not take the name of the same recipe without.
        conditioned = resolved.model.condition and "model.condition" in changes
        suffix = "-label" * bool(conditioned) + "-own" * bool(own)
        suffix += "-tuned" * (self.named is None)
        return Plan(resolved, split, f"{resolved.name}{suffix}", earlier)

    def _earlier(self) -> EarlierModel | None:
        return None if self.start_from is None else EarlierModel.open(self.start_from)

    def _base(self, earlier: EarlierModel | None) -> str | Path | Recipe:
        return _recipe_or_that_of(earlier, self.named, self.data)


def _recipe_or_that_of(
    earlier: EarlierModel | None, recipe: str | Path | Recipe | None, data: object
) -> str | Path | Recipe:
    if recipe is not None:
        return recipe
    if earlier is None:
        raise ConfigError("There is nothing to train", expected="a recipe, or start_from a run")
    return resolve_again(earlier.recipe, data)


def resolve_with_data(
    recipe: str | Path | Recipe, changes: Changes, data: object, as_published: bool
) -> tuple[Recipe, Split]:
    """Read the data of a recipe, and fit it to them, unless it is to stay as published."""
    resolved = resolve(recipe, changes, data)
    split = load_split(resolved, data)
    return resolved if as_published else resolve(recipe, changes, data, split), split
