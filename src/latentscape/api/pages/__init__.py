"""Findings as a page: one self-contained HTML file, and the figures beside it."""
