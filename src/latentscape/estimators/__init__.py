"""Scikit-learn estimators: an autoencoder as a transformer, and three that use its codes.

::

    X -> Layout, Examples -> Autoencoder -> codes -> AutoencoderClusterer
                                                  -> AutoencoderDetector
                                                  -> AutoencoderClassifier
"""

from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.classifier import AutoencoderClassifier
from latentscape.estimators.clusterer import AutoencoderClusterer
from latentscape.estimators.detector import AutoencoderDetector

__all__ = [
    "Autoencoder",
    "AutoencoderClassifier",
    "AutoencoderClusterer",
    "AutoencoderDetector",
]
