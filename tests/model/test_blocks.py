import pytest
import torch
from torch import nn

from latentscape.model.blocks import Dropout, Flatten, Unflatten, channels_innermost


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_drops_the_share_asked_for_and_keeps_the_mean(share):
    torch.manual_seed(0)
    values = torch.full((1001, 333), 2.0, requires_grad=True)
    dropped = Dropout(share)(values)
    dropped.sum().backward()
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert dropped.mean().item() == pytest.approx(2, rel=0.02)
    assert torch.allclose(values.grad * 2, dropped)
    assert torch.allclose(dropped[dropped > 0], torch.tensor(2 / (1 - share)))


def test_dropout_draws_anew_in_the_precision_given_and_from_torchs_generator():
    values, layer = torch.ones(7, 13, dtype=torch.bfloat16), Dropout(0.5)
    torch.manual_seed(0)
    first, second = layer(values), layer(values)
    torch.manual_seed(0)
    assert torch.equal(layer(values), first)
    assert not torch.equal(first, second)
    assert first.dtype == torch.bfloat16
    assert layer.eval()(values) is values


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    survives = (Dropout(0.5)(torch.ones(4, 100_000)) > 0).float() - 0.5
    for shift in range(1, 9):
        assert abs((survives * survives.roll(shift, 1)).mean().item()) < 0.003


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_have_their_channels_innermost_whichever_way_they_go(channels):
    maps = torch.randn(2, channels, 4, 5)
    inner = channels_innermost(maps)
    assert torch.equal(inner, maps)
    assert inner.stride() == (20 * channels, 1, 5 * channels, channels)
    leaf = inner.clone().requires_grad_()
    strides = []
    passed = leaf * 1
    flat = Flatten()(passed)
    passed.register_hook(lambda gradient: strides.append(gradient.stride()))
    assert torch.equal(flat, nn.Flatten()(maps))
    flat.square().sum().backward()
    assert strides == [inner.stride()]
    assert Unflatten(1, (channels, 4, 5))(flat).stride() == inner.stride()
