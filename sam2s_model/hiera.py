"""Hiera trunk: a hierarchical vision transformer with windowed attention (Ryali et al. 2023, as used in SAM 2).

Maps are (N, h, w, C) inside, channels last; a window of 0 means the whole map.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.attention import attend
from sam2s_model.layers import Mlp
from sam2s_model.products import Linear
from sam2s_model.sizes import HieraSize

NORM_EPS = 1e-6
CPU_WINDOWS = 64  # of the first stage that go through its blocks together, so that a CPU's cache holds all they need


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

    def forward(self, cells: Tensor, side: int = 0) -> Tensor:
        """Attend within windows of `side` cells, 0 for the whole map.

        Returns:
            (N, h, w, C), half as high and wide with pooled queries.
        """
        h, w = cells.shape[1], cells.shape[2]
        mixed = self.qkv(cells)
        if side in (0, h) and side in (0, w):
            return self._project(self._attend(mixed))
        # A window that reaches beyond the map is filled with zeros, which become the bias. They are not multiplied.
        attended = self._attend(split_windows(mixed, side, self.qkv.bias.to(mixed.dtype)))
        coarser = 2 if self.pool_queries else 1
        return self._project(join_windows(attended, h // coarser, w // coarser))

    def _attend(self, mixed: Tensor) -> Tensor:
        """Attend within each of N maps of queries, keys and values side by side (N, h, w, 3 · C)."""
        queries, keys, values = mixed.chunk(3, dim=-1)
        if self.pool_queries:
            queries = max_pool(queries)
        attended = attend(self._split(queries), self._split(keys), self._split(values))
        return attended.transpose(1, 2).reshape(queries.shape)

    def _project(self, attended: Tensor) -> Tensor:
        mixed: Tensor = self.proj(attended)
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
        cells = shortcut + self._skip(self.attn(normed, self.window))
        updated: Tensor = cells + self._skip(self.mlp(self.norm2(cells)))
        return updated

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
        blocks = _blocks(size)
        self.blocks = nn.ModuleList(blocks)
        self.stage_ends = frozenset(end - 1 for end in accumulate(size.blocks))
        self.local_blocks = _local_blocks(blocks)
        self._known_position: tuple[object, Tensor] | None = None

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return maps (N, C_i, S/4, S/4) … (N, C_i, S/32, S/32), fine to coarse; S is a multiple of 32."""
        patches = self.patch_embed(images)
        cells = patches + self._position(patches.shape[1], patches.shape[2])
        local = 0 if self.training else self.local_blocks  # samples skip paths in training, bands must not
        maps, cells = self._by_bands(cells, local) if local else ([], cells.contiguous())
        later, _ = self._climb(cells, range(local, len(self.blocks)))
        return [features.permute(0, 3, 1, 2) for features in (*maps, *later)]

    def _by_bands(self, cells: Tensor, count: int) -> tuple[list[Tensor], Tensor]:
        """Take cells through the first `count` blocks, which look no further than a window, some rows at a time."""
        side = self.pos_embed_window.shape[-1]
        on_cpu = cells.device.type == 'cpu' and not torch.compiler.is_compiling()
        rows = max(1, CPU_WINDOWS * side // cells.shape[2]) * side if on_cpu else cells.shape[1]
        bands = [self._climb_windows(band, side, range(count)) for band in torch.split(cells, rows, dim=1)]
        *maps, last = [torch.cat(parts, dim=1) for parts in zip(*bands, strict=True)]
        return maps, last

    def _climb_windows(self, band: Tensor, side: int, blocks: Iterable[int]) -> list[Tensor]:
        """As `_climb`, each window as if it were a map of its own; the last map comes last."""
        h, w = band.shape[1], band.shape[2]
        maps, last = self._climb(split_windows(band, side), blocks)
        return [join_windows(part, h * part.shape[1] // side, w * part.shape[2] // side) for part in (*maps, last)]

    def _climb(self, cells: Tensor, blocks: Iterable[int]) -> tuple[list[Tensor], Tensor]:
        """Take cells through some blocks; returns the maps at the ends of stages, and the last one."""
        maps = []
        for index in blocks:
            cells = self.blocks[index](cells)
            if index in self.stage_ends:
                maps.append(cells)
        return maps, cells

    def _position(self, h: int, w: int) -> Tensor:
        """Position code of the stride-4 cells, (1, h, w, C); computed once for each state of the weights."""
        weights = (self.pos_embed, self.pos_embed_window)
        if torch.compiler.is_compiling() or torch.is_grad_enabled():
            return self._interpolate_position(h, w)
        if any(weight.is_inference() for weight in weights):  # these count no changes
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


def _local_blocks(blocks: Sequence[HieraBlock]) -> int:
    """How many blocks at the beginning never look beyond the windows of the first one."""
    side = blocks[0].window
    for count, block in enumerate(blocks):
        if block.window != side:
            return count
        side = side // 2 if block.starts_stage else side
    return len(blocks)


def max_pool(cells: Tensor) -> Tensor:
    """Maximum of every 2×2 cells of (N, h, w, C); h and w are even."""
    upper = torch.maximum(cells[:, ::2, ::2], cells[:, ::2, 1::2])
    lower = torch.maximum(cells[:, 1::2, ::2], cells[:, 1::2, 1::2])
    return torch.maximum(upper, lower)


def split_windows(cells: Tensor, side: int, filling: Tensor | None = None) -> Tensor:
    """Cut maps (N, h, w, C) into windows (N·rows·columns, side, side, C).

    Windows that reach beyond the map are filled up with `filling` (C,), or with zeros.
    """
    count, h, w, channels = cells.shape
    rows, columns = -(-h // side), -(-w // side)
    filling = cells.new_zeros(channels) if filling is None else filling
    if columns * side > w:
        cells = torch.cat((cells, filling.expand(count, h, columns * side - w, channels)), dim=2)
    if rows * side > h:
        cells = torch.cat((cells, filling.expand(count, rows * side - h, columns * side, channels)), dim=1)
    windows = cells.reshape(count, rows, side, columns, side, channels).transpose(2, 3)
    return windows.reshape(-1, side, side, channels)


def join_windows(windows: Tensor, h: int, w: int) -> Tensor:
    """Put windows (N·rows·columns, side, side, C) back together as maps (N, h, w, C), without the filling."""
    _, side, _, channels = windows.shape
    rows, columns = -(-h // side), -(-w // side)
    cells = windows.view(-1, rows, columns, side, side, channels).transpose(2, 3)
    return cells.reshape(-1, rows * side, columns * side, channels)[:, :h, :w]
