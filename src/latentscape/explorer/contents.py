"""What the page is told: facts as JSON, beside arrays that they name.

The page reads the same records: its interfaces stand in ``web/src/data/manifest.ts``.
"""

import json
from typing import Literal

from pydantic import Field

from latentscape.core.findings import Record

SCHEMA = 1

Dtype = Literal["float32", "float16", "int32", "uint8"]
MapMethod = Literal["code", "pca", "tsne", "umap"]


class ArrayFacts(Record):
    """Type and shape of an array, of which the page is given little-endian bytes."""

    dtype: Dtype
    shape: tuple[int, ...]


class Thumbnails(Record):
    """Small pictures of the points.

    Attributes
    ----------
    shape : tuple of int
        (C, h, w); of vectors (d,).
    reduced : bool
        Whether they are smaller than the examples.
    """

    shape: tuple[int, ...]
    reduced: bool


class PointColumn(Record):
    """Something else that is known of each point.

    Attributes
    ----------
    key : str
        Names its array, ``column/KEY``: int32 places in `values`, or float32.
    name : str
        What people call it.
    kind : str
        ``category`` or ``number``.
    values : tuple of str
        The categories; those that are missing have the place -1.
    """

    key: str
    name: str
    kind: Literal["category", "number"]
    values: tuple[str, ...] = ()


class Fact(Record):
    """A line of "how was this made"."""

    name: str
    value: str


class Dim(Record):
    """What the points have as one number of their codes.

    Attributes
    ----------
    low, high : float
        1st and 99th percentile.
    mean, sd : float
        Over the points.
    rate : float or None
        Nats; None where there is no posterior.
    active : bool
        Whether it changes from point to point.
    """

    low: float
    high: float
    mean: float
    sd: float
    rate: float | None = None
    active: bool = True


class Graph(Record):
    """A decoder or encoder that the page runs itself.

    Attributes
    ----------
    precision : str
        In which its weights are stored.
    difference : float
        The largest difference from the model, on real examples: of images on the scale 0 to 1, or
        of codes.
    bytes : int
        Its size.
    """

    precision: Literal["float32", "float16"]
    difference: float
    bytes: int


class Map(Record):
    """Points in the plane.

    Attributes
    ----------
    method : str
        ``code``, ``pca``, ``tsne`` or ``umap``; names its array, ``KEY/map/METHOD``.
    name : str
        What people call it.
    decode : str
        How a place becomes a code: ``exact``, it is one; ``linear``, by the inverse of PCA;
        ``neighbours``, as a weighted mean of the codes of the nearest points.
    note : str
        How it was drawn.
    """

    method: MapMethod
    name: str
    decode: Literal["exact", "linear", "neighbours"]
    note: str = ""


class Score(Record):
    """A number for each point.

    Attributes
    ----------
    key : str
        Names its array, ``KEY/score/SCORE``.
    name, unit, about : str
        What people call it; in what it is measured; what it means.
    threshold : float or None
        Beyond it points are called anomalous.
    higher : str
        ``worse``, ``better`` or ``neither``.
    """

    key: str
    name: str
    unit: str = ""
    about: str = ""
    threshold: float | None = None
    higher: Literal["worse", "better", "neither"] = "neither"


class Clusters(Record):
    """What falls together; the array ``KEY/clusters`` holds places in `names`."""

    name: str
    names: tuple[str, ...]


class Anomaly(Record):
    """What tells an image of somebody's own from the training examples.

    Attributes
    ----------
    error_threshold : float
        Squared error per pixel that few validation examples exceed.
    false_alarms : float
        Share of the validation examples that does.
    mahalanobis : bool
        Whether there are ``KEY/anomaly/mean`` (D) and ``KEY/anomaly/precision`` (D, D).
    mahalanobis_threshold : float or None
        Distance that as few exceed.
    """

    error_threshold: float
    false_alarms: float
    mahalanobis: bool = False
    mahalanobis_threshold: float | None = None


class Samples(Record):
    """Codes that were drawn: ``KEY/samples`` (m, D).

    Attributes
    ----------
    origin : str
        What they were drawn from.
    count : int
        How many.
    labels : bool
        Whether ``KEY/samples/labels`` (m,) says what a conditional model decodes them with.
    """

    origin: str
    count: int
    labels: bool = False


class Model(Record):
    """A model, and what it makes of the points.

    Attributes
    ----------
    key : str
        Begins the names of its arrays: ``m0``.
    label, run, recipe : str
        What people call it; name of its run; the recipe as YAML.
    latent_dim : int
        Numbers in a code.
    kind : str
        Of its latent.
    quantises, conditional : bool
        Whether codes are made of the vectors of a codebook; whether it takes labels.
    dims : tuple of Dim
        One for each number of a code.
    decoder, encoder : Graph or None
        ``KEY/decoder`` and ``KEY/encoder`` hold the ONNX files; None where there is none.
    decoder_reason, encoder_reason : str
        Why there is none.
    maps : tuple of Map
        The one that is shown first comes first.
    scores : tuple of Score
        What is known of each point.
    clusters, anomaly, samples : Clusters, Anomaly, Samples or None
        See there.
    snapshots : tuple of int
        Epochs of which codes were kept.
    aligned : bool
        Whether its maps were moved onto those of the first model.
    """

    key: str
    label: str
    run: str
    recipe: str
    latent_dim: int
    kind: str
    quantises: bool = False
    conditional: bool = False
    dims: tuple[Dim, ...] = ()
    decoder: Graph | None = None
    decoder_reason: str = ""
    encoder: Graph | None = None
    encoder_reason: str = ""
    maps: tuple[Map, ...] = ()
    scores: tuple[Score, ...] = ()
    clusters: Clusters | None = None
    anomaly: Anomaly | None = None
    samples: Samples | None = None
    snapshots: tuple[int, ...] = ()
    aligned: bool = False


class Manifest(Record):
    """All that the page is told.

    Attributes
    ----------
    schema_version : int
        Of this record; the page reads it as ``schema``.
    title, about, version : str
        Of the page; what the model is; version of Latentscape.
    live : bool
        Whether a server answers.
    count : int
        Points.
    shape : tuple of int
        Of an example: (C, H, W) or (D,).
    range : tuple of float
        The stored values that stand for 0 and 1.
    byte_values : bool
        Whether encoders take 8-bit values.
    thumbnails : Thumbnails
        Small pictures of the examples.
    label_names, part_names : tuple of str
        What ``labels`` (count,) and ``parts`` (count,) are places in.
    names : tuple of str or None
        Names of files, or ids.
    columns : tuple of PointColumn
        Whatever else is known.
    models : tuple of Model
        One of a run, several of a study, all of the same points.
    facts, notes : tuple of Fact, tuple of str
        How it was made; what was left out, and why.
    arrays : dict of str to ArrayFacts
        By name.
    report : str or None
        Where the report is, relative to the page.
    """

    schema_version: int = Field(SCHEMA, serialization_alias="schema")
    title: str
    about: str = ""
    version: str
    live: bool = False
    count: int
    shape: tuple[int, ...]
    range: tuple[float, float]
    byte_values: bool
    thumbnails: Thumbnails
    label_names: tuple[str, ...] = ()
    part_names: tuple[str, ...]
    names: tuple[str, ...] | None = None
    columns: tuple[PointColumn, ...] = ()
    models: tuple[Model, ...]
    facts: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()
    arrays: dict[str, ArrayFacts] = {}
    report: str | None = None

    def to_text(self) -> str:
        """Write it as JSON that may stand inside HTML: no part of it can end a script."""
        content = self.model_dump(mode="json", by_alias=True)
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        for character in "<>&\u2028\u2029":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return text
