"""Where a token is, as numbers: sine maps, random Fourier features and axial rotary tables.

Tables that depend on sizes alone are computed once for each size, device and type. They are no buffers, so a checkpoint
neither brings nor misses them. Whoever receives one must not write into it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

# Wavelengths of sines and rotations run from 2π to 2π · TEMPERATURE (Attention is all you need, section 3.5).
TEMPERATURE = 10000.0


@lru_cache(maxsize=64)
def sine_2d(
    channels: int, h: int, w: int, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Sine map (1, channels, h, w): the first half of the channels tells the row, the second half the column.

    Rows 1..h are scaled to (0, 2π], columns likewise; sine and cosine alternate from channel to channel.
    """
    with torch.inference_mode(False):  # a table first needed in inference must still serve training later
        row = _interleaved_waves(h, channels // 2, device)[:, None, :].expand(h, w, -1)
        column = _interleaved_waves(w, channels // 2, device)[None, :, :].expand(h, w, -1)
        return torch.cat((row, column), dim=-1).permute(2, 0, 1)[None].contiguous().to(dtype)


def _interleaved_waves(count: int, channels: int, device: torch.device | None) -> Tensor:
    cells = torch.arange(1, count + 1, dtype=torch.float32, device=device)
    phase = cells[:, None] / (count + 1e-6) * 2 * math.pi / _wavelengths(channels // 2, device)
    return torch.stack((phase.sin(), phase.cos()), dim=-1).flatten(1)


def _wavelengths(count: int, device: torch.device | None) -> Tensor:
    steps = torch.arange(count, dtype=torch.float32, device=device)
    return TEMPERATURE ** (steps / count)


def sine_1d(positions: Tensor, channels: int) -> Tensor:
    """Sine code (..., channels) of scalar positions (...): all sines, then all cosines, each twice."""
    wavelengths = _wavelengths(channels // 4, positions.device).repeat_interleave(2)
    phase = positions.float()[..., None] / wavelengths
    return torch.cat((phase.sin(), phase.cos()), dim=-1)


class RandomFourier(nn.Module):
    """Random Fourier features of points in the unit square (Tancik et al. 2020); the random matrix is a weight."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer('positional_encoding_gaussian_matrix', torch.randn(2, channels // 2))

    def forward(self, points: Tensor) -> Tensor:
        """Encode points (..., 2) given as x, y in [0, 1]; returns (..., channels)."""
        matrix = self.positional_encoding_gaussian_matrix
        phase = (2 * points.to(matrix.dtype) - 1) @ matrix * (2 * math.pi)
        return torch.cat((phase.sin(), phase.cos()), dim=-1)

    def grid(self, h: int, w: int) -> Tensor:
        """Encode the centres of an h × w grid of cells; returns (1, channels, h, w)."""
        device = self.positional_encoding_gaussian_matrix.device
        y = (torch.arange(h, dtype=torch.float32, device=device) + 0.5) / h
        x = (torch.arange(w, dtype=torch.float32, device=device) + 0.5) / w
        centres = torch.stack((x.expand(h, w), y[:, None].expand(h, w)), dim=-1)
        codes: Tensor = self(centres)
        return codes.permute(2, 0, 1)[None]


@lru_cache(maxsize=64)
def rotary_table(
    channels: int, grid: tuple[int, int], unit_grid: tuple[int, int], device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of axial rotary position encoding, each (h·w, channels / 2) float32.

    The first half of the channel pairs turns with the column, the second half with the row (RoFormer, eq. 15, on two
    axes). Coordinates are cell centres counted in cells of `unit_grid`: with `grid == unit_grid` they are 0, 1, 2, …;
    a pooled grid over the same image falls between them.

    Args:
        channels: Channels of one attention head, a multiple of 4.
        grid: (h, w) of the tokens to rotate.
        unit_grid: (h, w) of the grid whose cell is the unit of length.
    """
    with torch.inference_mode(False):
        h, w = grid
        y = _cell_centres(h, unit_grid[0], device)[:, None, None]
        x = _cell_centres(w, unit_grid[1], device)[None, :, None]
        wavelengths = _wavelengths(channels // 4, device)
        angles = torch.cat(((x / wavelengths).expand(h, w, -1), (y / wavelengths).expand(h, w, -1)), dim=-1)
        return angles.flatten(0, 1).cos(), angles.flatten(0, 1).sin()


def _cell_centres(count: int, unit_count: int, device: torch.device | None) -> Tensor:
    cells = torch.arange(count, dtype=torch.float32, device=device)
    return (cells + 0.5) * (unit_count / count) - 0.5


def rotate(tokens: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair of neighbouring channels of tokens (..., h·w, channels) by its table's angle, in float32."""
    cos, sin = table
    pairs = tokens.float().reshape(*tokens.shape[:-1], tokens.shape[-1] // 2, 2)
    turned = _turn_pairs(pairs, cos, sin) if torch.compiler.is_compiling() else _turn_numbers(pairs, cos, sin)
    return turned.flatten(-2).to(tokens.dtype)


def _turn_numbers(pairs: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn pairs as complex numbers; one pass over the memory instead of seven."""
    return torch.view_as_real(torch.view_as_complex(pairs) * _turns(cos, sin))


@lru_cache(maxsize=64)
def _turns(cos: Tensor, sin: Tensor) -> Tensor:
    """A rotary table, which is the same object each time, as complex numbers."""
    with torch.inference_mode(False):
        return torch.complex(cos, sin)


def _turn_pairs(pairs: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The same in real numbers, which is all that compilers and exporters know."""
    even, odd = pairs.unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
