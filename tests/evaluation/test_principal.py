"""Principal components: those of scikit-learn, and the same from rows that come in chunks."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentscape.evaluation import principal
from latentscape.evaluation.principal import fit_components


@pytest.fixture
def in_passes(monkeypatch):
    """Let a few thousand values be too many to be held at once, and any covariance too large."""
    monkeypatch.setattr(principal, "MAX_RESIDENT", 4000)
    monkeypatch.setattr(principal, "MAX_COVARIANCE", 0)


@pytest.fixture(params=["one pass", "passes"])
def in_chunks(request, in_passes, monkeypatch):
    """Go through rows once for their covariance, or several times."""
    if request.param == "one pass":
        monkeypatch.setattr(principal, "MAX_COVARIANCE", 40)


def drawn(n=3000, dim=40, seed=0):
    """Draw rows whose variances fall slowly, away from 0."""
    source = np.random.default_rng(seed)
    turned = np.linalg.qr(source.standard_normal((dim, dim)))[0]
    scales = 1 / np.sqrt(1 + np.arange(dim))
    return (source.standard_normal((n, dim)) * scales @ turned + 3).astype(np.float32)


def fitted(rows, count):
    def taken(places):
        assert len(places) <= principal.CHUNK
        return rows[places]

    return fit_components(taken, rows.shape, count)


def error(components, rows):
    restored = components.restore(components.project(rows))
    return float(np.square(restored - rows, dtype=np.float64).mean())


SHAPES = [(300, 20), (1500, 60), (30, 60), (1, 4), (2500, 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_few_rows_have_the_components_of_scikit_learn(shape):
    rows = drawn(*shape)
    count = min(5, *shape)
    components = fitted(rows, count)
    with np.errstate(all="ignore"):
        model = PCA(count).fit(rows.astype(np.float64))
    np.testing.assert_allclose(components.mean, model.mean_, rtol=1e-6)
    np.testing.assert_allclose(components.shares, model.explained_variance_ratio_, rtol=1e-5)
    exact = np.square(model.inverse_transform(model.transform(rows)) - rows).mean()
    assert error(components, rows) == pytest.approx(exact, rel=1e-5, abs=1e-9)
    if len(rows) > 1:
        np.testing.assert_allclose(components.directions, model.components_, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_few_long_rows_have_them_to_the_bit(shape, monkeypatch):
    monkeypatch.setattr(principal, "MAX_COVARIANCE", 0)
    rows = drawn(*shape)
    count = min(5, *shape)
    with np.errstate(all="ignore"):
        model = PCA(count, random_state=0).fit(rows)
    components = fitted(rows, count)
    np.testing.assert_array_equal(components.project(rows), model.transform(rows))
    codes = components.project(rows)
    np.testing.assert_array_equal(components.restore(codes), model.inverse_transform(codes))
    np.testing.assert_array_equal(components.shares, model.explained_variance_ratio_)
    assert components.limits == (rows.min(), rows.max())


@pytest.mark.parametrize("count", [1, 5, 25, 40])
def test_many_rows_have_the_same_components_up_to_a_hundred_thousandth(count, in_chunks):
    rows = drawn()
    model = PCA(count).fit(rows.astype(np.float64))
    components = fitted(rows, count)
    exact = np.square(model.inverse_transform(model.transform(rows)) - rows).mean()
    assert error(components, rows) == pytest.approx(exact, rel=1e-5, abs=1e-9)
    np.testing.assert_allclose(components.mean, model.mean_, rtol=1e-6)
    np.testing.assert_allclose(components.shares, model.explained_variance_ratio_, rtol=1e-3)
    np.testing.assert_allclose(components.directions[0], model.components_[0], atol=1e-2)
    gram = components.directions @ components.directions.T
    np.testing.assert_allclose(gram, np.eye(count), atol=1e-5)
    assert components.limits == (rows.min(), rows.max())


@pytest.mark.parametrize("passes", [1, 2])
def test_components_of_a_search_that_is_cut_short_are_those_of_its_last_pass(
    passes, in_passes, monkeypatch
):
    rows = drawn()
    exact = PCA(5).fit(rows.astype(np.float64))
    monkeypatch.setattr(principal, "MAX_PASSES", passes)
    monkeypatch.setattr(principal, "CONVERGED", 0.0)
    components = fitted(rows, 5)
    held = components.project(rows).var(0, dtype=np.float64)
    np.testing.assert_allclose(held / rows.var(0, dtype=np.float64).sum(), components.shares, 1e-3)
    assert held.sum() > 0.95 * exact.explained_variance_.sum()


def test_many_rows_that_are_all_the_same_are_restored(in_chunks):
    rows = np.full((2500, 7), 0.25, np.float32)
    components = fitted(rows, 3)
    assert error(components, rows) < 1e-12
    assert np.isfinite(components.directions).all()


def test_the_same_rows_have_the_same_components_to_the_bit(in_chunks):
    one, other = (fitted(drawn(), 8).directions for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_one_pass_finds_directions_of_little_variance(in_passes, monkeypatch):
    monkeypatch.setattr(principal, "MAX_COVARIANCE", 40)
    rows = drawn()
    exact = PCA(40).fit(rows.astype(np.float64)).components_
    np.testing.assert_allclose(fitted(rows, 40).directions, exact, atol=1e-3)


@pytest.mark.parametrize("largest", [0, 784])
def test_passes_over_mnist_agree_with_scikit_learn(mnist, monkeypatch, largest):
    images = mnist.images[:30_000].reshape(30_000, -1)
    tested = mnist.images[60_000:].reshape(10_000, -1) / np.float32(255)

    def rows(places):
        return images[places] / np.float32(255)

    monkeypatch.setattr(principal, "MAX_COVARIANCE", largest)
    in_chunks = fit_components(rows, images.shape, 32)
    monkeypatch.setattr(principal, "MAX_RESIDENT", images.size)
    whole = fit_components(rows, images.shape, 32)
    assert error(in_chunks, tested) == pytest.approx(error(whole, tested), rel=1e-5)
