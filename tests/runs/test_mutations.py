"""Findings that were changed by hand, or by a disk: a report is made, or a `RunError` says why not.

Each mutation changes one thing in one part of the findings of a run: a key, a value, a list, an
array. What fits the types cannot crash a report, and what does not fit is refused with the file and
the field. A few mutations of each part are tried; more of them with ``LATENTSCAPE_MUTATIONS=100``.
"""

import copy
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.api.pages.page import write_page
from latentscape.core.errors import RunError
from latentscape.data.arrays import load_arrays
from latentscape.evaluation.study import StudyFindings
from latentscape.runs import RunFindings, open_run, read_part, write_part
from latentscape.runs.legacy import migrate_run
from latentscape.runs.store import findings_folder, part_file, part_names, write_content
from synthetic import add, diagnoses, make_run, study_of, subject_of

N = int(os.environ.get("LATENTSCAPE_MUTATIONS", 4))
"""Mutations of each part."""

FIXTURES = Path(__file__).parents[1] / "fixtures"
KINDS = ("vae", "vq", "denoising")
# With every analysis; without a prior; of images of 2 x 2 pixels.
LEGACY = ("legacy/run", "legacy/study/plain-digits-0", "models/0.1.0/run")

Content = dict[str, Any]
Arrays = dict[str, np.ndarray]
Place = tuple[Any, Any]
"""A dictionary or a list of JSON, and a key or an index in it."""

VALUES = (None, True, 0, -1, -7.5, 10**9, 10**30, 1e308, -1e308, "", "strange", [], {}, [[1]])

CHANGES_OF_ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "fewer": lambda array: array[:-1],
    "one": lambda array: array[:1],
    "none": lambda array: array[:0],
    "flat": lambda array: array.reshape(-1),
    "deeper": lambda array: array[None],
    "shallower": lambda array: array[0],
    "narrower": lambda array: array[..., :-1],
    "of nothing": lambda array: array[..., :0],
    "turned": lambda array: array.T,
    "nan": lambda array: np.full(array.shape, np.nan, np.float32),
    "infinite": lambda array: np.full(array.shape, np.inf, np.float32),
    "huge": lambda array: np.full(array.shape, 3e38, np.float32),
    "huge and small": lambda array: np.where(np.arange(len(array)) % 2, 3e38, -3e38),
    "negative": lambda array: -array - 5 if array.dtype.kind != "b" else ~array,
    "large": lambda array: array + 100,
    "texts": lambda array: array.astype(str),
    "integers": lambda array: np.nan_to_num(array).astype(np.int64),
    "doubles": lambda array: array.astype(np.float64),
    "flags": lambda array: array > 0,
}


def places(content: Any) -> Iterator[Place]:
    """Yield where every value of JSON stands."""
    keys: Any = ()
    if isinstance(content, dict):
        keys = list(content)
    elif isinstance(content, list):
        keys = range(len(content))
    for key in keys:
        yield content, key
        yield from places(content[key])


def delete(rng: random.Random, parent: Any, key: Any) -> None:
    del parent[key]


def replace(rng: random.Random, parent: Any, key: Any) -> None:
    parent[key] = copy.deepcopy(rng.choice(VALUES))


def rename(rng: random.Random, parent: Any, key: Any) -> None:
    if isinstance(parent, dict):
        parent["strange"] = parent.pop(key)
    else:
        parent.insert(key, copy.deepcopy(parent[key]))


def scale(rng: random.Random, parent: Any, key: Any) -> None:
    """Make a number another, and a list or a text shorter."""
    value = parent[key]
    if isinstance(value, list | str):
        parent[key] = value[: len(value) // 2]
    elif isinstance(value, dict):
        parent[key] = dict(list(value.items())[:-1])
    elif isinstance(value, int | float):
        parent[key] = type(value)(value * rng.choice((-1, 0, 2, 1000)))


MUTATIONS = (delete, replace, replace, rename, scale)


def mutate(rng: random.Random, content: Content, arrays: Arrays) -> str:
    """Change one thing, and say what."""
    if arrays and rng.random() < 0.3:
        name = rng.choice(sorted(arrays))
        if rng.random() < 0.05:
            del arrays[name]
            return f"without {name}"
        change = rng.choice(sorted(CHANGES_OF_ARRAYS))
        arrays[name] = CHANGES_OF_ARRAYS[change](arrays[name])
        return f"{name}: {change}"
    parent, key = rng.choice(list(places(content)))
    before = json.dumps(parent[key])[:40]
    mutation = rng.choice(MUTATIONS)
    mutation(rng, parent, key)
    after = json.dumps(parent)[:80]
    return f"{mutation.__name__} {key!r}, which was {before}: {after}"


@pytest.fixture(scope="module", params=[*KINDS, *LEGACY])
def original(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    if request.param in KINDS:
        run = make_run(folder, request.param, request.param, shape=(1, 4, 3))
        return add(run, diagnoses()).run.path
    path = folder / "run"
    shutil.copytree(FIXTURES / request.param, path)
    migrate_run(path)
    return path


def contents(path: Path, part: str) -> tuple[Content, Arrays]:
    values = json.loads(part_file(path, part).read_text("utf-8"))
    file = values["arrays"]
    arrays = dict(load_arrays(findings_folder(path) / file)) if file else {}
    return values["content"], arrays


def test_a_mutation_is_reported_or_refused(original, tmp_path):
    path = tmp_path / original.name
    shutil.copytree(original, path)
    whole = {part: contents(path, part) for part in part_names(path)}

    def report() -> None:
        write_page("T", "", subject_of([RunFindings(open_run(path))]), tmp_path / "page")

    failures = []
    # A page of the older runs, whose images are larger, takes three times as long.
    count = N if original.name in KINDS else max(1, N // 2)
    for number in range(count * len(whole)):
        rng = random.Random(number)
        part = sorted(whole)[number % len(whole)]
        content, arrays = copy.deepcopy(whole[part])
        mutation = mutate(rng, content, arrays)
        write_content(path, part, content, arrays)
        if failure := _failure(part, report):
            failures.append(f"{number}: {part}: {mutation}\n    {failure}")
        write_content(path, part, *whole[part])
    assert not failures, "\n".join([f"{len(failures)} failed", *failures])


def test_a_mutation_of_a_study_is_reported_or_refused(tmp_path):
    groups = [
        [make_run(tmp_path, kind, kind, shape=(1, 4, 3), seed=seed) for seed in (0, 1)]
        for kind in ("vae", "plain")
    ]
    write_part(tmp_path, study_of(groups))
    runs = [run for group in groups for run in group]
    whole, _ = contents(tmp_path, "study")

    def report() -> None:
        study = read_part(tmp_path, StudyFindings)
        write_page("T", "", subject_of(runs, study), tmp_path / "page")

    failures = []
    for number in range(2 * N):
        content = copy.deepcopy(whole)
        mutation = mutate(random.Random(number), content, {})
        write_content(tmp_path, "study", content, {})
        if failure := _failure("study", report):
            failures.append(f"{number}: {mutation}\n    {failure}")
    assert not failures, "\n".join([f"{len(failures)} failed", *failures])


def _failure(part: str, report: Callable[[], object]) -> str:
    """Make a report; return what is wrong with how it ended."""
    try:
        report()
    except RunError as error:
        where, _, why = str(error).partition(f"{part}.json is damaged: ")
        return "" if where and ":" in why else f"an error without file and field: {error}"
    except Exception as error:  # noqa: BLE001
        frame = error.__traceback__
        while frame and frame.tb_next:
            frame = frame.tb_next
        place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
        return f"{type(error).__name__}: {error} in {place}"
    return ""
