"""Clues: what memory and prompt say about an object before the decoder looks, drawn as maps at stride 8."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.frame_memory import Recall, Role
from sam2s_model.layers import LayerNorm2d
from sam2s_model.matching import (
    POOLED_CELLS,
    STRIDE,
    Lookup,
    ReadOut,
    join_lookups,
    lookup,
    pool_memory,
    read_everywhere,
    read_nearby,
    read_nearby_sparsely,
    thin_out,
)
from sam2s_model.network import FrameFeatures, PromptBatch
from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND

MAX_LOGIT = 6.0  # of a read-out; matching is never surer than this
SUREST = torch.tensor(MAX_LOGIT).sigmoid().item()
FINER = 2  # masks are remembered and read out at twice the keys' resolution: thin things keep their shape
QUARTERS = FINER**2
READY_GROUPS = 8  # of objects whose lasting memory is kept ready
CLICK_SPREAD = 1.0  # cells, the width of the bump that marks a click
FROM_MEMORY = 5  # maps that memory fills in: probability and evidence, of recent and of lasting frames; the last mask
MAPS = FROM_MEMORY + 3  # and from the prompt: positive clicks, negative clicks, box


class CellMask(NamedTuple):
    """What one object leaves behind on one frame.

    Attributes:
        keys: (h·w, K) those of the frame.
        mask: (QUARTERS, h·w) in [0, 1], how much of each quarter of a cell the object covers.
        look: (T,) mean of what the trunk sees under the mask, 0 when it covers nothing. Matching keys mean something
            else in every stream, so that they cannot tell classes; only kept for the semantic branch, else None.
    """

    keys: Tensor
    mask: Tensor
    look: Tensor | None = None


Contents: TypeAlias = tuple[tuple[CellMask, ...], ...]  # of some frames, for each of N objects


class Clue(NamedTuple):
    """What is known of N objects before the decoder looks.

    Attributes:
        logits: (N, 1, 2h, 2w) first guess at the mask, at stride 4.
        maps: (N, MAPS, h, w) where the guess comes from, at stride 8.
    """

    logits: Tensor
    maps: Tensor

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
def find_clue(
    features: FrameFeatures,
    recalls: Sequence[Recall[CellMask]],
    prompt: PromptBatch | None = None,
    reading: Tensor | None = None,
) -> Clue:
    """Look up what N objects remember on a frame.

    Args:
        features: The frame.
        recalls: What each object remembers; equal layouts.
        prompt: What people pointed at on this frame.
        reading: (N, 1, 2h, 2w) logits of what the prompt means, which count for more than memory.
    """
    assert features.keys is not None, 'matching needs keys'
    count, side = len(recalls), features.image.shape[-1] // STRIDE
    maps = features.stride16.new_zeros(count, MAPS, side, side)
    logits = features.stride16.new_zeros(count, 1, FINER * side, FINER * side)
    if recalls[0].frames:
        _read_memory(features.keys, recalls, logits, maps)
    if reading is not None:
        logits = reading.clamp(-MAX_LOGIT, MAX_LOGIT)
    if prompt is not None:
        maps[:, FROM_MEMORY:] = _draw(prompt, side)
    return Clue(logits, maps)


def _read_memory(keys: Tensor, recalls: Sequence[Recall[CellMask]], logits: Tensor, maps: Tensor) -> None:
    """Match the frame with what N objects remember; fill in logits (N, 1, 2h, 2w) and the first five of their maps."""
    side, cells = maps.shape[-1], len(keys)
    prompted, chosen, recent = (
        _contents(recalls, role) for role in (Role.CONDITIONING, Role.LONG_TERM, Role.SHORT_TERM)
    )
    found = read_everywhere(keys, _make_ready(prompted, chosen, side, sparsely=_tracks_in_half(keys)))
    _note(maps, 2, found, sum(len(frames[0]) for frames in (prompted, chosen)) * cells)
    if recent[0]:
        read = read_nearby_sparsely if _tracks_in_half(keys) else read_nearby
        nearby = read(keys, *_stack(recent), side)
        _note(maps, 0, nearby, len(recent[0]) * cells)
        found = found + nearby
    newest = max(range(len(recalls[0].frames)), key=lambda index: recalls[0].frames[index].memory.index)
    last = torch.stack([recall.frames[newest].memory.content.mask for recall in recalls])
    maps[:, 4] = last.mean(1).view_as(maps[:, 4])
    quarters = found.probability.clamp(1 - SUREST, SUREST).logit().view(len(recalls), QUARTERS, side, side)
    logits.copy_(F.pixel_shuffle(quarters, FINER))


def _tracks_in_half(keys: Tensor) -> bool:
    """Whether speed counts for more than the last digit, and the device need not be waited for."""
    return keys.device.type == 'cpu' and keys.dtype != torch.float32 and torch.is_inference_mode_enabled()


@lru_cache(maxsize=READY_GROUPS)
def _make_ready(prompted: Contents, chosen: Contents, side: int, sparsely: bool) -> Lookup:
    """What some objects remember for long, made ready once: it seldom changes."""
    keys, masks = _stack(prompted)
    ready = thin_out(keys, masks, side) if sparsely else lookup(keys.flatten(0, 1), masks.flatten(1))
    if not chosen[0]:
        return ready
    keys, masks = pool_memory(*_stack(chosen), side)
    if sparsely:
        return join_lookups(ready, thin_out(keys, masks, side // 2, POOLED_CELLS))
    return join_lookups(ready, lookup(keys.flatten(0, 1), masks.flatten(1), POOLED_CELLS))


def _contents(recalls: Sequence[Recall[CellMask]], role: Role) -> Contents:
    """What each object remembers of its frames in a role."""
    return tuple(tuple(slot.memory.content for slot in recall.frames if slot.role is role) for recall in recalls)


def _stack(contents: Contents) -> tuple[Tensor, Tensor]:
    """Keys (F, h·w, K) of some remembered frames, and masks (N·QUARTERS, F, h·w) of the objects in them."""
    keys = torch.stack([content.keys for content in contents[0]])
    return keys, torch.cat([torch.stack([content.mask for content in frames], dim=1) for frames in contents])


def _note(maps: Tensor, channel: int, found: ReadOut, cells: int) -> None:
    maps[:, channel] = found.probability.view(len(maps), QUARTERS, *maps.shape[-2:]).mean(1)
    maps[:, channel + 1] = found.evidence(cells).view_as(maps[0, channel])


def _draw(prompt: PromptBatch, side: int) -> Tensor:
    """Positive clicks, negative clicks and the box of N prompts as maps (N, 3, side, side) in [0, 1]."""
    centres = torch.arange(side, device=prompt.points.device) + 0.5
    x, y = (prompt.points / STRIDE).unbind(-1)
    bumps = _bump(y, centres).unsqueeze(-1) * _bump(x, centres).unsqueeze(-2)
    positive = (bumps * (prompt.labels == FOREGROUND)[..., None, None]).amax(1)
    negative = (bumps * (prompt.labels == BACKGROUND)[..., None, None]).amax(1)
    return torch.stack((positive, negative, _box_map(prompt, x, y, centres)), dim=1)


def _bump(position: Tensor, centres: Tensor) -> Tensor:
    return torch.exp(-0.5 * ((position.unsqueeze(-1) - centres) / CLICK_SPREAD) ** 2)


def _box_map(prompt: PromptBatch, x: Tensor, y: Tensor, centres: Tensor) -> Tensor:
    """(N, side, side): 1 inside the box, falling off within a cell; 0 everywhere without a box."""
    spans = []
    for position in (y, x):
        low = position.masked_fill(prompt.labels != BOX_TOP_LEFT, torch.inf).amin(1, keepdim=True)
        high = position.masked_fill(prompt.labels != BOX_BOTTOM_RIGHT, -torch.inf).amax(1, keepdim=True)
        spans.append(((centres - low).clamp(-0.5, 0.5) + (high - centres).clamp(-0.5, 0.5)).clamp(0, 1))
    return spans[0].unsqueeze(-1) * spans[1].unsqueeze(-2)
