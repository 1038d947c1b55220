"""Where examples come from and how they are split."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from latentscape.config.parts import Part


class DataConfig(Part):
    """Where examples come from and how they are split.

    Attributes
    ----------
    source : str
        A name (``latentscape data list``) or a path.
    labels : str or None
        The label column of a table, or a .npy file beside an array. By default a column called
        ``label`` if there is one.
    shape : tuple of int or None
        (C, H, W) or (H, W) of examples that are stored flat.
    range : tuple of float or None
        The stored values that stand for 0 and 1. By default 0..255 for integers, 0..1 for floats.
    resize : tuple of int or None
        (H, W) that images are resized to.
    grey : bool
        Whether colours become grey.
    binarize : str
        ``static`` draws each pixel once, black or white, with its grey level as probability;
        ``dynamic`` draws training images anew in every epoch, the others once. By default pixels
        stay grey.
    train, test : int or None
        At most so many examples, drawn stratified; None takes all there are.
    train_labels : tuple of str or None
        Train and validate on examples of these labels alone; the test part keeps all. None takes
        every label.
    validation : float
        Share of the training part that is held out to watch and to choose, 0 for none. It is taken
        from the examples that `train` leaves over where there are enough of them. Data that bring a
        validation part of their own keep that, whatever the share is.
    seed : int
        Draws the split. Runs that differ only in ``train.seed`` share it.
    store : str
        Where images are kept: ``resident`` in memory; ``mapped`` in a file of plain numbers, of
        which parts are read (their own, or one that is packed into the cache once); ``encoded`` as
        image files, decoded whenever they are needed. ``auto`` keeps them in memory where they take
        a quarter of what is free at most, and maps them otherwise. It changes no number of a run.
    """

    # A headerless table's label column is given by its number, which YAML reads as one.
    model_config = ConfigDict(coerce_numbers_to_str=True)

    source: str = "mnist-5k"
    labels: str | None = None
    shape: (
        Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, max_length=3)] | None
    ) = None
    range: tuple[float, float] | None = None
    resize: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] | None = None
    grey: bool = False
    binarize: Literal["none", "static", "dynamic"] = "none"
    train: int | None = Field(None, ge=2)
    test: int | None = Field(None, ge=1)
    train_labels: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    validation: float = Field(0.1, ge=0, lt=1)
    seed: int = Field(0, ge=0)
    store: Literal["auto", "resident", "mapped", "encoded"] = "auto"
