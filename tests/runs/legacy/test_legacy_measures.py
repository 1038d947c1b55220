"""What version 0.1.0 kept of maps, legibility, likelihoods and samples, as today's parts."""

from pathlib import Path

import numpy as np
import pytest

from latentscape.analyses.legibility.result import Legibility
from latentscape.analyses.likelihood.result import Likelihood
from latentscape.analyses.maps.result import Maps
from latentscape.analyses.quality.result import Quality
from latentscape.core.errors import RunError
from latentscape.core.findings import MISSING_PACKAGE
from latentscape.runs.legacy import LegacyFindings, legacy_part

SCORES = {"trustworthiness": 0.9, "continuity": 0.8, "map_accuracy": 0.7, "seconds": 0.5}
NO_SCORES = dict.fromkeys(SCORES)


def findings(arrays=None, **parts):
    values = {
        "label": "vae-20",
        "recipe": {
            "model": {
                "latent": {"kind": "gaussian"},
                "likelihood": {"kind": "bernoulli"},
                "condition": None,
            },
            "data": {"binarize": "none"},
        },
        "data": {"sizes": {"train": 100, "validation": 10, "test": 60}},
        "evaluation": {"pca": {"dim": 4}},
        **parts,
    }
    return LegacyFindings(Path("findings.json"), values, arrays or {})


def maps(n=70, **changes):
    places = np.arange(2.0 * n, dtype=np.float32).reshape(n, 2)
    arrays = {
        "map_points": np.arange(n),
        "map_labels": np.arange(n) % 3,
        "map_tsne_0": places,
        "map_tsne_1": 2 * places,
        "map_code_0": 3 * places,
        "map_images": np.zeros((2, 1, 3, 3), np.float32),
        "map_image_places": np.array([0, 5]),
    }
    values = {
        "settings": {"methods": ["tsne", "umap"], "points": 2000, "seed": 1},
        "left_out": [
            "UMAP was left out: install it with: pip install 'latentscape[maps]'",
            "The codes of PCA, 4 are all the same: the encoder has collapsed, so there is no map "
            "of them",
            "The moon was full",
        ],
        "rows": [
            {"name": "vae-20", "kind": "model", "dim": 2},
            {"name": "raw pixels", "kind": "pixels", "dim": 9},
            {"name": "PCA, 4", "kind": "pca", "dim": 4},
        ],
        "maps": [
            {
                "method": "code",
                "neighbours": 10,
                "settings": {},
                "scores": [SCORES, NO_SCORES, NO_SCORES],
            },
            {
                "method": "tsne",
                "neighbours": 10,
                "settings": {"perplexity": 30.0},
                "scores": [SCORES, SCORES, NO_SCORES],
            },
        ],
        **changes,
    }
    return findings(arrays, projection=values)


def test_maps():
    result = legacy_part(maps(), Maps)
    assert result.settings.methods == ("tsne", "umap")
    code, tsne = result.methods
    assert [layout.kind for layout in code.layouts] == ["model"]
    assert [layout.code for layout in tsne.layouts] == ["vae-20", "raw pixels"]
    assert tsne.layouts[1].places[1, 1] == 6
    assert tsne.layouts[0].fidelity.accuracy == 0.7
    facts = result.protocol
    assert (facts.n_test, facts.n_train, facts.start, facts.neighbours) == (60, 10, "pixels", 10)
    assert result.thumbnails.points.tolist() == [0, 5]
    assert [(skip.item, skip.reason) for skip in result.skipped] == [
        ("UMAP was", MISSING_PACKAGE),
        ("", "no_map"),
        ("", "note"),
    ]
    assert result.skipped[0].detail == {"command": "pip install 'latentscape[maps]'"}


def test_no_maps():
    old = maps(maps=[], left_out=["Maps were left out: there are 4 points, and a map needs 5"])
    old.values["projection"]["rows"] = []
    old.arrays.clear()
    old.arrays.update(map_points=np.arange(4), map_labels=np.arange(4))
    result = legacy_part(old, Maps)
    assert result.methods == ()
    assert result.skipped[0].reason == "few_points"
    assert result.skipped[0].detail == {"points": 4, "min_points": 5}


def legibility(**changes):
    values = {
        "left_out": ["No training image is labelled dot: such test images count as unreadable"],
        "n": 60,
        "readable": 0.75,
        "originals": 0.9,
        "pca": 0.7,
        "per_class": {"ring": 0.9},
        "readable_of_16": 2,
        "originals_of_16": 3,
        "by_epoch": [{"epoch": 1, "readable_of_16": 1}],
        "judge": {"accuracy": 0.9, "n_train": 100, "n_test": 60},
        **changes,
    }
    arrays = {
        "legible": np.array([True, True, False]),
        "legible_read": np.array([0, 1, 1]),
        "legible_snapshots": np.array([[True, False, False]]),
    }
    return findings(arrays, legibility=values)


def test_legibility():
    result = legacy_part(legibility(), Legibility)
    reading = result.reading
    assert result.name == "vae-20"
    assert (result.protocol.n_fitted, result.protocol.n_scored) == (100, 60)
    assert (reading.readable, reading.originals, reading.readable_of_16) == (0.75, 0.9, 2)
    assert (reading.pca.dim, reading.pca.readable) == (4, 0.7)
    assert reading.labels.tolist() == [0, 1, 1]
    assert reading.at(1).legible.tolist() == [True, False, False]
    assert result.skipped[0].reason == "untrained_labels"
    assert result.skipped[0].detail == {"labels": "dot"}


def test_no_legibility():
    sentence = "Legibility was left out: toy has no labels, and what images show is judged by a"
    result = legacy_part(legibility(judge=None, left_out=[sentence]), Legibility)
    assert result.reading is None
    assert (result.skipped[0].item, result.skipped[0].reason) == ("Legibility was", "no_labels")


def likelihood(**changes):
    numbers = {"nll": 98.125, "se": None, "bits_per_dim": 1.2, "samples": 500, "n": 60}
    return findings(likelihood={**numbers, "binarize": "none", "protocol": "", **changes})


def test_likelihoods():
    result = legacy_part(likelihood(), Likelihood)
    assert (result.nll, result.se, result.bits_per_dim) == (98.125, None, None)
    assert result.settings.model_dump() == {
        "samples": 500,
        "binarize": None,
        "examples": None,
        "seed": 0,
    }
    assert (result.protocol.n, result.protocol.binarize) == (60, "none")
    assert (result.protocol.likelihood.of, result.protocol.is_conditional) == ("score", False)
    result = legacy_part(likelihood(binarize="static", n=7), Likelihood)
    assert (result.settings.binarize, result.settings.examples) == ("static", 7)
    assert (result.protocol.binarize, result.protocol.trained_on) == ("static", "none")
    assert (result.protocol.likelihood.levels, result.bits_per_dim) == (2, 1.2)


@pytest.mark.parametrize(
    ("latent", "source", "expected"),
    [
        ("gaussian", "prior", "prior"),
        ("point", "prior", "mmd"),
        ("vq", "prior", "codebook"),
        ("point", "gmm", "gmm"),
    ],
)
def test_quality(latent, source, expected):
    closeness = {"frechet_distance": 40.0, "precision": 0.5, "recall": 0.1}
    values = {
        "n": 2000,
        "source": source,
        "classifier": {"accuracy": 0.98, "n_train": 100, "n_test": 60},
        **closeness,
        "neighbours": 3,
        "label_shares": {"ring": 1.0},
        "data_shares": {"ring": 1.0},
        "label_distance": 0.0,
        "recognised": None,
        "reference": {**closeness, "recall": 0.9},
    }
    old = findings(quality=values)
    old.values["recipe"]["model"]["latent"]["kind"] = latent
    result = legacy_part(old, Quality)
    assert result.source == expected
    assert (result.judge_accuracy, result.settings.count) == (0.98, 2000)
    assert (result.closeness.recall, result.reference.recall) == (0.1, 0.9)


@pytest.mark.parametrize("kind", [Maps, Legibility, Likelihood, Quality])
def test_what_was_not_measured_is_not_there(kind):
    assert legacy_part(findings(), kind) is None


@pytest.mark.parametrize(
    ("name", "old", "kind"),
    [
        ("projection", maps(), Maps),
        ("legibility", legibility(), Legibility),
        ("likelihood", likelihood(), Likelihood),
    ],
)
def test_what_is_damaged_is_refused_with_the_file(name, old, kind):
    values = old.values[name]
    for key in values.keys() - {"protocol"}:
        broken = {other: value for other, value in values.items() if other != key}
        damaged = LegacyFindings(old.file, {**old.values, name: broken}, old.arrays)
        with pytest.raises(RunError, match=r"findings\.json is damaged.*latentscape"):
            legacy_part(damaged, kind)
