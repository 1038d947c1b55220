"""What the benchmarks publish: the page is what was measured, and the works are the recipes."""

import importlib.util
import shutil
import sys

import pytest
from benchmarks.results import write_report
from benchmarks.works import CONTESTANTS, ROOT, WORKS

from latentscape.config import MlpConfig, load_recipe


@pytest.fixture(scope="module")
def described():
    """The networks as the contestants build them."""
    spec = importlib.util.spec_from_file_location(
        "contestants_works", ROOT / "contestants" / "works.py"
    )
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module.WORKS


def test_the_page_says_what_was_measured(tmp_path):
    for name in ("results.json", "TRIED.md"):
        shutil.copy(ROOT / name, tmp_path)
    write_report(tmp_path)
    for name in ("RESULTS.md", "growth.svg"):
        assert (tmp_path / name).read_text("utf-8") == (ROOT / name).read_text("utf-8"), name


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.recipe)
def test_contestants_train_what_the_recipe_says(work, described):
    recipe, other = load_recipe(work.recipe), described[work.recipe]
    encoder = recipe.model.encoder
    assert other.code == recipe.model.latent.dim
    assert other.widths == (encoder.widths if isinstance(encoder, MlpConfig) else ())
    assert other.leaky == (encoder.activation == "leaky_relu")
    assert other.dropout == encoder.dropout
    assert other.glorot == (recipe.model.init.kind == "glorot_uniform")
    assert other.variational == (recipe.model.latent.kind == "gaussian")
    assert other.per_pixel == (recipe.objective.average == "pixel")
    assert work.batch_size == recipe.train.batch_size
    assert (recipe.train.optimizer, recipe.train.lr) == ("adam", 1e-3)


def test_every_contestant_has_its_script_and_pinned_requirements():
    for contestant in CONTESTANTS:
        assert (ROOT / "contestants" / f"{contestant.script}.py").is_file()
        if contestant.requirements:
            file = ROOT / "requirements" / f"{contestant.requirements}.txt"
            assert all("==" in line for line in file.read_text().splitlines() if line.strip())
