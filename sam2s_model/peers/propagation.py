"""Training-free label propagation: every cell takes the labels of the cells that look most like it.

The protocol of self-supervised video segmentation (Jabri et al. 2020; Caron et al. 2021) on the features of our frozen
ImageNet trunk: neighbours come from the frames on which something was prompted and from the last few frames, where they
are looked for nearby.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.lite_trunk import LiteTrunk
from sam2s_model.peers.mask_carrier import Image, Mask

SIDE = 384  # pixels of the square that the trunk sees
STRIDE = 8
RECENT = 5  # frames
NEIGHBOURS = 10
TEMPERATURE = 0.05
REACH = 10  # cells to each side in which recent frames are searched
EPS = 1e-5


@dataclass(frozen=True, eq=False)
class RememberedFrame:
    """Keys (h·w, D) of a frame and the share of each cell (h·w,) that each object covers."""

    keys: Tensor
    shares: dict[str, Tensor]


class Propagation:
    """Carries masks by matching features; remembers every prompted frame and the last few."""

    def __init__(self, trunk: LiteTrunk) -> None:
        self._trunk = trunk.eval()
        self._cells = SIDE // STRIDE
        self._near = _cells_nearby(self._cells)
        self.reset()

    def reset(self) -> None:
        """See `MaskCarrier`."""
        self._statistics: list[tuple[Tensor, Tensor]] = []
        self._prompted: list[RememberedFrame] = []
        self._recent: deque[RememberedFrame] = deque(maxlen=RECENT)
        self._newest: RememberedFrame | None = None

    @torch.inference_mode()
    def carry(self, rgb: Image) -> dict[str, Mask]:
        """See `MaskCarrier`."""
        self._remember_newest()
        keys = self._keys(rgb)
        shares = self._vote(keys) if self._prompted else {}
        self._newest = RememberedFrame(keys, shares)
        return self._masks(shares, rgb.shape[0], rgb.shape[1])

    @torch.inference_mode()
    def place(self, rgb: Image, object_id: str, mask: Mask) -> None:
        """See `MaskCarrier`."""
        assert self._newest is not None, 'a frame was carried before'
        share = F.interpolate(torch.from_numpy(mask)[None, None].float(), (self._cells, self._cells), mode='area')
        self._newest.shares[object_id] = share.flatten()
        if self._newest not in self._prompted:
            self._prompted.append(self._newest)

    def _remember_newest(self) -> None:
        if self._newest is None or not self._prompted or self._newest is self._prompted[-1]:
            return
        self._recent.append(self._newest)

    def _keys(self, rgb: Image) -> Tensor:
        """Unit vectors (h·w, D): the trunk's maps, normalised by the statistics of the stream's first frame."""
        square = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        image = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 127.5 - 1
        features = self._trunk(image)
        maps = (features.stride8, features.stride16_early, features.stride16)
        if not self._statistics:
            self._statistics = [(m.mean((2, 3), keepdim=True), m.std((2, 3), keepdim=True) + EPS) for m in maps]
        parts = []
        for features_of_map, (mean, deviation) in zip(maps, self._statistics, strict=True):
            normed = (features_of_map - mean) / deviation
            resized = F.interpolate(normed, (self._cells, self._cells), mode='bilinear', align_corners=False)
            parts.append(F.normalize(resized, dim=1))
        return F.normalize(torch.cat(parts, dim=1), dim=1).flatten(2)[0].T

    def _vote(self, keys: Tensor) -> dict[str, Tensor]:
        """What share of each cell (h·w,) every object covers."""
        frames = (*self._prompted, *self._recent)
        known = dict.fromkeys(object_id for frame in frames for object_id in frame.shares)
        shares: dict[str, Tensor] = {}
        for ids in self._prompted_together(frames, list(known)):
            # Before its prompt nobody said what an object is; those frames have no vote on it.
            votes = self._vote_of([frame for frame in frames if ids[0] in frame.shares], keys, ids)
            shares |= dict(zip(ids, votes.unbind(dim=1), strict=True))
        return {object_id: shares[object_id] for object_id in known}

    def _prompted_together(self, frames: Sequence[RememberedFrame], ids: list[str]) -> list[list[str]]:
        """Objects that are known on the same frames."""
        groups: dict[tuple[bool, ...], list[str]] = {}
        for object_id in ids:
            groups.setdefault(tuple(object_id in frame.shares for frame in frames), []).append(object_id)
        return list(groups.values())

    def _vote_of(self, frames: Sequence[RememberedFrame], keys: Tensor, ids: list[str]) -> Tensor:
        """Shares (h·w, N) of N objects, from the most similar cells of the frames."""
        similar, labels = [], []
        for frame in frames:
            similarity = keys @ frame.keys.T
            if len(frames) == 1 or frame in self._recent:
                similarity = similarity.masked_fill(~self._near, -1)
            best, where = similarity.topk(NEIGHBOURS, dim=1)
            similar.append(best)
            labels.append(torch.stack([frame.shares[object_id] for object_id in ids], dim=1)[where])
        best, where = torch.cat(similar, dim=1).topk(NEIGHBOURS, dim=1)
        chosen = torch.cat(labels, dim=1).gather(1, where[..., None].expand(-1, -1, len(ids)))
        return ((best / TEMPERATURE).softmax(dim=1)[..., None] * chosen).sum(dim=1)

    def _masks(self, shares: dict[str, Tensor], height: int, width: int) -> dict[str, Mask]:
        """Masks (H, W): each pixel belongs to the object, or to none, that covers most of it."""
        if not shares:
            return {}
        objects = torch.stack(list(shares.values()))
        labels = torch.cat((1 - objects.sum(dim=0, keepdim=True), objects)).view(1, -1, self._cells, self._cells)
        largest = F.interpolate(labels, (height, width), mode='bilinear', align_corners=False)[0].argmax(dim=0)
        return {object_id: (largest == number).numpy() for number, object_id in enumerate(shares, 1)}


def _cells_nearby(cells: int) -> Tensor:
    """(h·w, h·w) bool: which cells lie within `REACH` rows and columns of each other."""
    position = torch.arange(cells)
    close = (position[:, None] - position).abs() <= REACH
    return (close[:, None, :, None] & close[None, :, None, :]).reshape(cells * cells, cells * cells)
