"""Explicit matching: where in this frame is what the remembered masks cover?

Every cell of the frame looks for similar cells in remembered frames and takes over their mask values, weighted by
similarity, as in label propagation on self-supervised features (Jabri et al. 2020). The features are those of the
frozen trunk, so this works on whatever can be told apart by looking, trained or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDE = 8  # image pixels per matching cell
TILE = 8  # cells on each side of a block of queries that share their window
REACH = 7  # how many cells further a window reaches on each side; about a seventh of the image between two frames
TEMPERATURE = 0.04
EPS = 1e-5
COLUMNS = 16  # of values are a multiple of this: odd numbers of them take a CPU three times as long in float32
CHUNK = 256  # queries matched at a time; their similarities stay in the cache


class KeyBasis(NamedTuple):
    """How the trunk's maps become matching keys in one stream.

    ImageNet features of one operating room lie close together. Centring, scaling and rotating them by the statistics of
    the stream itself spreads them out: on real clips it is worth more than twice as many channels.

    Attributes:
        centres: For each map, (1, C, 1, 1).
        scales: For each map, (1, C, 1, 1).
        rotation: (D, K) principal directions of the joined maps, strongest last.
    """

    centres: tuple[Tensor, ...]
    scales: tuple[Tensor, ...]
    rotation: Tensor


def learn_basis(maps: tuple[Tensor, ...], key_dim: int) -> KeyBasis:
    """Find the basis of a stream from the maps (1, C, h, w) of one of its frames, the finest first."""
    centres = tuple(m.mean((2, 3), keepdim=True) for m in maps)
    scales = tuple(m.std((2, 3), keepdim=True) + EPS for m in maps)
    joined = _join(maps, centres, scales).flatten(2)[0]
    # On the CPU, once a stream: MPS has neither float64 nor eigenvectors.
    _, directions = torch.linalg.eigh((joined @ joined.T).cpu().double())
    return KeyBasis(centres, scales, directions[:, -key_dim:].float().to(joined.device))


def matching_keys(maps: tuple[Tensor, ...], basis: KeyBasis) -> Tensor:
    """Unit vectors (h·w, K), one for each cell of the finest map (1, C, h, w)."""
    joined = _join(maps, basis.centres, basis.scales).flatten(2)[0]
    return F.normalize(joined.T @ basis.rotation, dim=1)


def _join(maps: tuple[Tensor, ...], centres: tuple[Tensor, ...], scales: tuple[Tensor, ...]) -> Tensor:
    """Bring the maps to the size of the first, every map with equal say: (1, D, h, w)."""
    size = maps[0].shape[-2:]
    parts = []
    for features, centre, scale in zip(maps, centres, scales, strict=True):
        normed = F.normalize((features - centre) / scale, dim=1)
        parts.append(normed if normed.shape[-2:] == size else F.interpolate(normed, size, mode='bilinear'))
    return torch.cat(parts, dim=1)


@dataclass(frozen=True)
class ReadOut:
    """What matching found, for N objects and every cell of the frame.

    Attributes:
        votes: (N, h·w) similarity-weighted sum of remembered mask values.
        weights: (h·w,) sum of the weights; votes / weights is the probability of the object.
    """

    votes: Tensor
    weights: Tensor

    def __add__(self, other: ReadOut) -> ReadOut:
        return ReadOut(self.votes + other.votes, self.weights + other.weights)

    def __mul__(self, factor: float) -> ReadOut:
        return ReadOut(self.votes * factor, self.weights * factor)

    @property
    def probability(self) -> Tensor:
        """(N, h·w) in [0, 1]."""
        return self.votes / self.weights

    def evidence(self, cells: int) -> Tensor:
        """Soft maximum (h·w,) of the similarity to the best of `cells` remembered cells, at most 1."""
        return TEMPERATURE * (self.weights / cells).log()


def read_everywhere(query: Tensor, keys: Tensor, masks: Tensor) -> ReadOut:
    """Match each cell with all cells of remembered frames; for frames long ago.

    Args:
        query: (h·w, K) keys of the current frame.
        keys: (F, L, K) keys of F remembered frames of L cells each.
        masks: (N, F, L) mask values in [0, 1] of N objects in these frames.
    """
    values, targets = _values(masks.flatten(1)).to(keys.dtype), keys.flatten(0, 1).T
    # Similarities of unit vectors are at most 1, so that the exponential cannot overflow: e^25 fits float32.
    sums = torch.cat([(chunk @ targets).exp_() @ values for chunk in torch.split(query / TEMPERATURE, CHUNK)])
    return _read_out(sums, len(masks))


def read_nearby(query: Tensor, keys: Tensor, masks: Tensor, width: int) -> ReadOut:
    """Match each cell with cells nearby; for recent frames, from which nothing can have moved far.

    Args:
        query: (h·w, K) keys of the current frame.
        keys: (F, h·w, K) keys of F remembered frames.
        masks: (N, F, h·w) mask values in [0, 1] of N objects in these frames.
        width: w, cells in a row. Height and width must be multiples of `TILE`.
    """
    height = len(query) // width
    queries = _tiles((query / TEMPERATURE).view(height, width, -1), TILE, 0)
    sums: Tensor | None = None
    for index, frame_keys in enumerate(keys):
        window_keys = _tiles(frame_keys.view(height, width, -1), TILE, REACH)
        values = _values(masks[:, index]).to(keys.dtype).view(height, width, -1)
        # Cells outside the image have key 0, so that their weight, 1, is next to nothing, and value 0.
        read = ((queries @ window_keys.transpose(1, 2)).exp_() @ _tiles(values, TILE, REACH)).float()
        sums = read if sums is None else sums + read
    assert sums is not None, 'at least one frame'
    return _read_out(_untile(sums, height, width), len(masks))


def pool_memory(keys: Tensor, masks: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Join blocks of 2×2 cells of remembered frames: a quarter of the cells, for a quarter of the work.

    Args:
        keys: (F, h·w, K). masks: (N, F, h·w). width: w; height and width are even.
    """
    channels = keys.shape[-1]
    key_maps = keys.transpose(1, 2).reshape(len(keys), channels, -1, width)
    mask_maps = masks.reshape(*masks.shape[:2], -1, width)
    pooled = F.normalize(F.avg_pool2d(key_maps, 2).flatten(2).transpose(1, 2), dim=2)
    return pooled, F.avg_pool2d(mask_maps, 2).flatten(2)


def _read_out(sums: Tensor, count: int) -> ReadOut:
    sums = sums.float()
    return ReadOut(sums[:, :count].T, sums[:, count])


def _values(masks: Tensor) -> Tensor:
    """(N, L) masks -> (L, COLUMNS · k) what is summed up: masks, ones for the weights, and zeros."""
    count, cells = masks.shape
    nothing = masks.new_zeros(-(count + 1) % COLUMNS, cells)
    return torch.cat((masks, masks.new_ones(1, cells), nothing)).T


def _tiles(cells: Tensor, tile: int, reach: int) -> Tensor:
    """Cut (h, w, C) into tiles with their surroundings: (tiles, (tile + 2·reach)², C)."""
    side = tile + 2 * reach
    padded = F.pad(cells, (0, 0, reach, reach, reach, reach))
    windows = padded.unfold(0, side, tile).unfold(1, side, tile)
    return windows.permute(0, 1, 3, 4, 2).reshape(-1, side * side, cells.shape[-1])


def _untile(tiles: Tensor, height: int, width: int) -> Tensor:
    """Put tiles (tiles, TILE², C) back together: (h·w, C)."""
    rows, columns = height // TILE, width // TILE
    grid = tiles.view(rows, columns, TILE, TILE, -1).permute(0, 2, 1, 3, 4)
    return grid.reshape(height * width, -1)
