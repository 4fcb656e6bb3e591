"""Memory tokens: all that one object remembers, as the sequence that memory attention reads (SAM 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sam2s_model.frame_memory import Recall, Role, Slot
from sam2s_model.position_encoding import sine_1d, sine_2d

SHORT_TERM = 6
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
    """

    tokens: Tensor
    positions: Tensor
    pointer_tokens: int


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


def memory_tokens(recalls: Sequence[Recall[EncodedMemory]], embeddings: TemporalEmbeddings) -> MemoryTokens:
    """The memories of N objects of the same layout, pointers last."""
    sequences = [_sequence(recall, embeddings) for recall in recalls]
    tokens = torch.stack([sequence.tokens for sequence in sequences])
    positions = torch.stack([sequence.positions for sequence in sequences])
    return MemoryTokens(tokens, positions, sequences[0].pointer_tokens)


def _sequence(recall: Recall[EncodedMemory], embeddings: TemporalEmbeddings) -> MemoryTokens:
    """The memory of one object, (L, M) each."""
    tokens, positions = [], []
    for slot in recall.frames:
        when = _temporal_embedding(slot, embeddings)
        memory = slot.memory.content.features.to(when.dtype)
        where = sine_2d(*memory.shape, memory.device, memory.dtype).flatten(2)[0].T
        tokens.append(memory.flatten(1).T)
        positions.append(where + when)
    pointer_tokens = 0
    if recall.pointers:
        pointers = torch.stack([slot.memory.content.pointer for slot in recall.pointers])
        pieces = pointers.view(-1, embeddings.short_and_conditioning.shape[-1])
        pointer_tokens = len(pieces)
        tokens.append(pieces)
        when = _pointer_positions(recall.pointers, pointers, embeddings.pointers)
        positions.append(when.repeat_interleave(pointer_tokens // len(pointers), dim=0))
    return MemoryTokens(torch.cat(tokens), torch.cat(positions), pointer_tokens)


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
