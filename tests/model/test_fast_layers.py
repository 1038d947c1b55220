"""Layers that are bent for speed, each beside its plain twin of PyTorch's own layers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from latentscape.config import BernoulliConfig, ConvConfig
from latentscape.model.blocks import RISING, build_encoder
from latentscape.model.layers import Dropout, Flatten, Unflatten, channels_innermost
from latentscape.model.likelihoods import build_likelihood


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    values = torch.full((1001, 333), 2.0, requires_grad=True)
    dropped = Dropout(share)(values)
    dropped.sum().backward()
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert dropped.mean().item() == pytest.approx(2, rel=0.02)
    assert torch.allclose(values.grad * 2, dropped)
    assert torch.allclose(dropped[dropped > 0], torch.tensor(2 / (1 - share)))


def test_dropout_reads_four_numbers_from_each_word_of_torchs_generator():
    """The twin that draws the same: the words taken apart by arithmetic, a number at a time."""
    values = torch.rand(3, 7)
    torch.manual_seed(0)
    dropped = Dropout(0.3)(values)
    torch.manual_seed(0)
    words = torch.randint(-(2**63), 2**63 - 1, (6,)).tolist()
    numbers = [(word >> shift) % 2**16 for word in words for shift in (0, 16, 32, 48)][:21]
    signed = [number - 2**16 * (number >= 2**15) for number in numbers]
    stays = torch.tensor([(number + 2**15) / 2**16 >= 0.3 - 1e-5 for number in signed])
    expected = torch.where(stays.view(3, 7), values / (1 - 0.3), 0.0)
    torch.testing.assert_close(dropped, expected, rtol=1e-6, atol=0)


def test_dropout_draws_anew_in_the_precision_of_its_input():
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
    stays = (Dropout(0.5)(torch.ones(4, 100_000)) > 0).float() - 0.5
    for shift in range(1, 9):
        assert abs((stays * stays.roll(shift, 1)).mean().item()) < 0.003


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_have_their_channels_innermost_in_both_directions(channels):
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
    again = Unflatten(1, (channels, 4, 5))(flat)
    assert again.stride() == inner.stride()
    assert torch.equal(again, nn.Unflatten(1, (channels, 4, 5))(flat))


@pytest.mark.parametrize("activation", RISING)
def test_pooling_before_a_rising_activation_changes_only_rounding(activation):
    """The activation itself rounds in another way at the end of a row of numbers."""
    torch.manual_seed(0)
    config = ConvConfig(channels=(4,), pool="max", activation=activation)
    encoder, _ = build_encoder(config, (3, 9, 8))
    convolution, pool, act, flatten = encoder
    assert isinstance(pool, nn.MaxPool2d)
    results = []
    for layers in ((convolution, pool, act, flatten), (convolution, act, pool, flatten)):
        encoder.zero_grad()
        output = nn.Sequential(*layers)(torch.rand(5, 3, 9, 8, generator=torch.manual_seed(1)))
        output.square().sum().backward()
        results.append((output, convolution.weight.grad.clone()))
    torch.testing.assert_close(*(output for output, _ in results), rtol=1e-6, atol=0)
    torch.testing.assert_close(*(gradient for _, gradient in results), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 5])
def test_bernoulli_gives_the_bits_of_its_twin_and_its_gradient_up_to_rounding(samples):
    torch.manual_seed(0)
    images = torch.rand(6, 1, 9, 7)
    outputs = (8 * torch.randn(samples, 6, 1, 9, 7)).requires_grad_()
    twin = outputs.detach().clone().requires_grad_()
    log_probs = build_likelihood(BernoulliConfig()).log_prob(outputs, images)
    expected = (images * twin - F.softplus(twin)).flatten(2).sum(-1)
    assert torch.equal(log_probs, expected)
    weights = torch.randn(samples, 6)
    log_probs.backward(weights)
    expected.backward(weights)
    torch.testing.assert_close(outputs.grad, twin.grad, rtol=1e-5, atol=1e-6)
