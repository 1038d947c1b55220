"""A folder that is ready for a model hub: weights, recipe, and a card of what was measured."""

import json
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from latentscape.api.pages.card import Card, make_card
from latentscape.api.pages.markdown import FOLDER
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.extras import require
from latentscape.core.files import cannot_write, write_bytes, write_folder, write_json, write_text
from latentscape.core.findings import to_json
from latentscape.core.progress import stage
from latentscape.exports.metadata import public_recipe
from latentscape.runs import (
    SCHEMA,
    ModelFile,
    Run,
    RunFindings,
    open_run,
    read_model,
    save_model,
    write_recipe,
)

LIBRARY = "latentscape"
WRITTEN = {"README.md", "config.json", "data.json", "model.safetensors", "recipe.yaml", FOLDER}
"""What stands in a published folder."""

_PURPOSE = "Pushing to a model hub"


@dataclass(frozen=True)
class Published:
    """A published run.

    Attributes
    ----------
    folder : Path
        What is ready for a hub; ``README.md`` in it is the model card.
    url : str or None
        Where it was pushed to.
    """

    folder: Path
    url: str | None


@stage("model card")
def publish(
    run: str | Path | Run,
    *,
    out: str | Path | None = None,
    push: str | None = None,
    public: bool = False,
    license: str | None = None,
) -> Published:
    """Write a folder ready for a model hub, and push it there if asked.

    Its layout is that of Hugging Face's hub. The model card is made of the run's findings: only
    what was measured stands in it. `latentscape.load` loads the folder as it loads a run.

    Parameters
    ----------
    run : str, Path or Run
        The directory of a finished run.
    out : str or Path, optional
        The folder; by default ``hub`` in the directory of the run. One that `publish` has made, or
        that is empty, is replaced as a whole.
    push : str, optional
        ``USER/NAME``: the repository on the hub, which is made if it is missing. Needs the extra
        ``hub`` and a token: ``hf auth login``, or the environment's ``HF_TOKEN``.
    public : bool
        Whether a repository that is made by this is public; by default only its owner sees it. One
        that exists stays as it is.
    license : str, optional
        Of the model, as the hub calls it: ``mit``, ``cc-by-4.0``. By default the card names none.

    Returns
    -------
    Published
        The folder and, if pushed, its address.

    Raises
    ------
    ConfigError
        If the repository's name is wrong, huggingface_hub is not installed, or there is no token.
        In the last case the folder stands.
    RunError
        If the run is not finished or damaged; if the folder holds something else, or cannot be
        written; or if the hub cannot be reached or refuses, where the folder stands.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if push is not None:
        _check_repository(push)
    findings = RunFindings(run)
    model = read_model(run.path)
    folder = run.path / "hub" if out is None else Path(out)
    _check_free(folder)
    card = make_card(findings, push, license)
    with run.owned("written") if out is None else nullcontext():
        _write(folder.absolute(), model, findings, card)
    url = None if push is None else _upload(folder, push, public)
    return Published(folder, url)


def _check_repository(name: str) -> None:
    hub = require("huggingface_hub.utils", "hub", _PURPOSE)
    try:
        hub.validate_repo_id(name)
        wrong = "" if "/" in name else "it has no user"
    except hub.HFValidationError as error:
        wrong = str(error)
    if wrong:
        got = f"There can be no repository {name!r}: {wrong}"
        raise ConfigError(got, expected="USER/NAME, as in ada/vae-20-mnist")


def _check_free(folder: Path) -> None:
    """Refuse to replace what `publish` has not made."""
    try:
        held = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(folder, error) from error
    if held and (held - WRITTEN or not _is_ours(folder)):
        names = ", ".join(sorted(held - WRITTEN or held)[:4])
        raise RunError(
            f"{folder} holds what 'latentscape publish' has not written: {names}",
            fix="Give another folder with --out, or empty this one.",
        )


def _is_ours(folder: Path) -> bool:
    with suppress(OSError, ValueError):
        config = json.loads((folder / "config.json").read_bytes())
        return isinstance(config, dict) and config.get("library_name") == LIBRARY
    return False


def _write(folder: Path, model: ModelFile, findings: RunFindings, card: Card) -> None:
    data = findings.data
    recipe = public_recipe(model.recipe, data.name)
    config = {
        "library_name": LIBRARY,
        "schema": SCHEMA,
        "name": findings.name,
        "label_names": list(data.label_names),
        "model": findings.recipe.model.model_dump(mode="json", exclude_none=True),
    }
    with write_folder(folder) as building:
        weights = model.network.state_dict()
        file = building / "model.safetensors"
        save_model(file, weights, recipe, model.label_names, data=model.data)
        write_recipe(building / "recipe.yaml", recipe)
        write_json(building / "config.json", config)
        write_json(building / "data.json", to_json(data.model_copy(update={"origin": data.name})))
        for name, content in card.figures.items():
            write_bytes(building / FOLDER / name, content)
        write_text(building / "README.md", card.text)


@stage("upload")
def _upload(folder: Path, repository: str, public: bool) -> str:
    """Push a folder, and return where it is seen."""
    hub = require("huggingface_hub", "hub", _PURPOSE)
    errors = require("huggingface_hub.errors", "hub", _PURPOSE)
    try:
        if hub.get_token() is None:
            raise ConfigError(
                f"There is no token for the hub; {folder} is written and stands",
                fix="Log in with 'hf auth login', or set HF_TOKEN, and give the command again.",
            )
        api = hub.HfApi()
        url = api.create_repo(repository, private=not public, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message="Publish with Latentscape",
            delete_patterns=f"{FOLDER}/*",  # Those of an earlier card, where this one has none.
        )
    # Whichever library it speaks HTTP with, the hub's errors module has its base class.
    except (errors.HTTPError, OSError) as error:
        reason = " ".join(str(error).split())
        raise RunError(
            f"{folder} is written and stands, but was not pushed to {repository}: {reason}",
            fix="Give the command again once that is mended.",
        ) from error
    return str(url)
