"""Hiera trunk: a hierarchical vision transformer with windowed attention (Ryali et al. 2023, as used in SAM 2).

Maps are (N, h, w, C) inside, channels last; a window of 0 means the whole map.
"""

from __future__ import annotations

from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.layers import Mlp
from sam2s_model.products import Linear
from sam2s_model.sizes import HieraSize

NORM_EPS = 1e-6


class PatchEmbed(nn.Module):
    """Overlapping 7×7 patches at stride 4: (N, 3, S, S) -> (N, S/4, S/4, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, kernel_size=7, stride=4, padding=3)

    def forward(self, images: Tensor) -> Tensor:
        patches: Tensor = self.proj(images)
        return patches.permute(0, 2, 3, 1)


class WindowAttention(nn.Module):
    """Multi-head attention within each of N maps (N, h, w, in); pools the queries 2×2 if asked to."""

    def __init__(self, in_channels: int, channels: int, heads: int, pool_queries: bool) -> None:
        super().__init__()
        self.heads = heads
        self.pool_queries = pool_queries
        self.qkv = Linear(in_channels, 3 * channels)
        self.proj = Linear(channels, channels)

    def forward(self, windows: Tensor) -> Tensor:
        """Return (N, h, w, C), half as high and wide with pooled queries."""
        queries, keys, values = self.qkv(windows).chunk(3, dim=-1)
        if self.pool_queries:
            queries = max_pool(queries)
        attended = F.scaled_dot_product_attention(self._split(queries), self._split(keys), self._split(values))
        mixed: Tensor = self.proj(attended.transpose(1, 2).reshape(queries.shape))
        return mixed

    def _split(self, cells: Tensor) -> Tensor:
        count, h, w, channels = cells.shape
        return cells.reshape(count, h * w, self.heads, channels // self.heads).transpose(1, 2)


class HieraBlock(nn.Module):
    """Pre-norm transformer block; the first of a stage widens the channels and halves the map.

    Args:
        in_channels, channels: Width before and after; they differ at the start of a stage.
        heads: Attention heads.
        window: Side of the attention windows on the incoming map, 0 for the whole map.
        drop_path: Share of samples that skip a residual branch while training.
    """

    def __init__(self, in_channels: int, channels: int, heads: int, window: int, drop_path: float) -> None:
        super().__init__()
        self.starts_stage = in_channels != channels
        self.window = window
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(in_channels, eps=NORM_EPS)
        self.attn = WindowAttention(in_channels, channels, heads, pool_queries=self.starts_stage)
        self.norm2 = nn.LayerNorm(channels, eps=NORM_EPS)
        self.mlp = Mlp(channels, 4 * channels, channels, activation=F.gelu)
        if self.starts_stage:
            self.proj = Linear(in_channels, channels)

    def forward(self, cells: Tensor) -> Tensor:
        normed = self.norm1(cells)
        # The shortcut past a widening block starts from the normalised map, as in the released models.
        shortcut = max_pool(self.proj(normed)) if self.starts_stage else cells
        cells = shortcut + self._skip(self._attend(normed, shortcut.shape[1], shortcut.shape[2]))
        updated: Tensor = cells + self._skip(self.mlp(self.norm2(cells)))
        return updated

    def _attend(self, cells: Tensor, out_h: int, out_w: int) -> Tensor:
        if self.window == 0:
            attended: Tensor = self.attn(cells)
            return attended
        windows = split_windows(cells, self.window)
        return join_windows(self.attn(windows), out_h, out_w)

    def _skip(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return branch
        kept = torch.rand(len(branch), 1, 1, 1, device=branch.device) >= self.drop_path
        return branch * kept / (1 - self.drop_path)


class Hiera(nn.Module):
    """The image encoder's trunk, (N, 3, S, S) -> four maps at strides 4, 8, 16 and 32."""

    def __init__(self, size: HieraSize) -> None:
        super().__init__()
        window = size.windows[0]
        self.channels = size.channels
        self.patch_embed = PatchEmbed(size.embed_dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, size.embed_dim, size.background, size.background))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, size.embed_dim, window, window))
        self.blocks = nn.ModuleList(_blocks(size))
        self.stage_ends = frozenset(end - 1 for end in accumulate(size.blocks))
        self._known_position: tuple[object, Tensor] | None = None

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return maps (N, C_i, S/4, S/4) … (N, C_i, S/32, S/32), fine to coarse; S is a multiple of 32."""
        cells = self.patch_embed(images)
        cells = (cells + self._position(cells.shape[1], cells.shape[2])).contiguous()
        maps = []
        for index, block in enumerate(self.blocks):
            cells = block(cells)
            if index in self.stage_ends:
                maps.append(cells.permute(0, 3, 1, 2))
        return maps

    def _position(self, h: int, w: int) -> Tensor:
        """Position code of the stride-4 cells, (1, h, w, C); computed once for each state of the weights."""
        weights = (self.pos_embed, self.pos_embed_window)
        if torch.is_grad_enabled() or any(weight.is_inference() for weight in weights):  # these count no changes
            return self._interpolate_position(h, w)
        stamp = (h, w, *((weight.data_ptr(), weight._version) for weight in weights))
        if self._known_position is None or self._known_position[0] != stamp:
            self._known_position = (stamp, self._interpolate_position(h, w).contiguous())
        return self._known_position[1]

    def _interpolate_position(self, h: int, w: int) -> Tensor:
        background = F.interpolate(self.pos_embed, size=(h, w), mode='bicubic')
        side = self.pos_embed_window.shape[-1]
        return (background + self.pos_embed_window.tile(h // side, w // side)).permute(0, 2, 3, 1)


def _blocks(size: HieraSize) -> list[HieraBlock]:
    rates = torch.linspace(0, size.drop_path, sum(size.blocks), device='cpu').tolist()
    blocks: list[HieraBlock] = []
    channels, window = size.embed_dim, size.windows[0]
    for stage, depth in enumerate(size.blocks):
        for _ in range(depth):
            index = len(blocks)
            side = 0 if index in size.global_blocks else window
            blocks.append(HieraBlock(channels, size.channels[stage], size.heads * 2**stage, side, rates[index]))
            # A stage's first block still sees the finer map, hence the previous stage's windows.
            channels, window = size.channels[stage], size.windows[stage]
    return blocks


def max_pool(cells: Tensor) -> Tensor:
    """Maximum of every 2×2 cells of (N, h, w, C); h and w are even."""
    upper = torch.maximum(cells[:, ::2, ::2], cells[:, ::2, 1::2])
    lower = torch.maximum(cells[:, 1::2, ::2], cells[:, 1::2, 1::2])
    return torch.maximum(upper, lower)


def split_windows(cells: Tensor, side: int) -> Tensor:
    """Cut maps (N, h, w, C) into windows (N·rows·columns, side, side, C); zeros fill up the lower and right ones."""
    count, h, w, channels = cells.shape
    rows, columns = -(-h // side), -(-w // side)
    cells = F.pad(cells, (0, 0, 0, columns * side - w, 0, rows * side - h))
    windows = cells.view(count, rows, side, columns, side, channels).transpose(2, 3)
    return windows.reshape(-1, side, side, channels)


def join_windows(windows: Tensor, h: int, w: int) -> Tensor:
    """Put windows (N·rows·columns, side, side, C) back together as maps (N, h, w, C), without the filling."""
    _, side, _, channels = windows.shape
    rows, columns = -(-h // side), -(-w // side)
    cells = windows.view(-1, rows, columns, side, side, channels).transpose(2, 3)
    return cells.reshape(-1, rows * side, columns * side, channels)[:, :h, :w]
