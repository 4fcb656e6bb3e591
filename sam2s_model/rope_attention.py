"""Single-head attention that knows where its tokens lie by rotating them (RoPE on two axes)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.narrow_attention import attend_narrowly
from sam2s_model.position_encoding import rotary_table, rotate
from sam2s_model.products import Linear

Grid = tuple[int, int]


class RopeAttention(nn.Module):
    """Attention of a frame's cells to themselves or to a memory of frames.

    Args:
        dim: Channels C of the queries and of the attention itself.
        memory_dim: Channels M of keys and values before projection.
        dropout: Share of attention weights to drop in training.
    """

    def __init__(self, dim: int, memory_dim: int, dropout: float) -> None:
        super().__init__()
        self.q_proj = Linear(dim, dim)
        self.k_proj = Linear(memory_dim, dim)
        self.v_proj = Linear(memory_dim, dim)
        self.out_proj = Linear(dim, dim)
        self.dropout = dropout

    def forward(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        grid: Grid,
        key_grid: Grid,
        unplaced: int = 0,
        whole: int = 0,
    ) -> Tensor:
        """Attend from every cell to every key.

        Args:
            queries: (N, h·w, C) cells of `grid`, row by row.
            keys: (N, L, M) `whole` frames of cells of `grid` one after another, then frames of `key_grid`, then
                `unplaced` keys that lie nowhere.
            values: (N, L, M).
            grid: (h, w) of the queries; its cell is the unit of length.
            key_grid: (h, w) of a remembered frame, fewer cells where it is pooled. One of those then counts as many
                times as it has cells in it.
            unplaced: How many of the last keys are not rotated.
            whole: How many of the first frames are not pooled, whatever `key_grid` is.

        Returns:
            (N, h·w, C).
        """
        channels = queries.shape[-1]
        table, pooled_table = (rotary_table(channels, cells, grid, queries.device) for cells in (grid, key_grid))
        turned_queries = rotate(self.q_proj(queries), table)
        first, last = whole * math.prod(grid), keys.shape[1] - unplaced
        projected = self.k_proj(keys)
        parts = [
            *([_rotate_frames(projected[:, :first], table)] if whole else []),
            _rotate_frames(projected[:, first:last], pooled_table),
            *([projected[:, last:]] if unplaced else []),
        ]
        turned_keys = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
        bias = _pooling_bias(turned_keys, math.prod(grid) // math.prod(key_grid), slice(first, last))
        if self.training or queries.device.type != 'cpu':
            return self._attend_fused(turned_queries, turned_keys, values, bias)
        mixed: Tensor = self.out_proj(self.v_proj(attend_narrowly(turned_queries, turned_keys, values, bias)))
        return mixed

    def _attend_fused(self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
        """By the kernels of torch, which can drop weights and are fast on GPUs."""
        attended = F.scaled_dot_product_attention(
            queries.unsqueeze(1),
            keys.unsqueeze(1),
            self.v_proj(values).unsqueeze(1),
            attn_mask=None if bias is None else bias[None],
            dropout_p=self.dropout if self.training else 0.0,
        )
        mixed: Tensor = self.out_proj(attended.squeeze(1))
        return mixed


def _pooling_bias(keys: Tensor, cells: int, pooled: slice) -> Tensor | None:
    """What the scores of keys (N, L, C) lack so that a pooled one counts as the cells in it (EfficientTAM); (L,)."""
    if cells == 1:
        return None
    bias = keys.new_zeros(keys.shape[1])
    bias[pooled] = math.log(cells)
    return bias


def _rotate_frames(keys: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate every frame of keys (N, frames·h·w, C) by the same table."""
    cells = len(table[0])
    frames = keys.reshape(len(keys), keys.shape[1] // cells, cells, keys.shape[-1])
    return rotate(frames, table).flatten(1, 2)
