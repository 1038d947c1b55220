"""The tutorial: its code runs in both frameworks, and prints what the text says it prints."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python (both|torch|keras)\n(.*?)^```$", TEXT, flags=re.M | re.S)
NAMES = {"torch": "PyTorch", "keras": "Keras"}
NUMBER = r"\d+(?:\.\d+)?"
MARK = "-- next block --"


def code_of(block):
    """A block without the comments at its end, which say what it prints."""
    return re.sub(r"\n(?:#.*\n)+\Z", "\n", block)


def promised(block, framework):
    """What the comments at the end of a block say that it prints."""
    lines = block[len(code_of(block)) :].splitlines()
    said = [line.removeprefix("# ") for line in lines]
    names = tuple(f"{name}: " for name in NAMES.values())
    mine = f"{NAMES[framework]}: "
    return [line.removeprefix(mine) for line in said if not line.startswith(names) or mine in line]


@pytest.fixture(scope="module", params=list(NAMES))
def followed(request, tmp_path_factory):
    """Follow the tutorial in a process of its own: framework, folder, what each block printed."""
    framework = request.param
    if not find_spec(framework):  # Importing it here would choose its backend for other tests.
        pytest.skip(f"{framework} is not installed")
    folder = tmp_path_factory.mktemp(framework)
    blocks = [block for kind, block in BLOCKS if kind in ("both", framework)]
    program = f"print('{MARK}')\n".join(f"{code_of(block)}\n" for block in blocks)
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(folder / "keras"), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    printed = [part.strip().splitlines() for part in result.stdout.split(MARK)]
    return framework, folder, dict(zip(blocks, printed, strict=True))


def test_what_is_printed_is_what_the_text_says(followed):
    framework, _, printed = followed
    assert sum(map(len, printed.values())) >= 12
    for block, lines in printed.items():
        said = promised(block, framework)
        assert len(lines) == len(said)
        for line, expected in zip(lines, said, strict=True):
            assert re.split(NUMBER, line) == re.split(NUMBER, expected)
            # What is computed and not trained agrees to the digits that are shown.
            exact = expected.startswith(("Gaussian", "Bernoulli", "PCA", "codes"))
            found, wanted = (np.array(re.findall(NUMBER, t), float) for t in (line, expected))
            assert found == pytest.approx(wanted, rel=1e-3 if exact else 0.1)


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
    drawn, shown = (np.asarray(Image.open(place / name), float) for place in (folder, DOCS))
    assert drawn.shape == shown.shape
    assert np.abs(drawn - shown).mean() < 12


def test_both_ways_take_the_same_steps():
    kinds = [kind for kind, _ in BLOCKS if kind != "both"]
    assert kinds == ["torch", "keras"] * (len(kinds) // 2)


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (DOCS / link).is_file()
