"""What the page decodes is what PyTorch decodes, of every recipe."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, recipe_names
from latentscape.explorer.contents import Graph, Manifest, Model, Thumbnails
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.gathering import describe_array
from latentscape.explorer.networks import halved
from latentscape.explorer.page import write_page
from latentscape.exports.onnx_file import trace_onnx
from latentscape.exports.submodels import split_model
from latentscape.model import Network

ALLOWED = {"float32": 1e-4, "float16": 1 / 255}
POINTS = 5
DECODE = """async ([number, codes, labels]) => {
  const { models } = await window.latentscape;
  return [...await models[number].decode(Float32Array.from(codes), labels)];
}"""


@pytest.fixture(scope="module")
def decoders(small):
    """The decoder of each recipe, untrained, beside codes and the images that PyTorch decodes."""

    def decoder(name):
        recipe = prepare(load_recipe(name), small)
        torch.manual_seed(0)
        return split_model(Network(recipe.model, recipe.objective).eval(), small)["decoder"]

    return {name: decoder(name) for name in recipe_names()}


@pytest.fixture(scope="module")
def models(decoders):
    """Models of the page with their ONNX files: each recipe in both precisions."""
    described = []
    for name, decoder in decoders.items():
        content = trace_onnx(decoder)
        for precision, graph in (("float32", content), ("float16", halved(content))):
            data = np.frombuffer(graph.SerializeToString(), np.uint8)
            key, dim = f"m{len(described)}", decoder.model.latent_dim
            facts = {"precision": precision, "difference": 0.0, "bytes": len(data)}
            model = Model(key=key, label=name, run=name, recipe="", latent_dim=dim, kind="")
            model = model.model_copy(update={"decoder": Graph.model_validate(facts)})
            described.append((model, {f"{key}/decoder": data}))
    return described


@pytest.fixture(scope="module")
def address(models, small, tmp_path_factory):
    """A page that has nothing but these decoders and a few points."""
    index = small.test[:POINTS]
    arrays = {
        "labels": small.dataset.labels[index].astype(np.int32),
        "parts": np.zeros(POINTS, np.uint8),
        "rows": index.astype(np.int32),
        "m0/map/pca": np.random.default_rng(0).random((POINTS, 2), np.float32),
    }
    for _, files in models:
        arrays |= files
    manifest = Manifest(
        title="Every recipe",
        version="0",
        count=POINTS,
        shape=(1, 28, 28),
        range=(0, 255),
        byte_values=True,
        thumbnails=Thumbnails(shape=(1, 28, 28), reduced=False),
        part_names=("test",),
        models=tuple(model for model, _ in models),
        arrays={name: describe_array(array) for name, array in arrays.items()},
    )
    folder = tmp_path_factory.mktemp("recipes")
    runs = {"m0": SimpleNamespace(path=folder / "run")}
    exploration = Exploration(manifest, arrays, small.dataset, index, {}, runs)
    write_page(exploration, folder / "explorer.html")
    return (folder / "explorer.html").as_uri()


def test_the_page_decodes_as_pytorch_does(visitor, address, models, decoders):
    page = visitor().open(address)
    differences = {precision: dict[str, float]() for precision in ALLOWED}
    for number, (model, _) in enumerate(models):
        decoder = decoders[model.label]
        codes, *labels = [values[:POINTS].tolist() for values in decoder.inputs.values()]
        given = [number, np.ravel(codes).tolist(), labels[0] if labels else []]
        images = np.asarray(page.evaluate(DECODE, given))
        expected = decoder.expected[:POINTS].numpy().ravel()
        assert images.shape == expected.shape
        difference = float(np.abs(images - expected).max())
        differences[model.decoder.precision][model.label] = difference
    for precision, allowed in ALLOWED.items():
        assert len(differences[precision]) == len(recipe_names())
        too_large = {k: value for k, value in differences[precision].items() if value > allowed}
        assert too_large == {}, precision
