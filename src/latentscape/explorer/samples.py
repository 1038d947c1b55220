"""Codes of new images, drawn for the page."""

from dataclasses import replace

import numpy as np

from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Array
from latentscape.evaluation.results import saved_codes
from latentscape.explorer.contents import Samples
from latentscape.explorer.explored import Explored, Piece
from latentscape.inference.samples import draw_codes
from latentscape.reporting.sentences import describe_source
from latentscape.runs import TrainedOn

COUNT = 256


def sample(explored: Explored) -> Piece:
    """Draw codes from the prior of a model, or from a mixture where it has none."""
    try:
        drawn = draw_codes(explored.model, _trained_on(explored), COUNT, seed=0)
    except (ConfigError, DataError) as error:
        return Piece(notes=(f"There are no random samples. {error}",))
    origin = describe_source(drawn.source)
    if drawn.fitted_on == "test":
        origin += " (here of test images: the training images are missing)"
    arrays: dict[str, Array] = {"samples": drawn.codes.numpy().astype(np.float32)}
    if drawn.labels is not None:
        arrays["samples/labels"] = drawn.labels.numpy().astype(np.int32)
    facts = Samples(origin=origin, count=COUNT, labels=drawn.labels is not None)
    return Piece({"samples": facts}, arrays)


def _trained_on(explored: Explored) -> TrainedOn:
    opened = explored.opened
    trained_on = replace(opened.trained_on, load_codes=lambda: saved_codes(opened.findings))
    split = explored.split
    return trained_on if split is None else replace(trained_on, load=lambda: split)
