"""Anomalies: examples unlike those that a model was trained on."""
