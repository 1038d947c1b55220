"""Sentences for people, written from codes that findings and events hold."""

_COLLAPSES = {
    "posterior": (
        "The posterior has collapsed: none of the {latent_dim} latent dimensions depends on the "
        "image, so neither do the reconstructions. Unless it has only begun to train, give the "
        "rate less weight (objective.weights.rate), raise it slowly (objective.rate_warmup), or "
        "choose a likelihood that asks for more detail (bernoulli, or gaussian with a learned "
        "variance)"
    ),
    "codebook": (
        "The codebook has collapsed: every vector chooses the same code. Lower train.lr, or train "
        "longer"
    ),
}


def collapse_sentence(kind: str | None, latent_dim: int) -> str:
    """Return a sentence, without its full stop, that says how a code collapsed and what to do.

    Parameters
    ----------
    kind : str or None
        ``posterior`` where no dimension of the code moves with the image; ``codebook`` where all
        vectors choose one code; another word for latents from elsewhere; None where codes are used.
    latent_dim : int
        Length of a code.

    Returns
    -------
    str
        Empty where the code is used.
    """
    if kind is None:
        return ""
    return _COLLAPSES.get(kind, f"The code has collapsed ({kind})").format(latent_dim=latent_dim)
