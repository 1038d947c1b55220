"""The tutorial: its code runs in both frameworks, and prints what the text says it prints."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python (both|torch|keras)\n(.*?)^```$", TEXT, flags=re.M | re.S)
NAMES = {"torch": "PyTorch", "keras": "Keras"}
NUMBER = r"\d+(?:\.\d+)?"
MARK = "-- next block --"


def code_of(block):
    """Return a block without the comments at its end, which state its output."""
    return re.sub(r"\n(?:#.*\n)+\Z", "\n", block)


def promised(block, framework):
    """Return the lines that a block prints according to the comments at its end."""
    lines = block[len(code_of(block)) :].splitlines()
    stated = [line.removeprefix("# ") for line in lines]
    names = tuple(f"{name}: " for name in NAMES.values())
    mine = f"{NAMES[framework]}: "
    return [
        line.removeprefix(mine) for line in stated if not line.startswith(names) or mine in line
    ]


def blocks_of(framework):
    return [block for kind, block in BLOCKS if kind in ("both", framework)]


def program_of(framework):
    """All blocks of a framework as one program, which prints a mark between two of them."""
    return f"print('{MARK}')\n".join(f"{code_of(block)}\n" for block in blocks_of(framework))


def start(framework, folder):
    """Start the program in a process of its own: Keras takes its backend from the environment."""
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(folder / "keras"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", program_of(framework)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_here(framework, folder):
    """Run the program in this process, and return its output."""
    with (
        pytest.MonkeyPatch.context() as patch,
        torch.random.fork_rng(),
        redirect_stdout(io.StringIO()) as output,
        redirect_stderr(io.StringIO()) as errors,
    ):
        patch.chdir(folder)
        exec(program_of(framework), {"__name__": "tutorial"})
    check_errors(errors.getvalue())
    return output.getvalue()


def check_errors(text):
    """Refuse anything but the progress that is shown where the machine is busy."""
    assert not [line for line in text.splitlines() if not re.search(r", \d+ (s|min)\b", line)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Follow the tutorial in each framework, once for all workers: its folder, its output."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with FileLock(shared / "tutorial.lock"):
        file = shared / "tutorial.json"
        if not file.exists():
            results = follow(shared)
            file.write_text(json.dumps(results), encoding="utf-8")
    results = json.loads(file.read_text(encoding="utf-8"))
    return {framework: (Path(folder), output) for framework, (folder, output) in results.items()}


def follow(shared):
    """Follow the tutorial in a folder for each framework; return its path and the output."""
    folders = {framework: shared / f"tutorial-{framework}" for framework in NAMES}
    for folder in folders.values():
        folder.mkdir()
    # It runs while this process follows the other framework.
    keras = start("keras", folders["keras"]) if find_spec("keras") else None
    try:
        results = {"torch": (str(folders["torch"]), run_here("torch", folders["torch"]))}
        if keras:
            output, errors = keras.communicate()
            assert keras.returncode == 0, errors
            check_errors(errors)
            results["keras"] = str(folders["keras"]), output
    finally:
        if keras:
            keras.kill()
            keras.communicate()
    return results


@pytest.fixture(params=list(NAMES))
def followed(request, outputs):
    """A framework, its folder, and what each block printed."""
    framework = request.param
    if framework not in outputs:
        pytest.skip(f"{framework} is not installed")
    folder, output = outputs[framework]
    printed = [part.strip().splitlines() for part in output.split(MARK)]
    return framework, folder, dict(zip(blocks_of(framework), printed, strict=True))


def test_what_is_printed_is_what_the_text_says(followed):
    framework, _, printed = followed
    assert sum(map(len, printed.values())) >= 12
    for block, lines in printed.items():
        promises = promised(block, framework)
        assert len(lines) == len(promises)
        for line, expected in zip(lines, promises, strict=True):
            assert re.split(NUMBER, line) == re.split(NUMBER, expected)
            # A result without training agrees in all digits.
            exact = expected.startswith(("Gaussian", "Bernoulli", "PCA", "codes"))
            numbers, stated = (np.array(re.findall(NUMBER, t), float) for t in (line, expected))
            assert numbers == pytest.approx(stated, rel=1e-3 if exact else 0.1)


def test_a_linear_autoencoder_never_beats_pca_on_what_it_was_trained_on(followed):
    _, _, printed = followed
    lines = [line for lines in printed.values() for line in lines]
    errors = {
        name: float(re.findall(NUMBER, line)[0])
        for line in lines
        for name in ("PCA: ", "Linear autoencoder: ")
        if line.startswith(name)
    }
    pca, linear = errors["PCA: "], errors["Linear autoencoder: "]
    assert pca <= linear < 1.03 * pca


@pytest.mark.parametrize("name", ["tutorial-reconstructions.png", "tutorial-denoising.png"])
def test_the_pictures_are_those_that_the_code_draws(name, followed):
    _, folder, _ = followed
    assert f"]({name})" in TEXT
    picture, expected = (np.asarray(Image.open(place / name), float) for place in (folder, DOCS))
    assert picture.shape == expected.shape
    assert np.abs(picture - expected).mean() < 12


def test_both_frameworks_take_the_same_steps():
    kinds = [kind for kind, _ in BLOCKS if kind != "both"]
    assert kinds == ["torch", "keras"] * (len(kinds) // 2)


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (DOCS / link).is_file()
