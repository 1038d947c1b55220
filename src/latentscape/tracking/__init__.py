"""Tracking: runs written to TensorBoard and MLflow while they train."""
