"""Layers that compute what PyTorch's do, in a way that is faster to train.

Memory layouts decide in which order a convolution adds up, and `Dropout` decides which random
numbers are drawn. So these layers define the bits of every run, and no setting replaces them. They
use PyTorch's public interface alone; each names its plain twin, with which the tests compare it.
"""

import torch
from torch import Tensor, nn


class Flatten(nn.Flatten):
    """Flattens maps (B, C, H, W) into (B, C H W); their gradient gets the layout of the maps.

    The twin, `nn.Flatten`, gives the same values. Its gradient has the usual layout, and operations
    on two layouts at once are many times slower than a copy.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Flatten."""
        if self.training and input.requires_grad:
            input.register_hook(channels_innermost)  # type: ignore[no-untyped-call]
        return super().forward(input)


class Unflatten(nn.Unflatten):
    """Makes (B, C H W) into maps (B, C, H, W), with the channels innermost in memory.

    The twin, `nn.Unflatten`, gives the same values in the usual layout.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Unflatten."""
        return channels_innermost(super().forward(input))


class Dropout(nn.Dropout):
    """Sets numbers to 0 at random, and draws faster than PyTorch does on the CPU.

    PyTorch's generator gives 64 random bits at a time, of which `nn.Dropout`, the twin, spends all
    on one number. Here four numbers share them, 16 bits each; so the share of zeros is right to one
    part in 65,536. Which numbers become 0 differs from the twin, how many does not.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop out."""
        if not self.training or input.device.type != "cpu":
            return super().forward(input)
        words = torch.randint(-(2**63), 2**63 - 1, (-(-input.numel() // 4),))
        numbers = words.view(torch.int16)[: input.numel()].view(input.shape)
        stays = numbers >= round(self.p * 2**16) - 2**15  # From -2**15 on, each equally likely.
        return input * stays.to(input.dtype).div_(1 - self.p)


def channels_innermost(maps: Tensor) -> Tensor:
    """Lay maps (B, C, H, W) out as (B, H, W, C), the layout that convolutions are fastest in.

    The twin is PyTorch's ``channels_last``. It takes maps and kernels of a single channel for laid
    out so already, whatever their strides say, and results computed from them then are not.
    """
    if maps.shape[1] > 1:
        return maps.contiguous(memory_format=torch.channels_last)
    inner = maps.permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
    return inner.permute(0, 3, 1, 2)
