"""Whether a GPU computes what a CPU does, and how fast: ``python -m benchmarks.gpu``."""
