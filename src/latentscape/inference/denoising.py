"""Denoising: what a model makes of corrupted images."""

import torch
from torch import Tensor

from latentscape.config import CorruptionConfig
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.core.units import number, percent
from latentscape.inference.batches import stored_batches
from latentscape.inference.codec import reconstruct_with
from latentscape.inference.samples import Batch, Pictures
from latentscape.model import Network, scaled
from latentscape.model.corruption import corrupt

_CPU = torch.device("cpu")


def denoise(
    model: Network,
    split: Split,
    shown: Batch,
    corruption: CorruptionConfig,
    seed: int,
) -> Pictures:
    """Corrupt images, and let a model restore them.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        Errors are averaged over its test part.
    shown : tuple of Tensor
        Stored images (n, *shape) and their labels.
    corruption : CorruptionConfig
        What is done to the images.
    seed : int
        Draws the corruption, the same on every device.

    Returns
    -------
    Pictures
        ``images`` (3, n, *shape): clean, noisy and restored. ``facts``: ``kind``, ``amount``,
        ``mse_noisy`` and ``mse_restored`` to the clean images, per pixel, and ``about``.
    """
    with forked_random(derive_seed(seed, "shown noise"), _CPU):
        images = _restored(model, shown, corruption)
    with forked_random(derive_seed(seed, "measured noise"), _CPU):
        errors = _errors(model, split, corruption)
    facts = {
        **corruption.model_dump(mode="json"),
        **errors,
        "about": _about(model, split, corruption, errors),
    }
    return Pictures(images.numpy(), facts)


def _restored(model: Network, batch: Batch, corruption: CorruptionConfig) -> Tensor:
    """Return clean, noisy and restored images (3, n, *shape); draws from torch's generator."""
    assert model.config.input is not None
    low, high = model.config.input.range
    clean = scaled(batch[0], (low, high))
    noisy = corrupt(corruption, clean)
    restored = reconstruct_with(model)(low + noisy * (high - low), batch[1])
    return torch.stack([clean, noisy, restored])


def _errors(model: Network, split: Split, corruption: CorruptionConfig) -> dict[str, float]:
    """Return the mean squared errors per pixel over test examples; draws like `_restored`."""
    sums, pixels = torch.zeros(2, dtype=torch.float64), 0
    for batch in stored_batches(split.dataset, split.test):
        clean, *others = _restored(model, batch, corruption)
        sums += torch.stack([(other - clean).square().sum(dtype=torch.float64) for other in others])
        pixels += clean.numel()
    noisy, restored = (sums / pixels).tolist()
    return {"mse_noisy": noisy, "mse_restored": restored}


def _about(
    model: Network, split: Split, corruption: CorruptionConfig, errors: dict[str, float]
) -> str:
    share, trained = percent(corruption.amount), model.config.corruption
    noise = {
        "gaussian": f"normal noise of standard deviation {number(corruption.amount, 2)}",
        "masking": f"{share} of the values set to 0",
        "salt_and_pepper": f"{share} of the values set to 0 or 1",
        "block": f"a rectangle of {share} of the height and of the width set to 0",
        "affine": f"a move, a turn, a stretch and a shear of up to about {share} each",
    }[corruption.kind]
    before, after = errors["mse_noisy"], errors["mse_restored"]
    change = f"{'falls' if after < before else 'rises'} from {number(before, 3)}"
    text = (
        f"Clean images, the same with {noise}, and as the model restores them. Over the "
        f"{len(split.test):,} test images the MSE per pixel {change} to {number(after, 3)}."
    )
    if trained == corruption:
        return text
    return f"{text} The model was trained {'with other' if trained else 'without'} noise."
