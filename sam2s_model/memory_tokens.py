"""Memory tokens: all that one object remembers, as the sequence that memory attention reads (SAM 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.frame_memory import Recall, Role, Slot
from sam2s_model.position_encoding import sine_1d, sine_2d
from sam2s_model.rope_attention import Grid

SHORT_TERM = 6
POOLED = 2  # side of the squares of cells that are averaged where memory is pooled (EfficientTAM)
POINTER_SPAN = 15  # frames; distances of object pointers are divided by this, in videos of 16 frames and more


class EncodedMemory(NamedTuple):
    """What one object leaves behind on one frame: features (M, h, w) and its object pointer (C,)."""

    features: Tensor
    pointer: Tensor


class MemoryTokens(NamedTuple):
    """Memory of N objects.

    Attributes:
        tokens: (N, L, M) remembered frames cell by cell, then object pointers.
        positions: (N, L, M) where and when they come from.
        pointer_tokens: How many of the L belong to pointers.
        grid: (h, w) cells of each remembered frame.
        whole_frames: How many of the first frames have more cells than that: they were not pooled.
    """

    tokens: Tensor
    positions: Tensor
    pointer_tokens: int
    grid: Grid
    whole_frames: int = 0


class TemporalEmbeddings(NamedTuple):
    """The weights that tell memory tokens when they come from.

    Attributes:
        short_and_conditioning: (7, 1, 1, M) the previous frame, …, six frames ago, any conditioning frame (SAM 2).
        long_term: (K, 1, 1, M) long-term frames (SAM2S).
        pointers: Projects the sine code of a pointer's distance from C to M channels.
    """

    short_and_conditioning: Tensor
    long_term: Tensor
    pointers: nn.Module


def layout(recall: Recall[EncodedMemory]) -> tuple[object, ...]:
    """Recalls of the same layout give sequences of the same form."""
    return tuple((slot.role, slot.rank) for slot in recall.frames), len(recall.pointers)


def memory_tokens(
    recalls: Sequence[Recall[EncodedMemory]], embeddings: TemporalEmbeddings, pooled: bool = False
) -> MemoryTokens:
    """The memories of N objects of the same layout, pointers last.

    With `pooled`, 2×2 cells of a tracked frame are averaged. What a person prompted stays whole: masks go astray
    without its borders.
    """
    side = POOLED if pooled else 1
    tokens, positions, pointer_tokens = zip(*(_sequence(recall, embeddings, side) for recall in recalls), strict=True)
    frames = recalls[0].frames
    h, w = frames[0].memory.content.features.shape[-2:]
    whole = sum(_stays_whole(slot) for slot in frames) if pooled else 0
    return MemoryTokens(torch.stack(tokens), torch.stack(positions), pointer_tokens[0], (h // side, w // side), whole)


def _stays_whole(slot: Slot[EncodedMemory]) -> bool:
    return slot.role is Role.CONDITIONING


def _sequence(recall: Recall[EncodedMemory], embeddings: TemporalEmbeddings, side: int) -> tuple[Tensor, Tensor, int]:
    """Tokens and positions of one object, (L, M) each, and how many belong to pointers."""
    tokens, positions = [], []
    for slot in recall.frames:
        when = _temporal_embedding(slot, embeddings)
        memory = slot.memory.content.features.to(when.dtype)
        where = sine_2d(*memory.shape, memory.device, memory.dtype)[0]
        if side > 1 and not _stays_whole(slot):
            memory, where = F.avg_pool2d(memory, side), F.avg_pool2d(where, side)
        tokens.append(memory.flatten(1).T)
        positions.append(where.flatten(1).T + when)
    pointer_tokens = 0
    if recall.pointers:
        pointers = torch.stack([slot.memory.content.pointer for slot in recall.pointers])
        pieces = pointers.view(-1, embeddings.short_and_conditioning.shape[-1])
        pointer_tokens = len(pieces)
        tokens.append(pieces)
        when = _pointer_positions(recall.pointers, pointers, embeddings.pointers)
        positions.append(when.repeat_interleave(pointer_tokens // len(pointers), dim=0))
    return torch.cat(tokens), torch.cat(positions), pointer_tokens


def _temporal_embedding(slot: Slot[EncodedMemory], embeddings: TemporalEmbeddings) -> Tensor:
    if slot.role is Role.LONG_TERM:
        last = len(embeddings.long_term) - 1
        return embeddings.long_term[min(slot.rank, last)].view(1, -1)
    row = slot.rank - 1 if slot.role is Role.SHORT_TERM else SHORT_TERM
    return embeddings.short_and_conditioning[row].view(1, -1)


def _pointer_positions(slots: Sequence[Slot[EncodedMemory]], like: Tensor, projection: nn.Module) -> Tensor:
    """Temporal codes (P, M) of P object pointers (P, C), by distance in frames; long-term ones are 15 at most."""
    distances = [min(slot.distance, POINTER_SPAN) if slot.role is Role.LONG_TERM else slot.distance for slot in slots]
    codes: Tensor = projection(sine_1d(like.new_tensor(distances) / POINTER_SPAN, like.shape[1]))
    return codes
