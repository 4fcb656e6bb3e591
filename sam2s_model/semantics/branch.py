"""The semantic branch: a token that reads an object's memory, then the frame, and says what the object is (SAM2S, TSL).

It only reads. Neither image cells nor mask tokens attend to it, so that masks are the same with and without it; in
training its loss reaches memory and decoder through what it reads, which is what the paper gains from it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.layers import Mlp

MASK_FLOOR = 1e-3  # weight of cells beside the mask; an empty mask leaves attention as it would be without one
FFN_WIDTH = 4  # hidden channels of a reader's feed-forward part, in multiples of the token's


class MemoryView(NamedTuple):
    """What N objects are remembered by.

    Attributes:
        keys: (N, L, M), with position and time where known.
        values: (N, L, M).
    """

    keys: Tensor
    values: Tensor


class FrameView(NamedTuple):
    """The current frame as the mask decoder has left it.

    Attributes:
        cells: (N, C, h, w) image features after the two-way transformer.
        position: (1, C, h, w) position code of the cells.
        mask_token: (N, C) the token of the chosen mask, which says whose class is asked for.
        mask_logits: (N, 1, 4h, 4w) the chosen mask, within which to look.
    """

    cells: Tensor
    position: Tensor
    mask_token: Tensor
    mask_logits: Tensor


class TokenReader(nn.Module):
    """One token reads a sequence: attention, then feed-forward, with a residual and a layer norm after each."""

    def __init__(self, dim: int, source_dim: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(source_dim, dim)
        self.v_proj = nn.Linear(source_dim, dim)
        self.out_proj = nn.Linear(dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, FFN_WIDTH * dim, dim)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, token: Tensor, keys: Tensor, values: Tensor, weights: Tensor | None = None) -> Tensor:
        """Update the token (N, 1, C) from keys and values (N, L, M), which count as much as weights (N, L) say."""
        # One token's attention is cheaper the other way round: the query goes through the keys' weights, not each key
        # (their bias shifts all scores alike), and the mean of what is read through the values' weights.
        query = self.q_proj(token) @ self.k_proj.weight / math.sqrt(token.shape[-1])
        scores = query @ keys.transpose(1, 2)
        attention = (scores if weights is None else scores + weights.log().unsqueeze(1)).softmax(dim=-1)
        token = self.norm1(token + self.out_proj(self.v_proj(attention @ values)))
        updated: Tensor = self.norm2(token + self.mlp(token))
        return updated


class SemanticBranch(nn.Module):
    """From an object's memory and the frame to a vector in the space of the instrument bank.

    Args:
        d_model: Channels C of image features and tokens.
        memory_dim: Channels M of what is remembered.
        dim: Channels D of the instrument bank.
    """

    def __init__(self, d_model: int, memory_dim: int, dim: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, d_model), std=0.02))
        self.memory_reader = TokenReader(d_model, memory_dim)
        self.frame_reader = TokenReader(d_model, d_model)
        self.proj = Mlp(d_model, d_model, dim)

    def forward(self, memory: MemoryView | None, frame: FrameView) -> Tensor:
        """Say what N objects are: x'_c of SAM2S Eq. 3, (N, D). Without memory the frame alone is read."""
        token = self.cls_token.expand(len(frame.mask_token), -1, -1)
        if memory is not None:
            token = self.memory_reader(token, memory.keys, memory.values)
        cells = _sequence(frame.cells)
        keys, weights = cells + _sequence(frame.position), _cell_weights(frame.mask_logits).to(cells.dtype)
        token = self.frame_reader(token + frame.mask_token.unsqueeze(1), keys, cells, weights)
        semantics: Tensor = self.proj(token.squeeze(1))
        return semantics


def _sequence(features: Tensor) -> Tensor:
    """A map (N, C, h, w) as cells (N, h·w, C)."""
    return features.flatten(2).transpose(1, 2)


def _cell_weights(mask_logits: Tensor) -> Tensor:
    """Share of each cell (N, h·w) that the mask covers. The class shall not move the mask: no gradient."""
    return F.avg_pool2d(mask_logits.detach().float().sigmoid(), 4).flatten(1).clamp_min(MASK_FLOOR)
