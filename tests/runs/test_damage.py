"""Every file of a real run is damaged: the run is what it was, or a `RunError` names file and fix.

A few mutations of each file are tried; more of them with ``LATENTSCAPE_MUTATIONS=100``.
"""

import json
import os
import random
import re
import shutil
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import latentscape
from disturbing import At, press_ctrl_c
from latentscape.api.finishing import finish_run
from latentscape.api.preparing import start_run
from latentscape.api.subjects import subject_json, subject_of
from latentscape.config import DataConfig, load_recipe, override
from latentscape.core.errors import Interrupted, RunError
from latentscape.core.findings import take_arrays
from latentscape.core.records import Split
from latentscape.data import load_dataset, split_dataset
from latentscape.evaluation.pictures import Pictures
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.runs import Run, RunFindings, open_run
from latentscape.training.train import train_run
from runs.test_mutations import VALUES, places

N = int(os.environ.get("LATENTSCAPE_MUTATIONS", 4))
"""Mutations of each file."""

CPU = torch.device("cpu")
CHANGES = {
    "data.source": "digits",
    "data.train": 60,
    "data.validation": 0.2,
    "data.test": 30,
    "model.encoder.widths": [8],
    "model.latent.dim": 2,
    "train.epochs": 3,
    "train.batch_size": 20,
    "train.snapshots": [1, 3],
}
TEXTS = ("", "[]", "{}", "null", "3", '"text"', "[" * 50_000, '{"a":' * 5_000, "\ufeff{}", "\0" * 9)


def change_digit(chance: random.Random, content: bytes) -> bytes:
    digits = [place for place, byte in enumerate(content) if chr(byte) in string.digits]
    return change_at(chance, content, chance.choice(digits)) if digits else content


def change_byte(chance: random.Random, content: bytes) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([chance.randrange(256)]) + content[place + 1 :]


def change_at(chance: random.Random, content: bytes, place: int) -> bytes:
    return content[:place] + chance.choice(string.digits).encode() + content[place + 1 :]


def truncate(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content))]


def lengthen(chance: random.Random, content: bytes) -> bytes:
    return content + chance.choice([b"\0", b"{}", content])


def replace(chance: random.Random, content: bytes) -> bytes:
    return chance.choice(TEXTS).encode()


def change_value(chance: random.Random, content: bytes) -> bytes:
    """Put another value somewhere into a file of JSON, and write it as we do."""
    try:
        parsed = json.loads(content)
    except ValueError:
        return change_digit(chance, content)
    parent, key = chance.choice(list(places(parsed)))
    parent[key] = chance.choice(VALUES)
    return json.dumps(parsed, indent=2).encode()


MUTATIONS = (change_digit, change_digit, change_byte, truncate, lengthen, replace, change_value)


def mutate(chance: random.Random, file: Path) -> str:
    """Damage a file, and say how."""
    if chance.random() < 0.1:
        file.unlink()
        file.mkdir()
        return "a folder in its place"
    mutation = chance.choice(MUTATIONS if file.stat().st_size else (lengthen, replace))
    file.write_bytes(mutation(chance, file.read_bytes()))
    return mutation.__name__


@pytest.fixture(scope="module")
def split() -> Split:
    config = override(load_recipe("vae-20"), CHANGES).data
    return split_dataset(load_dataset(DataConfig(source="digits")), config)


def new_run(path: Path, split: Split) -> Run:
    return start_run(override(load_recipe("vae-20"), CHANGES), split, path, CPU, threads=1)


@pytest.fixture(scope="module")
def stopped(split, tmp_path_factory) -> Path:
    """A run that was stopped in its last epoch."""
    run = new_run(tmp_path_factory.mktemp("runs") / "run", split)
    with pytest.raises(Interrupted):
        train_run(run, split, CPU, [At([8], press_ctrl_c)])
    return run.path


@pytest.fixture(scope="module")
def finished(split, stopped, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(stopped, path)
    finish_run(open_run(path), split, device="cpu", quiet=True)
    return path


def everything(path: Path) -> dict[str, object]:
    """Return all that can be known about a finished run."""
    run = open_run(path)
    findings = RunFindings(run)
    parts = [findings.get(kind) for kind in (Evaluation, Latent, Pictures)]
    arrays = [take_arrays(part)[1] for part in parts if part is not None]
    weights = latentscape.load(path).state_dict()
    snapshots = findings.snapshots
    pictures = [] if snapshots is None else [snapshots.reconstructions, snapshots.samples]
    facts = subject_json(subject_of(path))
    for setting in ("data.source", "train.engine", "train.checkpoint_seconds"):
        part, name = setting.split(".")
        del facts["recipe"][part][name]
    del facts["data"]["origin"]
    return {
        "facts": facts,
        "arrays": [array.tolist() for part in arrays for array in part.values()],
        "weights": {name: value.tolist() for name, value in weights.items()},
        "pictures": [np.asarray(picture).tolist() for picture in pictures],
    }


def resumed(path: Path, split: Split) -> dict[str, object]:
    """Train a run to its end, and return what came out, but for times."""
    run = open_run(path)
    train_run(run, split, CPU)
    timing = {"seconds": 0.0, "images_per_second": 0.0}
    history = [epoch.model_copy(update=timing) for epoch in run.history.epochs]
    return {"history": history, "model": run.model_file.read_bytes()}


def files_of(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file with a name that is the same each time."""
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield re.sub(r"-[0-9a-f]{8}\.npz", ".npz", str(file.relative_to(path))), file


def failures(
    original: Path, path: Path, look: Callable[[Path], dict[str, object]], expected: object
) -> list[str]:
    """Damage each file, and return in which cases the result is another, or no good refusal."""
    wrong = []
    for name, file in files_of(original):
        for number in range(N):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(original, path)
            damage = mutate(random.Random(f"{name} {number}"), path / file.relative_to(original))
            if problem := _problem(file, look, path, expected):
                wrong.append(f"{name}, {number}: {damage}: {problem}")
    return wrong


def _problem(
    file: Path, look: Callable[[Path], dict[str, object]], path: Path, expected: object
) -> str:
    try:
        result = look(path)
    except RunError as error:
        # A checksum in identity.json that is another makes its file look damaged.
        names = [file.name, *([".json", ".safetensors", ".npy"] * (file.name == "identity.json"))]
        names += ["recipe.yaml", "history.jsonl"] * (file.name == "identity.json")
        named = any(name in str(error) for name in [*names, file.stem.split("-")[0]])
        advised = re.search(
            r"\. (Put|Measure|Copy|Delete|Choose|Upgrade|Train|Run|Finish)", str(error)
        )
        return "" if named and advised else f"no file or no fix in: {error}"
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return "" if result == expected else "another result, without a word"


@pytest.mark.parametrize("threads", ["many", 0, -1, 10**9, 1.5, [1], {}])
def test_threads_that_are_no_number_of_threads_are_refused(stopped, split, tmp_path, threads):
    """Of a run of an earlier version, which has no checksums of its files."""
    path = tmp_path / "run"
    shutil.copytree(stopped, path)
    (path / "identity.json").unlink()
    file = path / "environment.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "threads": threads}))
    with pytest.raises(RunError, match=r"environment\.json is damaged: threads: .* Put it back"):
        resumed(path, split)


def test_findings_without_their_arrays_are_refused(finished, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    (arrays,) = (path / "findings").glob("evaluation-*.npz")
    arrays.unlink()
    with pytest.raises(
        RunError, match=r"evaluation\.json is damaged: its arrays are missing: .*Meas"
    ):
        everything(path)
    file = path / "findings" / "evaluation.json"
    values = {k: v for k, v in json.loads(file.read_bytes()).items() if k != "sha256"}
    for name in (None, "", ".", "..", "/", "../data.json", "\0"):
        file.write_text(json.dumps({**values, "arrays": name}))
        with pytest.raises(RunError, match=r"evaluation\.json is damaged|Measure"):
            everything(path)


def test_a_file_that_is_missing_is_missed(finished, tmp_path):
    for name in ("data.json", "environment.json", "identity.json", "history.jsonl"):
        shutil.copytree(finished, tmp_path / name)
        (tmp_path / name / name).unlink()
        with pytest.raises(RunError, match=r"\. (Put|Measure) it"):
            everything(tmp_path / name)
    for picture in (finished / "snapshots").iterdir():
        shutil.copytree(finished, tmp_path / picture.name)
        (tmp_path / picture.name / "snapshots" / picture.name).unlink()
        with pytest.raises(RunError, match=rf"{picture.name} is damaged"):
            everything(tmp_path / picture.name)


def test_a_finished_run_is_what_it_was_or_refused(finished, tmp_path):
    wrong = failures(finished, tmp_path / "run", everything, everything(finished))
    assert not wrong, "\n".join(wrong)


def test_a_stopped_run_ends_as_it_would_have_or_is_refused(stopped, split, tmp_path):
    shutil.copytree(stopped, tmp_path / "undisturbed")
    expected = resumed(tmp_path / "undisturbed", split)

    def look(path: Path) -> dict[str, object]:
        return resumed(path, split)

    wrong = failures(stopped, tmp_path / "run", look, expected)
    assert not wrong, "\n".join(wrong)
