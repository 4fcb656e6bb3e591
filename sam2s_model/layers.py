"""Small layers that several parts of the network share."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.products import Activation, Linear

Part = TypeVar('Part', bound=nn.Module)


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each cell of a map, (N, C, h, w) in and out."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__(channels, eps=eps)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """`depth` linear layers with an activation between them, (..., in_dim) -> (..., out_dim)."""

    def __init__(
        self, in_dim: int, hidden_dim: int, out_dim: int, depth: int = 2, activation: Activation = F.relu
    ) -> None:
        super().__init__()
        widths = [in_dim, *[hidden_dim] * (depth - 1), out_dim]
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation

    def forward(self, tokens: Tensor) -> Tensor:
        *hidden_layers, last = self.layers
        for layer in hidden_layers:
            tokens = layer(tokens, self.activation)
        projected: Tensor = last(tokens)
        return projected


def channels_last(part: Part) -> Part:
    """Lay out a part's convolutions as CPUs like them."""
    for parameter in part.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return part
