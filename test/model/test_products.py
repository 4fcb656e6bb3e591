"""The faster library for CPUs multiplies as torch does, with and without an activation; gradients go by torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sam2s_model import products
from sam2s_model.products import Activation, Linear, linear


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever CPU this is, take oneDNN if torch has it."""
    if not hasattr(torch.ops.mkldnn, '_linear_pointwise'):
        pytest.skip('this torch has no oneDNN')
    monkeypatch.setattr(products, 'prefers_onednn', lambda: True)


@pytest.mark.usefixtures('onednn')
@pytest.mark.parametrize('activation', [None, F.relu, F.gelu, torch.tanh])
@pytest.mark.parametrize('shape', [(5, 8), (2, 5, 8), (1, 2, 3, 8), (0, 8)], ids=str)
def test_both_libraries_multiply_alike(shape: tuple[int, ...], activation: Activation | None) -> None:
    tokens, weight, bias = torch.randn(shape) * 4, torch.randn(6, 8), torch.randn(6)
    product = F.linear(tokens, weight, bias)
    with torch.inference_mode():
        ours = linear(tokens, weight, bias, activation)
    torch.testing.assert_close(ours, activation(product) if activation else product, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures('onednn')
def test_turned_tokens_and_weights_are_multiplied_as_they_look() -> None:
    tokens, weight = torch.randn(8, 5).T, torch.randn(8, 6).T
    with torch.inference_mode():
        ours = linear(tokens, weight)
    torch.testing.assert_close(ours, F.linear(tokens, weight), rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures('onednn')
def test_gradients_reach_tokens_and_weights() -> None:
    layer, tokens = Linear(8, 6), torch.randn(5, 8, requires_grad=True)
    layer(tokens, F.relu).sum().backward()
    assert tokens.grad is not None and layer.weight.grad is not None


@pytest.mark.usefixtures('onednn')
def test_autocast_still_chooses_the_number_type() -> None:
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
        assert linear(torch.randn(5, 8), torch.randn(6, 8)).dtype == torch.bfloat16


def test_layers_are_called_in_checkpoints_as_those_of_torch() -> None:
    assert list(Linear(2, 3).state_dict()) == list(torch.nn.Linear(2, 3).state_dict())
