"""Files that run a trained model where Latentscape is not: ONNX, Keras, torch.export."""
