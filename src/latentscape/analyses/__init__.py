"""Analyses of codes and models, a folder each."""
