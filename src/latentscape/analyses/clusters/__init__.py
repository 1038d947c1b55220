"""Clusters: which codes fall together without labels."""
