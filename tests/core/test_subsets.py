"""Subsets are drawn at random by one function, and nobody takes examples from the front."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from latentscape.analyses.comparison import Comparison, compare_codes
from latentscape.analyses.likelihood import ANALYSIS
from latentscape.analyses.likelihood.method import estimate_likelihood
from latentscape.analyses.likelihood.result import LikelihoodSettings
from latentscape.analyses.likelihood.sentences import describe_protocol
from latentscape.analyses.maps import method as maps
from latentscape.api.preparing import start_run
from latentscape.config import override
from latentscape.core import subsets
from latentscape.core.records import Dataset, Split
from latentscape.core.subsets import draw_subset, take_turns
from latentscape.evaluation import latent
from latentscape.evaluation.codes import pixel_codes
from latentscape.evaluation.reconstruction import kept_examples
from latentscape.inference.codec import posteriors
from latentscape.model import squared_mmd
from latentscape.runs import open_run
from latentscape.runs.identity import write_identity
from latentscape.runs.opened import load_run_split
from latentscape.training.hooks import validation

SOURCE = Path(__file__).parents[2] / "src" / "latentscape"

LOOKED_THROUGH = [
    *("analyses", "api", "estimators", "evaluation", "exports", "inference", "model", "reporting"),
    *("tracking", "training", "core/records.py", "core/subsets.py", "data/binarize.py"),
    *("data/splits.py", "data/statistics.py"),
]
"""Where examples are looked at. The rest are settings, texts, and the bytes of files."""

ALLOWED = {
    # Texts and names.
    "fingerprint[:12]": "a text",
    "data.fingerprint[:12]": "a text",
    "run.environment.started[:10]": "a date",
    "note[:MAX_NOTE - 1]": "a text",
    "label[:_LONGEST - 1]": "a text",
    "messages[:1]": "the first message of trials that failed",
    "ordered[:LISTED]": "the best trials of a search",
    "hashlib.sha256(content).hexdigest()[:12]": "a text",
    "digest.hexdigest()[:16]": "a text",
    "sha256(Path(str(file)).read_bytes()).hexdigest()[:16]": "a text",
    "sha256('\\n'.join(parts).encode()).hexdigest()[:16]": "a text",
    "squares[:len(given)]": "arguments of an operation",
    "digest[:12]": "a text",
    "split.dataset.fingerprint[:12]": "a text",
    "padded[:rows.shape[0], :rows.shape[1]]": "rows of a worker, before zeros that fill them up",
    "part[:length]": "rows of a worker, before those that fill them up",
    "lengths[:self.rank]": "workers before this one",
    "tensors[:len(weights)]": "gradients, before what else shards come to",
    "z[:half]": "half of a shuffled batch, for the critic",
    "positions[:_TIMED]": "batches whose taking is timed",
    "positions[:AHEAD]": "batches that are taken ahead",
    "padded[:n]": "all pictures, before those that fill the last row",
    "names[:MAX_LABELS]": "names of labels in a sentence",
    "names[:max_names]": "names of what was left out, in a sentence",
    "own[:max_sentences]": "sentences",
    "files[:_MAX_FILES]": "names of files",
    "rows[:half]": "rows of a table, the first and the last",
    "self[:_NAMED]": "names of runs in a text",
    "pairs[:_EXAMPLES]": "labels and their numbers, in a text",
    # In an order that says which come first.
    "order[:number]": "names in a picture, from the highest to the lowest",
    "order[:N_EXTREME]": "sorted by anomaly score",
    "order[::-1][:N_EXTREME]": "sorted by anomaly score",
    "by_error[:N_EXTREME]": "sorted by error",
    "by_error[::-1][:N_EXTREME]": "sorted by error",
    "places[:N_EXAMPLES]": "sorted by distance to the centre of a cluster",
    "places[::-1][:N_EXAMPLES]": "sorted by distance to the centre of a cluster",
    "votes[:, :k]": "neighbours, sorted by distance",
    "self._pca.project(codes)[:, :self._components]": "components, sorted by variance",
    "variances[:count]": "components, sorted by variance",
    "turned[:, :count]": "components, sorted by variance",
    "weight.argsort(descending=True, stable=True)[:rows]": "dimensions, sorted by use",
    "sorted(self.rows, key=lambda row: row.mse)[:MAX_PICTURED]": "models, sorted by error",
    "sorted(real, key=lambda name: -abs(shares[name] - real[name]))[:MAX_LABELS]": "labels, sorted",
    "first[:size - quotas.sum()]": "classes, by largest remainders",
    # In random order.
    "np.random.default_rng(0).permutation(len(self._scenes.labels))[:POINTS]": "drawn",
    "originals[:rows * columns]": "examples that were drawn",
    "reconstructions[:, :rows * columns]": "of examples that were drawn",
    "samples[:, :count]": "of codes that were drawn",
    "(index if labels is None else take_turns(index, labels))[:count]": "shuffled",
    "images[:even]": "images in pairs, without an odd last one",
    "labels[:even]": "images in pairs, without an odd last one",
    "means.cpu()[:len(target)]": "without what filled the batch up",
    "examples[:2 * pairs]": "examples that were drawn",
    "draws[0][:MAX_TO_CHOOSE_C]": "a stratified order: each start of it is a stratified draw",
    "draw[None, :MAX_TO_TUNE]": "a stratified order: each start of it is a stratified draw",
    "orders[:, :n]": "a stratified order: each start of it is a stratified draw",
    "order[:whole * size]": "a random order, without the last, incomplete batch",
    # All that there is.
    "layers[:last]": "layers of a network",
    "pool[:dataset.n_official_train]": "the official training part",
    "model.reconstruct(*batch).cpu()[:len(images)]": "without what filled the batch up",
    "model.decode(model.encode_scaled(inputs, labels), labels).cpu()[:len(noisy)]": "the same",
    "torch.cat(pieces)[:len(share[0])]": "without what filled the batch up",
    "words.view(torch.int16)[:input.numel()]": "random numbers, of which one may be left over",
    "padded[:len(index)]": "a place to write to",
    "_strips(subject, row, nearest, title)[:max_queries]": "lines of a page",
    "labels[:columns]": "headings of a page",
    # Axes, layers, epochs and seeds.
    "padded[:, :codes.shape[1]]": "dimensions",
    "p[:self.dim]": "rows of a weight",
    "output.shape[:output.dim() - images.dim() + 1]": "axes",
    "whole[:, :whole.shape[1] - gap, :whole.shape[2] - gap]": "pixels of a picture",
    "result[:stages]": "layers",
    "points[:length]": "epochs",
    "self.run.history.epochs[:epochs_done]": "epochs",
}
"""What is sliced from the front, and why that takes no part of the examples for all of them."""

FEW = 8
"""So many stand for nothing: shapes, first letters, lists in messages."""


def sliced_from_the_front(path):
    """Yield every `x[:n]`, `slice(n)` and `islice` of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if any(isinstance(part, ast.Slice) and is_front(part) for part in parts):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "slice":
            if len(node.args) == 1 and not is_none(node.args[0]):
                yield ast.unparse(node)


def is_front(part):
    starts = part.lower is None or (isinstance(part.lower, ast.Constant) and part.lower.value == 0)
    return starts and part.upper is not None and not is_small(part.upper)


def is_small(stop):
    """Whether a stop is a small number, or is counted from the end: `x[:3]`, `x[:-1]`."""
    try:
        return ast.literal_eval(stop) <= FEW
    except ValueError:
        return False


def is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


FILES = [
    path
    for name in LOOKED_THROUGH
    for path in ([SOURCE / name] if name.endswith(".py") else sorted((SOURCE / name).rglob("*.py")))
]


def test_no_examples_are_taken_from_the_front():
    slices = {code: path for path in FILES for code in sliced_from_the_front(path)}
    unknown = {code: str(path) for code, path in slices.items() if code not in ALLOWED}
    assert not unknown, "draw examples by latentscape.core.subsets, or say why not in ALLOWED"


@pytest.mark.parametrize(
    ("code", "is_refused"),
    [("index[:n]", 1), ("index[0:1000]", 1), ("x[:, :n]", 1), ("slice(MOST)", 1)]
    + [("x[:4]", 0), ("x[:-1]", 0), ("x[n:]", 0), ("x[a:b]", 0), ("slice(None)", 0)],
)
def test_what_counts_as_taken_from_the_front(tmp_path, code, is_refused):
    (tmp_path / "code.py").write_text(code)
    assert len(list(sliced_from_the_front(tmp_path / "code.py"))) == is_refused


LABELS = np.repeat([0, 1, 2], [600, 300, 100])


@pytest.fixture
def ordered() -> Split:
    """A test part that is sorted by label, as the bundled digits are."""
    images = np.linspace(0, 255, 1000 * 4).reshape(1000, 4).astype(np.uint8)
    index = np.arange(1000)
    return Split(Dataset("ordered", images, LABELS, ("a", "b", "c")), index, index[:0], index, 3)


def test_a_subset_has_of_each_label_its_share():
    drawn = draw_subset(np.arange(1000), LABELS, 100)
    assert np.bincount(LABELS[drawn]).tolist() == [60, 30, 10]
    assert (np.diff(drawn) > 0).all()


def test_a_subset_of_some_examples_is_of_them_alone():
    index = np.arange(500, 1000)
    drawn = draw_subset(index, LABELS, 50)
    assert np.isin(drawn, index).all()
    assert np.bincount(LABELS[drawn]).tolist() == [10, 30, 10]


def test_a_subset_without_labels_is_from_everywhere():
    """The mean place of a uniform draw has a known deviation."""
    drawn = draw_subset(np.arange(10_000), None, 100)
    assert len(np.unique(drawn)) == 100
    assert abs(drawn.mean() - 5000) < 3 * 10_000 / np.sqrt(12 * 100)


def test_every_example_is_as_likely():
    counts = np.zeros(20)
    for seed in range(400):
        counts[draw_subset(np.arange(20), None, 5, seed)] += 1
    # Binomial: 400 draws, a quarter each, a deviation of 8.7.
    assert np.abs(counts - 100).max() < 35


def test_a_subset_repeats_with_its_seed():
    first, again, other = (draw_subset(np.arange(1000), LABELS, 50, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [1000, 5000])
def test_all_examples_stay_as_they_are(size):
    index = np.random.default_rng(0).permutation(1000)
    assert draw_subset(index, LABELS, size) is index


def test_labels_take_turns():
    labels = np.array([0, 0, 0, 2, 2, 1])
    assert labels[take_turns(np.arange(6), labels)].tolist() == [0, 1, 2, 0, 2, 0]


def test_examples_that_are_shown_are_drawn_with_the_seed_of_the_split(ordered):
    shown = ordered.examples(16)
    assert LABELS[shown].tolist() == [0, 1, 2] * 5 + [0]
    assert shown.max() > 900  # Not the first of each label: these are 0, 600 and 900 to 904.
    assert not np.isin([0, 600, 900], shown).any()
    np.testing.assert_array_equal(shown, ordered.examples(16))
    assert not np.array_equal(shown, replace(ordered, seed=4).examples(16))
    assert ordered.examples(9).tolist() == shown[:9].tolist()


def test_examples_without_labels_are_not_the_first_ones(ordered):
    blind = replace(ordered, dataset=replace(ordered.dataset, labels=None))
    assert blind.examples(16).max() > 500


def test_small_data_are_looked_at_whole(ordered):
    assert ordered.limited() is ordered
    assert subsets.max_examples((1, 28, 28)) == 100_000
    assert subsets.max_examples((3, 64, 64)) == (1 << 28) // (3 * 64 * 64)
    assert subsets.max_examples((1 << 30,)) == 1


def test_of_a_large_part_examples_of_each_label_are_drawn(ordered, monkeypatch):
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 100)
    limited = ordered.limited()
    assert limited.sizes == {part: min(100, size) for part, size in ordered.sizes.items()}
    assert np.bincount(LABELS[limited.test]).tolist() == [60, 30, 10]
    assert np.isin(limited.test, ordered.test).all()
    np.testing.assert_array_equal(limited.test, ordered.limited().test)
    assert limited.limited() is limited


def test_examples_and_kept_codes_are_those_of_the_drawn_part(ordered, monkeypatch):
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 100)
    monkeypatch.setattr("latentscape.evaluation.reconstruction.MAX_CODES", 30)
    limited = ordered.limited()
    np.testing.assert_array_equal(limited.examples(16), ordered.examples(16))
    np.testing.assert_array_equal(kept_examples(limited), kept_examples(ordered))
    assert np.isin(ordered.examples(16), limited.test).all()


def test_a_run_of_before_keeps_the_examples_that_its_pictures_show(ordered):
    before = replace(ordered, subsets="front")
    assert before.examples(6).tolist() == [0, 600, 900, 1, 601, 901]
    blind = replace(before, dataset=replace(ordered.dataset, labels=None))
    assert blind.examples(3).tolist() == [0, 1, 2]


def test_a_run_of_version_0_2_keeps_the_examples_of_the_whole_part(ordered, monkeypatch):
    before = replace(ordered, subsets="drawn")
    examples, kept = before.examples(16), kept_examples(before)
    np.testing.assert_array_equal(examples, ordered.examples(16))  # The part is small.
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 100)
    np.testing.assert_array_equal(before.examples(16), examples)
    np.testing.assert_array_equal(kept_examples(before), kept)
    assert not np.array_equal(ordered.examples(16), examples)


def test_a_run_knows_how_its_examples_were_chosen(tmp_path, quick, small):
    recipe = override(quick, {"data.source": "mnist-5k", "data.train": 500, "data.test": 100})
    run = start_run(recipe, small, tmp_path / "new", torch.device("cpu"))
    assert run.data.subsets == "limited"
    text = (run.path / "data.json").read_text()
    assert '"subsets": "limited"' in text
    before = text.replace('"limited"', '"front"')
    (run.path / "data.json").write_text(before)
    write_identity(run.path)
    assert load_run_split(open_run(run.path)).subsets == "front"


def test_kept_codes_of_a_run_of_before_are_those_that_it_kept(ordered, monkeypatch):
    monkeypatch.setattr("latentscape.evaluation.reconstruction.MAX_CODES", 5)
    assert kept_examples(replace(ordered, subsets="front")).tolist() == [0, 249, 499, 749, 999]
    drawn = kept_examples(ordered)
    assert np.bincount(LABELS[drawn]).tolist() in ([3, 2], [3, 1, 1])
    np.testing.assert_array_equal(drawn, ordered.subset("test", 5))


def test_the_likelihood_of_a_part_is_that_of_examples_of_every_label(model_of, small, monkeypatch):
    vae, seen = model_of("vae"), []

    def spy(model, split, *settings):
        seen.append(split.test)
        return estimate_likelihood(model, split, *settings)

    monkeypatch.setattr("latentscape.analyses.likelihood.method.estimate_likelihood", spy)

    class Opened:
        recipe = type("", (), {"data": type("", (), {"binarize": "none"}), "model": vae.config})
        model = vae
        split_with = staticmethod(lambda *settings: small)

    comparison = Comparison(type("", (), {"split": small})(), (), Opened())
    settings = LikelihoodSettings(samples=3, examples=20)
    result = ANALYSIS.measure(comparison, settings, ANALYSIS.inputs())
    labels = small.dataset.labels
    assert np.bincount(labels[seen[0]]).tolist() == [2] * 10
    expected = estimate_likelihood(vae, replace(small, test=seen[0]), 3, 0)
    assert result.nll == pytest.approx(-expected.mean())
    assert "20 test images, drawn of each label its share" in describe_protocol(result)[0]
    before = result.model_copy(
        update={"protocol": result.protocol.model_copy(update={"subset": "front"})}
    )
    assert "20 test images, the first ones" in describe_protocol(before)[0]


def test_mmd_to_the_prior_is_of_drawn_codes(model_of, small, monkeypatch):
    vae = model_of("vae")
    monkeypatch.setattr(latent, "MMD_CODES", 30)
    places = np.searchsorted(small.test, small.subset("test", 30))
    assert np.bincount(small.dataset.labels[small.test[places]]).tolist() == [3] * 10
    posterior = posteriors(vae, small.dataset, small.test)
    source = torch.Generator().manual_seed(latent.derive_seed(small.seed, "discrepancy"))
    mean, deviation = posterior.mean[places], (posterior.log_variance[places] / 2).exp()
    codes = mean + deviation * torch.randn(mean.shape, generator=source)
    prior = torch.randn(mean.shape, generator=source)
    measured = latent.measure_latent(vae, small).mmd
    assert measured == pytest.approx(float(squared_mmd(codes, prior)), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("has_validation", [True, False])
def test_the_use_of_codes_is_watched_on_drawn_examples(ordered, monkeypatch, has_validation):
    monkeypatch.setattr(validation, "DIAGNOSED", 100)
    everything, nothing = ordered.train, ordered.validation
    split = replace(ordered, validation=everything, train=nothing) if has_validation else ordered
    watched = validation.diagnosed(split)
    assert np.bincount(LABELS[watched]).tolist() == [60, 30, 10]


def test_points_of_maps_are_drawn_of_each_label_its_share(ordered):
    places = maps._choose(pixel_codes(ordered), 100)
    assert places.keys() == {"test"}
    assert np.bincount(LABELS[ordered.test[places["test"]]]).tolist() == [60, 30, 10]


def test_clusters_are_not_drawn_by_labels(ordered, monkeypatch):
    """What is formed without labels must not know of any."""
    from latentscape.analyses.clusters import method

    calls = []
    monkeypatch.setattr(
        method, "draw_subset", lambda *given: calls.append(given) or draw_subset(*given)
    )
    monkeypatch.setattr(method, "MAX_VALUES", 400)
    comparison = compare_codes(codes={"z": ordered.dataset.images}, labels=LABELS)
    settings = method.ClusterSettings(methods=("kmeans",))
    method.find_clusters(comparison.rows[0], settings)
    (places, labels, most, _), *_ = calls
    assert len(places) > most == 100
    assert labels is None
