"""Decoder and encoder as ONNX, so that the page runs them itself."""

import copy
from typing import Any, Literal

import numpy as np

from latentscape.core.errors import ConfigError, brief
from latentscape.core.extras import load
from latentscape.core.records import Array
from latentscape.explorer.contents import Graph
from latentscape.explorer.explored import Explored, Piece
from latentscape.exports.checked import allowed_difference, difference_from
from latentscape.exports.onnx_file import open_onnx, require_onnx, trace_onnx
from latentscape.exports.submodels import MAX_CHECKED, Submodel, split_model
from latentscape.model import Network

PARTS: tuple[Literal["decoder", "encoder"], ...] = ("decoder", "encoder")

MAX_IMAGE_DIFFERENCE = 1 / 255
"""Of decoded images with weights of half precision: less than a level of grey."""

MAX_CODE_DIFFERENCE = 1e-3
"""Of codes with weights of half precision, as a share of their standard deviation."""

MIN_HALVED = 300
"""Numbers in an array from which on half precision saves anything worth having."""

WITHOUT = "The page cannot {verb} by itself: "

_VERBS = {"decoder": "decode", "encoder": "encode"}


def networks(explored: Explored) -> Piece:
    """Write decoder and encoder as ONNX, and run both on points against the model.

    What cannot be written is left out, with the reason.
    """
    try:
        require_onnx()
    except ConfigError as error:
        return _without(dict.fromkeys(PARTS, str(error)))
    submodels = split_model(_on_cpu(explored.model), explored.points.alone(MAX_CHECKED))
    fields, arrays, reasons = dict[str, object](), dict[str, Array](), dict[str, str]()
    for part in PARTS:
        try:
            fields[part], arrays[part] = _written(submodels[part])
        except Exception as error:  # noqa: BLE001  The parts of a model may be anybody's.
            reasons[part] = f"ONNX cannot express its {part}. {brief(error, 200)}"
    return Piece({**fields, **_without(reasons).fields}, arrays)


def _without(reasons: dict[str, str]) -> Piece:
    return Piece(
        {
            f"{part}_reason": WITHOUT.format(verb=_VERBS[part]) + reason[:1].lower() + reason[1:]
            for part, reason in reasons.items()
        }
    )


def _on_cpu(model: Network) -> Network:
    return model if model.device.type == "cpu" else copy.deepcopy(model).cpu()


def _written(submodel: Submodel) -> tuple[Graph, Array]:
    """Write a part in half precision where that is close enough, otherwise in full."""
    content = trace_onnx(submodel)
    for precision, graph, allowed in (
        ("float16", halved(content), _allowed_when_halved(submodel)),
        ("float32", content, allowed_difference(submodel)),
    ):
        data: bytes = graph.SerializeToString()
        if precision == "float16" and len(data) >= content.ByteSize():
            continue  # A small network has nothing to be halved.
        difference = difference_from(submodel, open_onnx(data))
        if difference <= allowed:
            facts = {"precision": precision, "difference": difference, "bytes": len(data)}
            return Graph.model_validate(facts), np.frombuffer(data, np.uint8)
    raise ValueError(f"it differs from the model by {difference:.1e}")


def _allowed_when_halved(submodel: Submodel) -> float:
    if submodel.name == "decoder":
        return MAX_IMAGE_DIFFERENCE
    return MAX_CODE_DIFFERENCE * float(submodel.expected.std(correction=0))


def halved(content: Any) -> Any:
    """Return a copy of an ``onnx.ModelProto`` whose large arrays of weights are float16.

    The graph turns them back into float32, and computes as before.
    """
    onnx = load("onnx")
    copied = onnx.ModelProto()
    copied.CopyFrom(content)
    graph, casts = copied.graph, []
    for weights in graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if weights.data_type != onnx.TensorProto.FLOAT or values.size < MIN_HALVED:
            continue
        name, stored = weights.name, f"{weights.name}.float16"
        with np.errstate(over="ignore"):  # Infinite weights differ, and are not kept.
            weights.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
        cast = onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT)
        casts.append(cast)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return copied
