"""Fused convolutions compute what torch's own do; gradients go by torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.convolutions import Conv2d
from sam2s_model.products import Activation

SHAPES = ({'stride': 2}, {'dilation': 2, 'padding': 2}, {'groups': 8, 'padding': 1})


def seen_plainly(conv: Conv2d, features: Tensor, activation: Activation | None, added: Tensor | None) -> Tensor:
    plain = F.conv2d(features, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)
    plain = plain if added is None else added + plain
    return activation(plain) if activation else plain


@pytest.mark.parametrize('adds', [False, True], ids=['alone', 'added'])
@pytest.mark.parametrize('activation', [None, F.relu, F.relu6, torch.tanh])
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_it_computes_as_torch_does(shape: dict[str, int], activation: Activation | None, adds: bool) -> None:
    conv, features = Conv2d(8, 16, 3, **shape), torch.randn(2, 8, 12, 12) * 4
    added = torch.randn_like(conv(features)) if adds else None
    with torch.inference_mode():
        ours = conv(features, activation, added)
        torch.testing.assert_close(ours, seen_plainly(conv, features, activation, added), rtol=1e-4, atol=1e-4)


def test_autocast_computes_in_the_type_that_weights_were_narrowed_to() -> None:
    conv, features = Conv2d(8, 16, 3), torch.randn(1, 8, 12, 12)
    expected = conv(features).relu()
    conv.to(torch.bfloat16)
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
        ours = conv(features, F.relu)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), expected, rtol=0.02, atol=0.02)


def test_autocast_narrows_weights_that_nobody_narrowed() -> None:
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
        assert Conv2d(8, 16, 3)(torch.randn(1, 8, 12, 12), F.relu).dtype == torch.bfloat16


def test_gradients_reach_features_weights_and_what_is_added() -> None:
    conv, features, added = Conv2d(8, 8, 1), torch.randn(1, 8, 4, 4, requires_grad=True), torch.randn(1, 8, 4, 4)
    conv(features, F.relu, added.requires_grad_()).sum().backward()
    assert all(tensor.grad is not None for tensor in (features, added, conv.weight))


def test_an_empty_batch_stays_empty() -> None:
    with torch.inference_mode():
        assert Conv2d(8, 16, 3)(torch.randn(0, 8, 12, 12), F.relu).shape == (0, 16, 10, 10)


def test_layers_are_called_in_checkpoints_as_those_of_torch() -> None:
    assert list(Conv2d(2, 3, 1).state_dict()) == list(torch.nn.Conv2d(2, 3, 1).state_dict())
