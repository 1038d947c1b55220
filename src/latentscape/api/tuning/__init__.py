"""Searches: settings that are chosen by trying them, with Optuna."""

from latentscape.api.tuning.functions import tune

__all__ = ["tune"]
