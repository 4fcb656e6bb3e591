"""Memory attention: the current frame looks at itself and at what is remembered (SAM 2, memory attention)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.position_encoding import sine_2d
from sam2s_model.products import Linear
from sam2s_model.rope_attention import Grid, RopeAttention

POSITION_WEIGHT = 0.1  # share of the sine map that is added to the frame's features at the input


class MemoryAttentionLayer(nn.Module):
    """Self-attention, attention to memory, feed-forward; each on a normalised input, with a residual."""

    def __init__(self, d_model: int, memory_dim: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = RopeAttention(d_model, d_model, dropout)
        self.cross_attn_image = RopeAttention(d_model, memory_dim, dropout)
        self.linear1 = Linear(d_model, ffn)
        self.linear2 = Linear(ffn, d_model)
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)
        self.norm3 = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)

    def look_at_itself(self, cells: Tensor, grid: Grid) -> Tensor:
        """Update the cells (N, h·w, C) of a frame from each other."""
        normed = self.norm1(cells)
        updated: Tensor = cells + self.dropout(self.self_attn(normed, normed, normed, grid, grid))
        return updated

    def look_at_memory(
        self,
        cells: Tensor,
        keys: Tensor,
        memory: Tensor,
        grid: Grid,
        memory_grid: Grid,
        pointer_tokens: int,
        whole: int,
    ) -> Tensor:
        """Update the cells (N, h·w, C) of a frame from memory (N, L, M), whose keys carry their positions."""
        normed = self.norm2(cells)
        seen = self.cross_attn_image(normed, keys, memory, grid, memory_grid, pointer_tokens, whole)
        cells = cells + self.dropout(seen)
        hidden = self.dropout(self.linear1(self.norm3(cells), F.relu))
        updated: Tensor = cells + self.dropout(self.linear2(hidden))
        return updated


class MemoryAttention(nn.Module):
    """Condition a frame's features on the memory of one object."""

    def __init__(
        self, d_model: int = 256, memory_dim: int = 64, layers: int = 4, ffn: int = 2048, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(MemoryAttentionLayer(d_model, memory_dim, ffn, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(d_model)

    def forward(
        self,
        features: Tensor,
        memory: Tensor,
        memory_position: Tensor,
        pointer_tokens: int,
        memory_grid: Grid | None = None,
        whole_frames: int = 0,
    ) -> Tensor:
        """Condition features on memory.

        Args:
            features: (N or 1, C, h, w) stride-16 features as they leave the neck.
            memory: (N, L, M) remembered frames, cell by cell, then `pointer_tokens` tokens of object pointers.
            memory_position: (N, L, M) their position and temporal codes.
            pointer_tokens: How many of the L tokens are pointers; these lie nowhere in the image.
            memory_grid: (h, w) of each remembered frame if its map was pooled; that of the features otherwise.
            whole_frames: How many of the first remembered frames were not pooled, whatever `memory_grid` is.

        Returns:
            (N, C, h, w).
        """
        grid = (features.shape[-2], features.shape[-1])
        position = sine_2d(features.shape[1], *grid, features.device, features.dtype)
        cells = (features + POSITION_WEIGHT * position).flatten(2).transpose(1, 2).contiguous()
        layers = self._layers()
        if layers:
            cells = layers[0].look_at_itself(cells, grid)  # of no object yet: once for all of them
        count = len(memory)
        cells = cells.expand(count, -1, -1)
        size = 1 if features.device.type == 'cpu' else count  # larger batches leave a CPU's cache
        conditioned = torch.cat([
            self._recall(
                cells[n : n + size], memory[n : n + size], memory_position[n : n + size],
                grid, memory_grid or grid, pointer_tokens, whole_frames,
            )
            for n in range(0, count, size)
        ])  # fmt: skip
        return conditioned.transpose(1, 2).reshape(count, -1, *grid)

    def _layers(self) -> list[MemoryAttentionLayer]:
        return [layer for layer in self.layers if isinstance(layer, MemoryAttentionLayer)]

    def _recall(
        self,
        cells: Tensor,
        memory: Tensor,
        memory_position: Tensor,
        grid: Grid,
        memory_grid: Grid,
        pointer_tokens: int,
        whole_frames: int,
    ) -> Tensor:
        """Condition cells (N, h·w, C), which have looked at themselves, on the memory of N objects."""
        keys = memory + memory_position
        for number, layer in enumerate(self._layers()):
            if number:
                cells = layer.look_at_itself(cells, grid)
            cells = layer.look_at_memory(cells, keys, memory, grid, memory_grid, pointer_tokens, whole_frames)
        conditioned: Tensor = self.norm(cells)
        return conditioned
