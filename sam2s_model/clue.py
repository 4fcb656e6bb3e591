"""Clues: what memory says about an object before the decoder looks, drawn as maps at stride 8."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.frame_memory import Recall, Role
from sam2s_model.layers import LayerNorm2d
from sam2s_model.matching import STRIDE, ReadOut
from sam2s_model.memory_read_out import (
    FINER,
    LASTING,
    NOTHING,
    QUARTERS,
    CellMask,
    Found,
    read_lasting,
    read_recent,
)
from sam2s_model.network import FrameFeatures
from sam2s_model.object_looks import MAX_LOGIT, draw_looks, weigh_looks
from sam2s_model.whereabouts import reachable

SAY = 0.45  # of a target model's logits, added to those of matching; with more, things of one kind become one
SUREST = torch.tensor(MAX_LOGIT).sigmoid().item()  # matching is never surer than this
MAPS = 5  # probability and evidence, of recent and of lasting frames; the last mask


class Clue(NamedTuple):
    """What is known of N objects before the decoder looks.

    Attributes:
        logits: (N, 1, 2h, 2w) first guess at the mask, at stride 4.
        maps: (N, MAPS, h, w) where the guess comes from, at stride 8; the last one is where they were last seen.
        near: (N, 1, 2h, 2w) bool, where they may have moved to since.
    """

    logits: Tensor
    maps: Tensor
    near: Tensor

    @property
    def channels(self) -> Tensor:
        """All of it as one map (N, 1 + MAPS, h, w), of about unit size."""
        return torch.cat((F.avg_pool2d(self.logits, FINER) / MAX_LOGIT, self.maps), dim=1)


class ClueEncoder(nn.Module):
    """Maps at stride 8 to the decoder's dense prompt at stride 16."""

    def __init__(self, d_model: int, hidden: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1 + MAPS, hidden, kernel_size=3, padding=1),
            LayerNorm2d(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, d_model, kernel_size=2, stride=2),
        )

    def forward(self, channels: Tensor) -> Tensor:
        """Encode `Clue.channels` of N objects."""
        dense: Tensor = self.layers(channels)
        return dense


@torch.no_grad()
def find_clue(features: FrameFeatures, recalls: Sequence[Recall[CellMask]]) -> Clue:
    """Look up what N objects remember on a frame: of recent frames all the same, of others each its own."""
    assert features.keys is not None and features.appearance is not None, 'matching needs keys, target models maps'
    count, side = len(recalls), features.image.shape[-1] // STRIDE
    maps = features.stride16.new_zeros(count, MAPS, side, side)
    logits = features.stride16.new_zeros(count, 1, FINER * side, FINER * side)
    _read_memory(features.keys, recalls, features.found or NOTHING, logits, maps)
    near, weights = reachable(maps[:, -1:]), weigh_looks(recalls)
    if weights is not None:
        looks = draw_looks(features.appearance, weights, near)
        logits.add_(looks, alpha=SAY).clamp_(-MAX_LOGIT, MAX_LOGIT)
    return Clue(logits, maps, near)


def _read_memory(keys: Tensor, recalls: Sequence[Recall[CellMask]], ahead: Found, logits: Tensor, maps: Tensor) -> None:
    """Match the frame with what N objects remember; fill in logits (N, 1, 2h, 2w) and maps."""
    side, cells = maps.shape[-1], len(keys)
    lasting = (read_lasting(keys, recalls, role, side, ahead) for role in LASTING)
    found = reduce(add, (read_out for read_out in lasting if read_out is not None))
    _note(maps, 2, found, _cells_remembered(recalls, cells, *LASTING))
    nearby = read_recent(keys, recalls, side, ahead)
    if nearby is not None:
        _note(maps, 0, nearby, _cells_remembered(recalls, cells, Role.SHORT_TERM))
        found = found + nearby
    newest = [max((slot.memory for slot in recall.frames), key=lambda memory: memory.index) for recall in recalls]
    maps[:, 4] = torch.stack([memory.content.mask for memory in newest]).mean(1).view_as(maps[:, 4])
    quarters = found.probability.clamp(1 - SUREST, SUREST).logit().view(len(recalls), QUARTERS, side, side)
    logits.copy_(F.pixel_shuffle(quarters, FINER))


def _cells_remembered(recalls: Sequence[Recall[CellMask]], cells: int, *roles: Role) -> Tensor:
    """(N·QUARTERS, 1) how many cells each object remembers in some roles."""
    counts = [cells * sum(slot.role in roles for slot in recall.frames) for recall in recalls]
    return torch.tensor(counts).repeat_interleave(QUARTERS).unsqueeze(1)


def _note(maps: Tensor, channel: int, found: ReadOut, cells: Tensor) -> None:
    size = maps.shape[-2:]
    maps[:, channel] = found.probability.view(len(maps), QUARTERS, *size).mean(1)
    evidence = found.evidence(cells.to(maps.device))[::QUARTERS]  # alike in all quarters of a cell
    maps[:, channel + 1] = evidence.view(-1, *size)
