"""Explicit matching: where in this frame is what the remembered masks cover?

Every cell of the frame looks for similar cells in remembered frames and takes over their mask values, weighted by
similarity, as in label propagation on self-supervised features (Jabri et al. 2020). The features are those of the
frozen trunk, so this works on whatever can be told apart by looking, trained or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDE = 8  # image pixels per matching cell
TILE = 8  # cells on each side of a block of queries that share their window
REACH = 7  # how many cells further a window reaches on each side; about a seventh of the image between two frames
TEMPERATURE = 0.04
COLUMNS = 16  # of values are a multiple of this: odd numbers of them take a CPU three times as long in float32
POOLED_CELLS = 4.0  # a block of cells stands for so many
LOOK_ALIKE = 0.4  # similarity to an object from which on background might be taken for it
LEAST_MASK = 0.01  # of a cell that shows anything of an object
LENGTHS = 256  # thinned memories are multiples of this many cells: oneDNN keeps a kernel for every length it has met
MOST_TILES = 0.75  # that objects may be near to, for the others to be left out
CHUNK = 256  # queries matched at a time; their similarities stay in the cache


@dataclass(frozen=True)
class ReadOut:
    """What matching found, for N objects and every cell of the frame.

    Attributes:
        votes: (N, h·w) similarity-weighted sum of remembered mask values.
        weights: (N, h·w) sum of the weights, (1, h·w) where the same cells are remembered of all objects;
            votes / weights is the probability of the object.
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

    def evidence(self, cells: float | Tensor) -> Tensor:
        """Soft maximum, like `weights`, of the similarity to the best of `cells` remembered cells, at most 1.

        The number of cells may differ from object to object, (N, 1).
        """
        return TEMPERATURE * (self.weights / cells).log()


class Lookup(NamedTuple):
    """Remembered cells, ready to be compared with every cell of a frame.

    Attributes:
        keys: (K, L) of L cells.
        values: (L, COLUMNS · k) what is summed up: masks of N objects and what a cell counts, both times that.
        objects: N.
    """

    keys: Tensor
    values: Tensor
    objects: int


def lookup(keys: Tensor, masks: Tensor, shares: Tensor | float = 1.0) -> Lookup:
    """Make keys (L, K) and masks (N, L) ready; a cell counts as many times as its share (L,) says."""
    return Lookup(keys.T, (_values(masks) * torch.as_tensor(shares).view(-1, 1)).to(keys.dtype), len(masks))


def read_everywhere(query: Tensor, remembered: Lookup) -> ReadOut:
    """Match each cell, keys (h·w, K), with all that is remembered; for frames long ago."""
    # Similarities of unit vectors are at most 1, so that the exponential cannot overflow: e^25 fits float32.
    chunks = torch.split(query / TEMPERATURE, CHUNK)
    sums = torch.cat([(chunk @ remembered.keys).exp_() @ remembered.values for chunk in chunks])
    return _read_out(sums, remembered.objects)


def thin_out(keys: Tensor, masks: Tensor, width: int, share: float = 1.0) -> Lookup:
    """Make remembered frames ready, most of their background in blocks of 2×2 cells: it only counts against objects.

    What lies around objects stays as it is, and so does what looks a little like them: it is all that tells them apart.
    Cells of key and value 0, which count for nothing, fill it up.

    Args:
        keys: (F, h·w, K). masks: (N, F, h·w). width: w; height and width are even.
        share: How many cells each of the cells stands for.
    """
    pooled_keys, pooled_masks = pool_memory(keys, masks, width)
    covered = masks.amax(0) > LEAST_MASK
    alike = torch.stack([_best_match(k, k[c]) > LOOK_ALIKE for k, c in zip(keys, covered, strict=True)])
    telling = (covered | alike).to(masks.dtype).view(len(keys), -1, width)
    seen = F.max_pool2d(telling, 4, stride=2, padding=1) > 0  # blocks, and blocks next to such cells
    blocks = ~seen.flatten()
    cells = seen.repeat_interleave(2, 1).repeat_interleave(2, 2).flatten()
    chosen_keys = torch.cat((keys.flatten(0, 1)[cells], pooled_keys.flatten(0, 1)[blocks]))
    chosen_masks = torch.cat((masks.flatten(1)[:, cells], pooled_masks.flatten(1)[:, blocks]), dim=1)
    shares = chosen_masks.new_full((len(chosen_keys),), POOLED_CELLS * share)
    shares[: int(cells.sum())] = share
    filling = -len(chosen_keys) % LENGTHS
    return lookup(
        F.pad(chosen_keys, (0, 0, 0, filling)), F.pad(chosen_masks, (0, filling)), F.pad(shares, (0, filling))
    )


def _best_match(keys: Tensor, others: Tensor) -> Tensor:
    """Similarity (L,) of each key (L, K) to the most similar of others (M, K), at least 0."""
    filled = F.pad(others, (0, 0, 0, -len(others) % LENGTHS or LENGTHS))
    return (keys @ filled.T).amax(1)


class Windows(NamedTuple):
    """What N objects left in a remembered frame, cut into what each tile of a later frame looks at.

    Attributes:
        keys: (tiles, K, side²).
        values: (tiles, side², COLUMNS · k), as in a `Lookup`.
        near: (tiles,) whether a tile sees anything of an object.
        objects: N.
    """

    keys: Tensor
    values: Tensor
    near: Tensor
    objects: int


def cut_windows(keys: Tensor, masks: Tensor, width: int) -> Windows:
    """Make a recent frame, from which nothing can have moved far, ready to be read.

    Args:
        keys: (h·w, K).
        masks: (N, h·w) mask values in [0, 1] of N objects.
        width: w, cells in a row. Height and width must be multiples of `TILE`.
    """
    values = _values(masks).to(keys.dtype)
    # Cells outside the image have key 0, so that their weight, 1, is next to nothing, and value 0.
    key_tiles, value_tiles = (_tiles(cells.view(-1, width, cells.shape[1]), TILE, REACH) for cells in (keys, values))
    near = value_tiles[..., : len(masks)].amax((1, 2)) > LEAST_MASK
    return Windows(key_tiles.transpose(1, 2).contiguous(), value_tiles, near, len(masks))


def read_nearby(query: Tensor, frames: Iterable[Windows], width: int) -> ReadOut:
    """Match each cell, keys (h·w, K), with cells nearby in remembered frames."""
    queries = _queries(query, width)
    sums, objects = torch.zeros(()), 0
    for frame in frames:
        sums, objects = sums + _read_windows(queries, frame.keys, frame.values), frame.objects
    return _read_out(_untile(sums, width), objects)


def read_nearby_sparsely(query: Tensor, frames: Sequence[Windows], width: int) -> ReadOut:
    """The same, but for tiles that no object has been near: of these only the newest frame, the last, counts for all.

    Votes are next to 0 there anyhow; of the weights, frames that follow each other give much the same.
    """
    near = torch.stack([frame.near for frame in frames]).any(0).nonzero()[:, 0]
    queries, newest = _queries(query, width), frames[-1]
    if len(near) > MOST_TILES * len(queries):  # to pick them out would take longer than to read all
        return read_nearby(query, frames, width)
    found = _read_windows(queries, newest.keys, newest.values)
    sums, chosen = found * len(frames), queries[near]
    earlier = (_read_windows(chosen, frame.keys[near], frame.values[near]) for frame in frames[:-1])
    sums[near] = sum(earlier, start=found[near])
    return _read_out(_untile(sums, width), newest.objects)


def _queries(query: Tensor, width: int) -> Tensor:
    return _tiles((query / TEMPERATURE).view(-1, width, query.shape[1]), TILE, 0)


def _read_windows(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Sums (tiles, TILE², COLUMNS · k) that tiles of queries find in their windows."""
    return ((queries @ keys).exp_() @ values).float()


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
    return ReadOut(sums[:, :count].T, sums[None, :, count])


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


def _untile(tiles: Tensor, width: int) -> Tensor:
    """Put tiles (tiles, TILE², C) back together: (h·w, C)."""
    grid = tiles.view(-1, width // TILE, TILE, TILE, tiles.shape[-1]).permute(0, 2, 1, 3, 4)
    return grid.reshape(-1, tiles.shape[-1])
