from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.analyses.anomalies import ANALYSIS
from latentscape.analyses.anomalies import scoring as module
from latentscape.analyses.anomalies.scoring import (
    BASELINES,
    SCORES,
    score_anomalies,
    score_baselines,
)
from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe, override
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Dataset, Split
from latentscape.data import split_dataset
from latentscape.inference.codec import encode
from latentscape.model import Network
from latentscape.reporting.sentences import describe_skip


@pytest.fixture(scope="module")
def zeros(digits):
    """About 360 training and 40 validation images, all of them zeros; 100 test images of all."""
    return split_dataset(digits, DataConfig(train_labels=("0",), test=100))


@pytest.fixture(scope="module")
def tested(zeros):
    return without_labels(zeros)


def without_labels(split):
    return replace(split, dataset=replace(split.dataset, labels=None))


def to_score(images):
    """Make images the test part of a split of their own."""
    none = np.empty(0, np.int64)
    dataset = Dataset("given", images, value_range=(0.0, 255.0))
    return Split(dataset, none, none, np.arange(len(images)))


@pytest.fixture(scope="module")
def result(model_of, zeros, tested):
    return score_anomalies(model_of("plain"), zeros, tested)


@pytest.fixture(scope="module")
def line():
    """Vectors (x, 1) along a line, and a split of them by hand: 0 to 49, of which 5 by 5."""
    values = np.stack([np.arange(50), np.ones(50)], 1).astype(np.float32) / 50
    split = split_dataset(Dataset("line", values, value_range=(0.0, 1.0)), DataConfig())
    every = np.arange(50)
    return replace(split, train=every[every % 5 > 0], validation=every[::5], test=every[:3])


def model_for(split, **changes):
    recipe = override(load_recipe("simple-20"), {"model.encoder.widths": [16], **changes})
    torch.manual_seed(0)
    prepared = prepare(recipe, split)
    return Network(prepared.model, prepared.objective).eval()


def test_every_kind_of_model_scores(model, zeros, tested):
    result = score_anomalies(model, zeros, zeros)
    assert tuple(result.scores) == SCORES
    assert all(scores.shape == (100,) for scores in result.scores.values())
    assert all(np.isfinite(scores).all() for scores in result.scores.values())
    assert result.skipped == ()


def test_reconstruction_is_the_squared_error_per_pixel(model_of, result, tested):
    images = tested.dataset.images[tested.test]
    means = model_of("plain").reconstruct(torch.from_numpy(images)).detach().numpy()
    expected = ((means - images / 255.0) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(result.scores["reconstruction"], expected, rtol=1e-5)


def test_latent_knn_is_the_mean_distance_to_the_nearest_training_codes(model_of, zeros, result):
    codes, train = (
        encode(model_of("plain"), zeros.dataset, part).astype(np.float64)
        for part in (zeros.test, zeros.train)
    )
    distances = np.linalg.norm(codes[:, None] - train, axis=2)
    expected = np.sort(distances, 1)[:, :5].mean(1)
    np.testing.assert_allclose(result.scores["latent_knn"], expected, rtol=1e-4)


def test_mahalanobis_counts_in_standard_deviations():
    """With many codes hardly anything is shrunk: distances are those of the true covariance."""
    scales = np.array([1.0, 3.0])
    train = np.random.default_rng(0).normal(0, scales, (100_000, 2)).astype(np.float32)
    points = np.array([[0, 0], [2, 0], [0, 6], [3, 12]], np.float32)
    distances = module.MahalanobisDistance(train)(points)
    np.testing.assert_allclose(distances, [0, 2, 2, 5], atol=0.03)


def test_long_codes_are_projected_first():
    """Of 300 values, three carry the examples: the rest has no part in the distance."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(300, 3)))[0].T
    train = rng.normal(size=(500, 3)) @ basis
    distance = module.MahalanobisDistance(train)
    assert distance._projected(train).shape == (500, 3)
    distances = distance(np.stack([basis[0] * 4, train.mean(0)]))
    np.testing.assert_allclose(distances, [4, 0], atol=0.5)


def test_ranks_are_shares_of_known_scores_and_go_on_beyond_them():
    known = np.array([4.0, 1.0, 2.0, 2.0])
    scores = np.array([0.0, 1.0, 1.5, 2.0, 4.0, 5.0, 8.0])
    expected = [0, 1 / 8, 1 / 4, 1 / 2, 7 / 8, 5 / 4, 2]
    np.testing.assert_allclose(module._rank(known, scores), expected)


def test_known_scores_of_nothing_rank_what_is_not_nothing_above_them():
    ranks = module._rank(np.zeros(4), np.array([0.0, 1e-6]))
    assert ranks[0] == 0.5
    assert 1 < ranks[1] < np.inf


def test_the_rank_average_is_over_the_validation_examples(model_of, zeros, result, tested):
    known = score_anomalies(model_of("plain"), zeros, replace(tested, test=zeros.validation))
    ranks = [module._rank(known.scores[name], result.scores[name]) for name in SCORES[:3]]
    np.testing.assert_allclose(result.scores["rank_average"], np.mean(ranks, 0), rtol=1e-6)
    assert result.ranked_among == "validation"
    assert known.scores["rank_average"].mean() == pytest.approx(0.5, abs=1e-6)


def test_a_score_does_not_depend_on_what_else_is_scored(model_of, zeros, result, tested):
    alone = score_anomalies(model_of("plain"), zeros, replace(tested, test=tested.test[7:8]))
    for name in SCORES:
        assert alone.scores[name][0] == pytest.approx(result.scores[name][7], rel=1e-4)


def test_pieces_of_large_data_are_scored_as_the_whole(model_of, zeros, tested, monkeypatch):
    whole = score_anomalies(model_of("plain"), zeros, tested)
    monkeypatch.setattr(module, "max_examples", lambda shape: 30)
    assert [len(piece.test) for piece in module._pieces(tested)] == [30, 30, 30, 10]
    pieces = score_anomalies(model_of("plain"), zeros, tested)
    for key in SCORES:
        np.testing.assert_allclose(pieces.scores[key], whole.scores[key], rtol=1e-5)


def test_with_few_validation_examples_ranks_are_taken_among_training_examples(line):
    result = score_baselines(line, line, 1, neighbours=1)
    assert result.ranked_among == "train"
    # Training examples are two places apart at most, without being their own neighbours.
    np.testing.assert_allclose(result.scores["pixel_knn"], [0.02, 0, 0], atol=1e-6)
    steps = line.dataset.images[line.train]
    known = module.NeighbourDistance(steps, 1)(steps, skip=1)
    np.testing.assert_allclose(known, 0.02, atol=1e-6)


def test_baselines_know_zeros_from_the_rest(zeros, tested):
    result = score_baselines(zeros, tested, 20)
    strange = zeros.dataset.labels[zeros.test] != 0
    assert tuple(result.scores) == BASELINES
    for scores in result.scores.values():
        assert np.median(scores[strange]) > scores[~strange].max()


def test_a_collapsed_encoder_leaves_only_errors(zeros, tested):
    model = model_for(zeros)
    for weight in model.latent.parameters():
        weight.data.zero_()
    result = score_anomalies(model, zeros, tested)
    assert set(result.scores) == {"reconstruction", "rank_average"}
    (skip,) = result.skipped
    assert (skip.item, skip.reason) == ("latent_knn and mahalanobis were", "same_codes")
    assert describe_skip(skip, ANALYSIS.skip_reasons) == (
        "latent_knn and mahalanobis were left out: the codes of this model are all the same, the "
        "encoder has collapsed."
    )


def test_more_neighbours_than_training_examples(zeros, model_of, tested):
    result = score_anomalies(model_of("plain"), zeros, tested, neighbours=1000)
    assert set(result.scores) == {"reconstruction", "mahalanobis", "rank_average"}
    (skip,) = result.skipped
    assert describe_skip(skip, ANALYSIS.skip_reasons) == (
        "latent_knn was left out: it needs 1,000 training examples, and there are "
        f"{len(zeros.train)}."
    )


def test_vectors_are_scored(vectors):
    model = model_for(vectors, **{"model.latent.dim": 2})
    for result in (score_anomalies(model, vectors, vectors), score_baselines(vectors, vectors, 2)):
        assert all(np.isfinite(scores).all() for scores in result.scores.values())


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 1, 14, 14), r"shape \(3, 1, 14, 14\).*\(n, 1, 28, 28\)"),
        ((3, 784), r"shape \(3, 784\)"),
        ((0, 1, 28, 28), r"shape \(0, 1, 28, 28\)"),
    ],
)
def test_images_of_another_shape(model_of, zeros, shape, message):
    with pytest.raises(DataError, match=message):
        score_anomalies(model_of("plain"), zeros, to_score(np.zeros(shape, np.float32)))


def test_images_that_are_not_finite(model_of, zeros, tested):
    images = tested.dataset.images[:5].astype(np.float32)
    images[2, 0, 3, 3] = np.nan
    with pytest.raises(DataError, match="nan"):
        score_anomalies(model_of("plain"), zeros, to_score(images))


def test_a_model_that_diverged(zeros, tested):
    model = model_for(zeros)
    next(model.encoder.parameters()).data.fill_(torch.nan)
    with pytest.raises(DataError, match=r"codes of this model are not finite.*diverged"):
        score_anomalies(model, zeros, tested)


def test_a_conditional_model_needs_labels(model_of, zeros, tested):
    with pytest.raises(ConfigError, match="conditioned on labels"):
        score_anomalies(model_of("cond"), zeros, tested)
