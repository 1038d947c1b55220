"""What went wrong in training, in sentences: for progress lines, tables and reports."""

from latentscape.runs.facts import Event


def describe_collapse(kind: str, latent_dim: int | None = None, seeds: str = "") -> str:
    """Say that a code is not used, of how many `seeds` if not of all, and what to change."""
    of_seeds = f" of {seeds} seeds" if seeds else ""
    if kind == "codebook":
        return (
            f"The codebook{of_seeds} has collapsed: every vector chooses the same code. Lower "
            "train.lr, or train longer."
        )
    whole = "" if latent_dim is None else f"{latent_dim} "
    return (
        f"The posterior{of_seeds} has collapsed: none of the {whole}latent dimensions is active, "
        "so the reconstructions hardly depend on the image. Unless it has only begun to train, "
        "give the rate less weight (objective.weights.rate), raise it slowly "
        "(objective.rate_warmup), or choose a likelihood that asks for more detail (bernoulli, "
        "or gaussian with a learned variance)."
    )


def describe_event(event: Event) -> str:
    """Say what went wrong in training, and whether it was mended."""
    if event.kind == "rollback":
        return (
            f"loss became infinite or NaN; back to the end of epoch {event.back_to}, with "
            f"the learning rate times {event.rate_factor or 0:g} "
            f"(roll-back {event.rollback} of {event.max_rollbacks})"
        )
    if event.kind == "collapse":
        return describe_collapse(event.collapse or "posterior", event.latent_dim)
    return event.text
