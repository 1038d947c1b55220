"""Which run a directory is, and whether its files are those that belong to it.

``identity.json`` is written with the run, and once more before the model at the end of training. It
has a random number, which findings name, and the SHA-256 of the files that never change from then
on. Runs of earlier versions have none: a checksum of their first files stands for the number.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError, safe_open

from latentscape.core.errors import RunError
from latentscape.core.files import write_json
from latentscape.core.findings import Record, to_json
from latentscape.runs.lineage import EXTENSIONS, START
from latentscape.runs.reading import (
    ALTERED,
    DAMAGE,
    METADATA_KEY,
    damaged,
    parse_recipe,
    read_json,
    read_recipe,
    read_record,
    read_yaml,
)

CREATED = ("recipe.yaml", "data.json", "environment.json", START)
"""Files that are written with the run; the last where it began with weights of another."""

LOGS = ("history.jsonl", "events.jsonl", EXTENSIONS)
"""Files that change until training has ended."""

EDITABLE = {
    "recipe.yaml": ("data.source", "data.store", "train.engine", "train.checkpoint_seconds"),
    "data.json": ("origin",),
}
"""What changes no number of a run, and may be changed by hand."""

SNAPSHOTS = "snapshots"
"""Folder of files that are written while training goes on."""


class Identity(Record):
    """What ``identity.json`` holds.

    Attributes
    ----------
    id : str
        Random: no other run has it, unless it is a copy.
    files : dict of str to str
        Name of a file to its SHA-256; that of no bytes where there was no file.
    model : str or None
        The SHA-256 that the model file states; None before the end of training.
    """

    id: str
    files: dict[str, str] = {}
    model: str | None = None


def write_identity(path: Path) -> str:
    """Give a run an identity, once its first files stand, and return its number."""
    identity = Identity(id=uuid4().hex, files=_sums(path, CREATED))
    _write(path, identity)
    return identity.id


def read_identity(path: Path) -> Identity:
    """Read the identity of the run in a directory.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    file = _file(path)
    if not file.exists():
        sums = _sums(path, ("data.json", "environment.json"))
        return Identity(id=sha256(json.dumps(sums).encode()).hexdigest()[:32])
    return read_record(file, Identity)


def seal(path: Path, model: str) -> None:
    """Note the checksums of all files at the end of training, that of the model included."""
    before = read_identity(path)
    pictures = sorted(f"{SNAPSHOTS}/{file.name}" for file in (path / SNAPSHOTS).glob("*.npy"))
    files = {**_sums(path, CREATED), **before.files, **_sums(path, (*LOGS, *pictures))}
    _write(path, Identity(id=before.id, files=files, model=model))


def renew_identity(path: Path, names: Iterable[str]) -> None:
    """Note the checksums of some files, and that all others may change again."""
    _write(path, Identity(id=read_identity(path).id, files=_sums(path, names)))


def check_file(path: Path, name: str, identity: Identity, content: object = None) -> None:
    """Refuse a file of a run that is not as it was written.

    Parameters
    ----------
    path : Path
        Directory of the run.
    name : str
        Of the file.
    identity : Identity
        That of the run.
    content : object, optional
        What the file of settings or of data holds, where it is parsed already.

    Raises
    ------
    RunError
        Which names it.
    """
    if name not in identity.files:
        return
    actual = _sum(path / name) if content is None else _sum_of(name, content)
    if actual != identity.files[name]:
        raise damaged(path / name, ALTERED)


def check_model(path: Path) -> None:
    """Refuse a model that is not that of the run in whose directory it stands.

    Raises
    ------
    RunError
        If it is another's, or damaged.
    """
    file, identity = path / "model.safetensors", read_identity(path)
    check_file(path, "recipe.yaml", identity)
    try:
        with safe_open(file, framework="np") as content:
            about = json.loads((content.metadata() or {})[METADATA_KEY])
        stated, theirs = about.get("sha256"), parse_recipe(file, about["recipe"])
    except (SafetensorError, *DAMAGE) as error:
        raise damaged(file, error) from error
    ours = read_recipe(path / "recipe.yaml")
    is_ours = theirs.fingerprint("") == ours.fingerprint("")
    if not is_ours or identity.model not in (None, stated):
        raise RunError(
            f"{file} is the model of another run than the rest of {path}",
            fix="Train the run again, under another --name or with --overwrite.",
        )


def _file(path: Path) -> Path:
    return path / "identity.json"


def _write(path: Path, identity: Identity) -> None:
    write_json(_file(path), to_json(identity))


def _sums(path: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: _sum(path / name) for name in names}


def _sum(file: Path) -> str:
    try:
        if file.name not in EDITABLE:
            return sha256(file.read_bytes()).hexdigest()
        content = read_yaml(file) if file.suffix == ".yaml" else read_json(file, {})
    except (OSError, RunError):  # No file, or nothing that can be read.
        return sha256().hexdigest()
    return _sum_of(file.name, content)


def _sum_of(name: str, content: object) -> str:
    """SHA-256 over what a file of settings or data holds, but for what may be changed."""
    return sha256(repr(_without(content, EDITABLE[name])).encode()).hexdigest()


def _without(content: object, settings: Iterable[str]) -> object:
    """Return content without settings, whose names have dots between the levels."""
    if not isinstance(content, dict):
        return content
    lasting = dict(content)
    for setting in settings:
        name, _, below = setting.partition(".")
        if below and name in lasting:
            lasting[name] = _without(lasting[name], [below])
        elif not below:
            lasting.pop(name, None)
    return lasting
