"""The registry of formats that a model can be exported to.

It only names where each `latentscape.exports.target.Target` is, so that listing the formats imports
nothing. The entry of a format from elsewhere may be the target itself.
"""

TARGETS: dict[str, object] = {
    "onnx": "latentscape.exports.onnx_file:ONNX",
    "keras": "latentscape.exports.keras_file:KERAS",
    "torch-export": "latentscape.exports.torch_file:TORCH_EXPORT",
}
"""The formats of ``latentscape export --to``."""
