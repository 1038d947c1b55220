"""ONNX files: written through torch.export, run by ONNX Runtime."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from latentscape.core.extras import require
from latentscape.exports.submodels import Runner, Submodel
from latentscape.exports.target import Target
from latentscape.runs import METADATA_KEY


def require_onnx() -> None:
    """Refuse where a package is missing that writes or runs ONNX files."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        _package(package)


def write_onnx(submodel: Submodel, metadata: str, file: Path) -> None:
    """Write one self-contained file, weights and all, and check that it is sound ONNX."""
    onnx, content = _package("onnx"), trace_onnx(submodel)
    onnx.helper.set_model_props(content, {METADATA_KEY: metadata})
    onnx.save(content, file)
    onnx.checker.check_model(file, full_check=True)


def trace_onnx(submodel: Submodel) -> Any:
    """Return an encoder or decoder as an ``onnx.ModelProto``, for any number of examples."""
    with _quietly():
        program = torch.onnx.export(
            submodel.trace(),
            input_names=list(submodel.inputs),
            output_names=[submodel.output],
            dynamic_shapes=[{0: "batch"} for _ in submodel.inputs],  # Names the axis, no more.
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    content = program.model_proto
    for node in content.graph.node:
        node.ClearField("metadata_props")  # PyTorch's own notes: longer than the rest.
    return content


def open_onnx(file: Path | bytes) -> Runner:
    """Load a file, or its content, into ONNX Runtime, on the CPU."""
    runtime = _package("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # Errors.
    session = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, dict(inputs))[0]


def _package(name: str) -> Any:
    return require(name, "onnx", "The export to ONNX")


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what PyTorch's exporter says of itself from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


ONNX = Target("ONNX", ".onnx", require_onnx, write_onnx, open_onnx)
