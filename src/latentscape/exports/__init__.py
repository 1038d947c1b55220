"""Files that run a trained model where Latentscape is not: ONNX, Keras, torch.export."""

from latentscape.exports.checked import Exported, export_model
from latentscape.exports.targets import TARGETS, Target, choose_target

__all__ = ["TARGETS", "Exported", "Target", "choose_target", "export_model"]
