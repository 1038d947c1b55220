"""The page's interfaces name the fields of the records that it is given, and no others."""

import re
from pathlib import Path

import pytest

from latentscape.explorer import contents

SOURCE = Path(__file__).parents[2] / "web" / "src" / "data" / "manifest.ts"

RECORDS = {
    "ArrayInfo": contents.ArrayFacts,
    "MapInfo": contents.Map,
    "ScoreInfo": contents.Score,
    "ColumnInfo": contents.PointColumn,
    "DimensionInfo": contents.Dim,
    "NetworkInfo": contents.Graph,
    "AnomalyInfo": contents.Anomaly,
    "Clusters": contents.Clusters,
    "SamplesInfo": contents.Samples,
    "Thumbnails": contents.Thumbnails,
    "Fact": contents.Fact,
    "ModelInfo": contents.Model,
    "Manifest": contents.Manifest,
}


def interfaces() -> dict[str, set[str]]:
    """The fields of each interface, by its name."""
    text = SOURCE.read_text("utf-8")
    bodies = re.findall(r"export interface (\w+) \{\n(.*?)\n\}", text, re.DOTALL)
    return {name: set(re.findall(r"^  (\w+):", body, re.MULTILINE)) for name, body in bodies}


def test_all_interfaces_are_compared():
    assert interfaces().keys() == RECORDS.keys()


@pytest.mark.parametrize("name", RECORDS)
def test_fields(name):
    fields = RECORDS[name].model_fields
    written = {field.serialization_alias or key for key, field in fields.items()}
    assert interfaces()[name] == written
