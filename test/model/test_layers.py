from __future__ import annotations

import torch
from torch import Tensor, nn

from sam2s_model.layers import LayerNorm2d, Mlp


def test_layer_norm_2d_normalises_the_channels_of_each_cell() -> None:
    features = torch.randn(2, 16, 3, 5) * 4 + 7
    normed = LayerNorm2d(16)(features)
    torch.testing.assert_close(normed.mean(dim=1), torch.zeros(2, 3, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(normed.var(dim=1, correction=0), torch.ones(2, 3, 5), atol=1e-4, rtol=0)


def test_layer_norm_2d_scales_and_shifts_by_channel() -> None:
    norm = LayerNorm2d(4)
    nn.init.zeros_(norm.weight)
    norm.bias.data.copy_(torch.arange(4.0))
    torch.testing.assert_close(norm(torch.randn(1, 4, 2, 2))[0, :, 1, 0], torch.arange(4.0))


def test_mlp_numbers_its_layers_from_the_input() -> None:
    shapes = {name: tuple(weight.shape) for name, weight in Mlp(6, 8, 2, depth=3).named_parameters()}
    assert shapes == {
        'layers.0.weight': (8, 6),
        'layers.0.bias': (8,),
        'layers.1.weight': (8, 8),
        'layers.1.bias': (8,),
        'layers.2.weight': (2, 8),
        'layers.2.bias': (2,),
    }


def test_mlp_puts_no_activation_behind_the_last_layer() -> None:
    mlp = Mlp(3, 3, 3)
    eye, zero = torch.eye(3), torch.zeros(3)
    weights: dict[str, Tensor] = {'layers.0.weight': eye, 'layers.0.bias': zero, 'layers.1.weight': eye}
    mlp.load_state_dict({**weights, 'layers.1.bias': zero - 1})
    torch.testing.assert_close(mlp(torch.tensor([-1.0, 0.0, 3.0])), torch.tensor([-1.0, -1.0, 2.0]))
