"""What the page decodes is what PyTorch decodes, with every operation of the recipes."""

import numpy as np
import pytest
from tools.evidence.decoders import POINTS, decoder_of, describe_decoder, write_decoders

from covering import covering
from latentscape.config import recipe_names
from latentscape.explorer.networks import halved
from latentscape.exports.onnx_file import trace_onnx

ALLOWED = {"float32": 1e-4, "float16": 1 / 255}
RECIPES = covering(recipe_names())
DECODE = """async ([number, codes, labels]) => {
  const { models } = await window.latentscape;
  return [...await models[number].decode(Float32Array.from(codes), labels)];
}"""


@pytest.fixture(scope="module")
def decoders(small):
    """The decoder of each of these recipes, beside codes and the images that PyTorch decodes."""
    return {name: decoder_of(name, small) for name in RECIPES}


@pytest.fixture(scope="module")
def files(decoders):
    """ONNX files by recipe and precision."""
    contents = {name: trace_onnx(decoder) for name, decoder in decoders.items()}
    return {
        (name, precision): graph
        for name, content in contents.items()
        for precision, graph in (("float32", content), ("float16", halved(content)))
    }


@pytest.fixture(scope="module")
def address(decoders, files, small, tmp_path_factory):
    """A page that has nothing but these decoders and a few points."""
    keys = {case: f"m{number}" for number, case in enumerate(files)}
    models = [
        describe_decoder(keys[name, precision], name, decoders[name], precision, graph.ByteSize())
        for (name, precision), graph in files.items()
    ]
    file = tmp_path_factory.mktemp("recipes") / "explorer.html"
    write_decoders(models, {keys[case]: graph for case, graph in files.items()}, small, file)
    return file.as_uri()


def test_the_page_decodes_as_pytorch_does(visitor, address, files, decoders):
    page = visitor().open(address)
    too_large = {}
    for number, (name, precision) in enumerate(files):
        decoder = decoders[name]
        codes, *labels = [values[:POINTS].tolist() for values in decoder.inputs.values()]
        asked = [number, np.ravel(codes).tolist(), labels[0] if labels else []]
        images = np.asarray(page.evaluate(DECODE, asked))
        expected = decoder.expected[:POINTS].numpy().ravel()
        assert images.shape == expected.shape
        difference = float(np.abs(images - expected).max())
        if not difference <= ALLOWED[precision]:
            too_large[name, precision] = difference
    assert too_large == {}
    assert len(files) == len(ALLOWED) * len(RECIPES)
