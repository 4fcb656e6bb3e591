"""What a stream's own statistics make of the trunk's maps: unit vectors that tell its things apart.

ImageNet features of one operating room lie close together. Centring and scaling them by the statistics of the stream
itself spreads them out; on real clips it is worth more than twice as many channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-5


class StreamBasis(NamedTuple):
    """The statistics of one frame of a stream.

    Attributes:
        centres: For each map, (1, C, 1, 1).
        scales: For each map, (1, C, 1, 1).
        rotation: (D, K) principal directions of all maps but the finest, joined; strongest last.
    """

    centres: tuple[Tensor, ...]
    scales: tuple[Tensor, ...]
    rotation: Tensor


def learn_basis(maps: Sequence[Tensor], key_dim: int) -> StreamBasis:
    """Find the basis of a stream from the maps (1, C, h, w) of one of its frames, the finest first.

    Keys are made of all maps but the finest, and have the resolution of the second.
    """
    centres = tuple(m.mean((2, 3), keepdim=True) for m in maps)
    scales = tuple(m.std((2, 3), keepdim=True) + EPS for m in maps)
    coarse = [_normed(*part) for part in zip(maps, centres, scales, strict=True)][1:]
    joined = torch.cat([resized(m, coarse[0].shape[-2:]) for m in coarse], dim=1).flatten(2)[0]
    # On the CPU, once a stream: MPS has neither float64 nor eigenvectors.
    _, directions = torch.linalg.eigh((joined @ joined.T).cpu().double())
    return StreamBasis(centres, scales, directions[:, -key_dim:].float().to(joined.device))


def spread_out(maps: Sequence[Tensor], basis: StreamBasis) -> tuple[Tensor, ...]:
    """Centre and scale maps (1, C, h, w); every cell becomes a unit vector, so that all maps have equal say."""
    return tuple(_normed(*part) for part in zip(maps, basis.centres, basis.scales, strict=True))


def matching_keys(spread: Sequence[Tensor], basis: StreamBasis) -> Tensor:
    """Unit vectors (h·w, K), one for each cell of the second of the maps from `spread_out`."""
    coarse = spread[1:]
    size = coarse[0].shape[-2:]
    directions = torch.split(basis.rotation, [m.shape[1] for m in coarse])
    # Each map turns before it grows: the same sums, of fewer cells.
    parts = (resized(_turned(m, turn), size) for m, turn in zip(coarse, directions, strict=True))
    return F.normalize(reduce(add, parts).flatten(2)[0].T, dim=1)  # stacking would lay them out anew


def _normed(features: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
    _, channels, h, w = features.shape
    cells = features.permute(0, 2, 3, 1).reshape(-1, channels)  # as the trunk lays them out: three times as fast
    unit = F.normalize((cells - centre.flatten()) / scale.flatten(), dim=1)
    return unit.view(1, h, w, channels).permute(0, 3, 1, 2)


def _turned(features: Tensor, directions: Tensor) -> Tensor:
    """Features (1, C, h, w) along directions (C, K): (1, K, h, w)."""
    return (features.permute(0, 2, 3, 1) @ directions).permute(0, 3, 1, 2)


def resized(features: Tensor, size: torch.Size) -> Tensor:
    """Bring a map (1, C, h, w) to another size."""
    return features if features.shape[-2:] == size else F.interpolate(features, size, mode='bilinear')
