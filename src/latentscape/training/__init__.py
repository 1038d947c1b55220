"""Training: batches, optimizers, checkpoints and the loop."""
