"""Neighbours: the training images nearest to others."""
