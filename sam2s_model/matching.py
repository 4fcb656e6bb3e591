"""Explicit matching: where in this frame is what the remembered masks cover?

Every cell of the frame looks for similar cells in remembered frames and takes over their mask values, weighted by
similarity, as in label propagation on self-supervised features (Jabri et al. 2020). The features are those of the
frozen trunk, so this works on whatever can be told apart by looking, trained or not.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDE = 8  # image pixels per matching cell
TILE = 8  # cells on each side of a block of queries that share their window
REACH = 10  # how many cells further a window reaches on each side; about a fifth of the image between two frames
TEMPERATURE = 0.03
EPS = 1e-5
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
    _, directions = torch.linalg.eigh((joined @ joined.T).double())
    return KeyBasis(centres, scales, directions[:, -key_dim:].float())


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


class ReadOut(NamedTuple):
    """What matching found, for N objects and every cell of the frame.

    Attributes:
        votes: (N, h·w) similarity-weighted sum of remembered mask values.
        weights: (h·w,) sum of the weights; votes / weights is the probability of the object.
    """

    votes: Tensor
    weights: Tensor

    def __add__(self, other: object) -> ReadOut:
        if not isinstance(other, ReadOut):
            return NotImplemented
        return ReadOut(self.votes + other.votes, self.weights + other.weights)

    @property
    def probability(self) -> Tensor:
        """(N, h·w) in [0, 1]."""
        return self.votes / self.weights

    def evidence(self, cells: int) -> Tensor:
        """Soft maximum (h·w,) of the similarity to the best of `cells` remembered cells, at most about 1."""
        return 1 + TEMPERATURE * (self.weights / cells).log()


def nothing(count: int, query: Tensor) -> ReadOut:
    """The read-out of an empty memory for `count` objects: weightless, and so undecided."""
    return ReadOut(query.new_full((count, len(query)), EPS * 1e-25), query.new_full((len(query),), 2e-25 * EPS))


def read_everywhere(query: Tensor, keys: Tensor, masks: Tensor) -> ReadOut:
    """Match each cell with all cells of remembered frames; for frames long ago.

    Args:
        query: (h·w, K) keys of the current frame.
        keys: (F, h·w, K) keys of F remembered frames.
        masks: (N, F, h·w) mask values in [0, 1] of N objects in these frames.
    """
    values = _values(masks.flatten(1))
    sums = torch.cat([_weights(chunk @ keys.flatten(0, 1).T) @ values for chunk in torch.split(query, CHUNK)])
    return ReadOut(sums[:, :-1].T, sums[:, -1])


def read_nearby(query: Tensor, keys: Tensor, masks: Tensor, width: int) -> ReadOut:
    """Match each cell with cells nearby; for recent frames, from which nothing can have moved far.

    Args:
        query: (h·w, K) keys of the current frame.
        keys: (F, h·w, K) keys of F remembered frames.
        masks: (N, F, h·w) mask values in [0, 1] of N objects in these frames.
        width: w, cells in a row. Height and width must be multiples of `TILE`.
    """
    height = len(query) // width
    queries = _tiles(query.view(height, width, -1), TILE, 0)
    sums: Tensor | None = None
    for index, frame_keys in enumerate(keys):
        window_keys = _tiles(frame_keys.view(height, width, -1), TILE, REACH)
        values = _values(masks[:, index]).view(height, width, -1)
        # Cells outside the image have key 0, so that their weight is next to nothing, and value 0.
        read = _weights(queries @ window_keys.transpose(1, 2)) @ _tiles(values, TILE, REACH)
        sums = read if sums is None else sums + read
    assert sums is not None, 'at least one frame'
    cells = _untile(sums, height, width)
    return ReadOut(cells[:, :-1].T, cells[:, -1])


def _weights(similarity: Tensor) -> Tensor:
    """exp of similarity in [-1, 1] over temperature; at most 1, so that sums of any frames can be added."""
    return similarity.sub_(1).mul_(1 / TEMPERATURE).exp_()


def _values(masks: Tensor) -> Tensor:
    """(N, L) masks -> (L, N + 1) what is summed up: masks, and ones for the weights."""
    return torch.cat((masks, masks.new_ones(1, masks.shape[1]))).T


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
