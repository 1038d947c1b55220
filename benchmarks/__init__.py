"""Benchmarks: Latentscape beside what else people would pick, in one run."""
