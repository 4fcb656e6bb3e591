"""What one object is remembered by: conditioning, short-term and long-term frames (SAM 2; SAM2S, DiveMem)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import torch.nn.functional as F
from torch import Tensor

Content = TypeVar('Content')

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class FrameMemory(Generic[Content]):
    """What one frame leaves behind for one object.

    Attributes:
        index: Position of the frame in the stream.
        stamp_ns: Stamp of the frame.
        iou: Mask quality the decoder predicted, in [0, 1].
        present: Whether the object score says that the object is in the frame.
        embedding: (D,) image features that DiveMem compares; shared by all objects of the frame.
        content: What the network wants to see again; nobody else looks into it.
    """

    index: int
    stamp_ns: int
    iou: float
    present: bool
    embedding: Tensor
    content: Content


class Role(Enum):
    """Why a frame is remembered."""

    CONDITIONING = 'conditioning'
    SHORT_TERM = 'short-term'
    LONG_TERM = 'long-term'


@dataclass(frozen=True)
class Slot(Generic[Content]):
    """One remembered frame as the current one sees it; `distance` frames ago, negative for a later frame."""

    role: Role
    distance: int
    memory: FrameMemory[Content]


@dataclass(frozen=True)
class Recall(Generic[Content]):
    """All that one object remembers when a frame is tracked.

    Attributes:
        frames: Conditioning frames, then short-term from old to new, then long-term from old to new.
        pointers: Frames that contribute their object pointer: conditioning first, then the recent ones, new to old.
    """

    frames: tuple[Slot[Content], ...] = ()
    pointers: tuple[Slot[Content], ...] = ()


@dataclass(frozen=True)
class MemorySettings:
    """How much is remembered, and when a frame is worth keeping for long.

    Attributes:
        short_term: Number of latest frames, unfiltered (SAM2S section 3: 6).
        pointer_frames: Number of latest frames whose object pointer is kept (SAM 2: 15).
        conditioning: At most this many prompted frames; the first one always stays.
        long_term: Capacity N_l of the long-term queue beside the conditioning frames (SAM2S: 4).
        buffer_size: Candidates among which one is chosen, Δ (SAM2S: 5).
        min_iou: A candidate's predicted IoU must be above this, γ_iou (SAM2S: 0.95).
        candidate_interval: Least time between two candidates in seconds. SAM2S was evaluated on about one frame a
            second; at 25 frames a second consecutive frames would all be alike. 0 takes every frame.
    """

    short_term: int = 6
    pointer_frames: int = 15
    conditioning: int = 8
    long_term: int = 4
    buffer_size: int = 5
    min_iou: float = 0.95
    candidate_interval: float = 1.0


class DiveMemFilter(Generic[Content]):
    """Choose which tracked frames enter long-term memory (SAM2S, DiveMem).

    Frames on which the object is present with predicted IoU above γ_iou collect in a candidate buffer B; any other
    frame empties it. When B holds Δ frames, the one whose image features E are least like those of the newest
    long-term memory l_k is kept, and the buffer is emptied (Eq. 2):

        b* = argmin_{b in B} cos(E(b), E(l_k))
    """

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings
        self._candidates: list[FrameMemory[Content]] = []

    def offer(self, tracked: FrameMemory[Content], newest: FrameMemory[Content]) -> FrameMemory[Content] | None:
        """Take one tracked frame; return the frame to keep, once the buffer is full."""
        if not tracked.present or tracked.iou <= self._settings.min_iou:
            self._candidates.clear()
            return None
        if self._is_too_soon(tracked):
            return None
        self._candidates.append(tracked)
        if len(self._candidates) < self._settings.buffer_size:
            return None
        kept = min(self._candidates, key=lambda b: _cosine(b.embedding, newest.embedding))
        self._candidates.clear()
        return kept

    def _is_too_soon(self, tracked: FrameMemory[Content]) -> bool:
        if not self._candidates:
            return False
        waited = tracked.stamp_ns - self._candidates[-1].stamp_ns
        return waited < self._settings.candidate_interval * NANOSECONDS


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(F.cosine_similarity(a.flatten().float(), b.flatten().float(), dim=0))


class MemoryBank(Generic[Content]):
    """All that one object is remembered by. Bounded: its size does not depend on the length of the video."""

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings
        self._conditioning: list[FrameMemory[Content]] = []
        self._recent: deque[FrameMemory[Content]] = deque(maxlen=max(settings.short_term, settings.pointer_frames))
        self._long_term: deque[FrameMemory[Content]] = deque(maxlen=settings.long_term)
        self._filter: DiveMemFilter[Content] = DiveMemFilter(settings)

    def add_conditioning(self, memory: FrameMemory[Content]) -> None:
        """Remember a prompted frame; it replaces what was known of the same frame."""
        self._recent = deque((m for m in self._recent if m.index != memory.index), maxlen=self._recent.maxlen)
        others = [m for m in self._conditioning if m.index != memory.index]
        self._conditioning = sorted([*others, memory], key=lambda m: m.index)
        if len(self._conditioning) > self._settings.conditioning:
            del self._conditioning[1]

    def add_tracked(self, memory: FrameMemory[Content]) -> None:
        """Remember a tracked frame for a while, and for long if DiveMem chooses it."""
        self._recent.append(memory)
        newest = self._long_term[-1] if self._long_term else self._conditioning[-1]
        kept = self._filter.offer(memory, newest)
        if kept is not None:
            self.add_long_term(kept)

    def add_long_term(self, memory: FrameMemory[Content]) -> None:
        """Remember a frame for long, whatever DiveMem thinks of it; the oldest of a full queue is forgotten."""
        self._long_term.append(memory)

    def recall(self, index: int) -> Recall[Content]:
        """What the object remembers when frame `index` is tracked. Reading changes nothing."""
        conditioning = [_slot(Role.CONDITIONING, index, m) for m in self._conditioning]
        recent = [m for m in self._recent if m.index < index]
        short = recent[max(len(recent) - self._settings.short_term, 0) :]
        shown = {m.index for m in short}
        long = [_slot(Role.LONG_TERM, index, m) for m in self._long_term if m.index not in shown]
        past = [slot for slot in conditioning if slot.distance >= 0]
        pointers = reversed(recent[max(len(recent) - self._settings.pointer_frames, 0) :])
        return Recall(
            frames=(*conditioning, *(_slot(Role.SHORT_TERM, index, m) for m in short), *long),
            pointers=(*past, *(_slot(Role.SHORT_TERM, index, m) for m in pointers)),
        )

    @property
    def long_term(self) -> tuple[FrameMemory[Content], ...]:
        """The long-term queue, oldest first."""
        return tuple(self._long_term)


def _slot(role: Role, index: int, memory: FrameMemory[Content]) -> Slot[Content]:
    return Slot(role, index - memory.index, memory)
