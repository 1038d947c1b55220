"""What went wrong in training, as version 0.1.0 wrote it into events.jsonl: in sentences."""

import re

from latentscape.core.findings import Json

_ROLLBACK = re.compile(
    r"back to the end of epoch (\d+), with the learning rate times ([\d.e+-]+) "
    r"\(roll-back (\d+) of (\d+)\)"
)
_COLLAPSE = re.compile(r"The posterior has collapsed: none of the (\d+) latent dimensions")


def read_sentence(sentence: str) -> Json:
    """Return the facts of an event that a sentence tells."""
    if match := _ROLLBACK.search(sentence):
        back_to, factor, rollback, limit = match.groups()
        numbers = {"back_to": back_to, "rollback": rollback, "max_rollbacks": limit}
        return {"kind": "rollback", "rate_factor": float(factor), **numbers}
    if match := _COLLAPSE.match(sentence):
        return {"kind": "collapse", "collapse": "posterior", "latent_dim": int(match[1])}
    if sentence.startswith("The codebook has collapsed"):
        return {"kind": "collapse", "collapse": "codebook"}
    return {"kind": "note", "text": sentence}
