"""Legibility: whether a reconstruction still shows its original."""
