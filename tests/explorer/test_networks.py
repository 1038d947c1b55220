"""Decoder and encoder of the page do what the model does, in as few bytes as that allows."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

from latentscape.core.extras import require
from latentscape.explorer import networks
from latentscape.explorer.contents import Model
from latentscape.explorer.examples import points_of_split
from latentscape.explorer.explored import Explored
from latentscape.exports import onnx_file
from latentscape.exports.onnx_file import open_onnx
from latentscape.exports.submodels import split_model

FACTS = ("precision", "difference")
KINDS = ("plain", "cond-2", "vq")


def explored(model, split):
    opened = SimpleNamespace(model=model)
    return Explored("m0", "toy", opened, points_of_split(split, 90), split)


@pytest.fixture(scope="module")
def pieces(model_of, small):
    return {kind: networks.networks(explored(model_of(kind), small)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_they_equal_the_model(pieces, model_of, small, kind):
    piece = pieces[kind]
    points = explored(model_of(kind), small).points
    images = torch.from_numpy(points.dataset.images[points.index[:20]])
    labels = torch.from_numpy(points.labels[:20]) if kind == "cond-2" else None
    beside = {} if labels is None else {"labels": labels.numpy()}
    with torch.inference_mode():
        codes = model_of(kind).encode(images, labels)
        decoded = model_of(kind).decode(codes, labels)
    run = {part: open_onnx(piece.arrays[part].tobytes()) for part in networks.PARTS}
    found = run["decoder"]({"codes": codes.numpy(), **beside})
    precision, difference = (getattr(piece.fields["decoder"], f) for f in FACTS)
    assert precision == ("float32" if kind == "vq" else "float16")  # It is too small for halves.
    assert difference <= (1e-4 if kind == "vq" else 1 / 255)
    assert np.abs(found - decoded.numpy()).max() <= difference + 1e-6
    found = run["encoder"]({"images": images.numpy(), **beside})
    assert np.allclose(found, codes.numpy(), atol=1e-3 * float(codes.std()))


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_described(pieces, kind):
    fields, arrays = pieces[kind].fields, pieces[kind].arrays
    for part in networks.PARTS:
        assert fields[part].bytes == len(arrays[part])
        inputs = [value.name for value in onnx.load_from_string(arrays[part].tobytes()).graph.input]
        expected = ["codes" if part == "decoder" else "images"]
        assert inputs == expected + (["labels"] if kind == "cond-2" else [])
    assert not {"decoder_reason", "encoder_reason"} & fields.keys()


def test_halves_are_half_as_large(pieces, model_of, small):
    submodel = split_model(model_of("plain"), small)["decoder"]
    full = onnx_file.trace_onnx(submodel).ByteSize()
    assert pieces["plain"].fields["decoder"].bytes < 0.55 * full


def test_weights_beyond_half_precision_stay_whole(model_of, small, monkeypatch):
    real = networks.halved

    def spoilt(content):
        copied = real(content)
        for weights in copied.graph.initializer:
            if weights.data_type == onnx.TensorProto.FLOAT16:
                values = np.full(weights.dims, np.inf, np.float16)
                weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
        return copied

    monkeypatch.setattr(networks, "halved", spoilt)
    piece = networks.networks(explored(model_of("plain"), small))
    for part in networks.PARTS:
        assert piece.fields[part].precision == "float32"
        assert piece.fields[part].difference <= 1e-4


def test_a_missing_package_is_named(model_of, small, monkeypatch):
    def absent(name):
        return require("no_such_package", "onnx", "The export to ONNX")

    monkeypatch.setattr(onnx_file, "_package", absent)
    piece = networks.networks(explored(model_of("plain"), small))
    assert not piece.arrays
    for part, verb in (("decoder", "decode"), ("encoder", "encode")):
        reason = piece.fields[f"{part}_reason"]
        assert reason.startswith(f"The page cannot {verb} by itself: ")
        assert "latentscape[onnx]" in reason


def test_a_part_that_onnx_cannot_express_is_named(model_of, small, monkeypatch):
    real = networks.trace_onnx

    def trace(submodel):
        if submodel.name == "decoder":
            raise RuntimeError("no operator 'strange'")
        return real(submodel)

    monkeypatch.setattr(networks, "trace_onnx", trace)
    piece = networks.networks(explored(model_of("plain"), small))
    assert piece.arrays.keys() == {"encoder"}
    assert "no operator 'strange'" in piece.fields["decoder_reason"]
    facts = {"key": "m0", "label": "", "run": "", "recipe": "", "latent_dim": 2, "kind": ""}
    assert Model(**facts, **piece.fields).decoder is None
