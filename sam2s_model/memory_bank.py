"""The memory bank: what one object is remembered by, kept within bounds (SAM 2; SAM2S, DiveMem)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Generic

import torch

from sam2s_model.divemem import NANOSECONDS, DiveMemFilter
from sam2s_model.frame_memory import Content, FrameMemory, Recall, Role, Slot
from sam2s_model.memory_settings import MemorySettings

FORGOTTEN = torch.empty(0)  # embedding of a frame that DiveMem will not compare any more; it is the largest part


class MemoryBank(Generic[Content]):
    """All that one object is remembered by. Bounded: its size does not depend on the length of the video."""

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings
        self._conditioning: list[FrameMemory[Content]] = []
        kept = settings.recent_frames
        self._recent: deque[FrameMemory[Content]] = deque(maxlen=kept)
        self._beats: deque[FrameMemory[Content]] = deque(maxlen=kept)  # recent frames that begin a short-term stride
        self._long_term: deque[FrameMemory[Content]] = deque(maxlen=settings.long_term_capacity)
        self._filter: DiveMemFilter[Content] = DiveMemFilter(settings)
        self._first_absence: int | None = None  # since the newest prompt

    def add_conditioning(self, memory: FrameMemory[Content]) -> None:
        """Remember a prompted frame; it replaces what was known of the same frame."""
        self._forget(memory.index)
        self._conditioning = sorted([*self._conditioning, memory], key=lambda m: m.index)
        if len(self._conditioning) > self._settings.conditioning:
            surplus = next(m for m in self._conditioning[1:] if m is not memory)
            self._conditioning.remove(surplus)

    def add_tracked(self, memory: FrameMemory[Content]) -> None:
        """Remember a tracked frame for a while, and for long if DiveMem chooses it."""
        remembered = replace(memory, embedding=FORGOTTEN)
        previous = self._newest_before(memory.index)
        if previous is None or self._beat(previous) != self._beat(memory):
            self._beats.append(remembered)
        self._recent.append(remembered)
        if self._long_term.maxlen and not (self._settings.until_absent and self.has_been_away):
            self._offer(memory)
        if not memory.present and self._first_absence is None:
            self._first_absence = memory.index

    def add_long_term(self, memory: FrameMemory[Content]) -> None:
        """Remember a frame for long, whatever DiveMem thinks of it; the oldest of a full queue is forgotten."""
        self._long_term.append(memory)

    def forget_tracked(self, since: int) -> None:
        """Drop what was tracked on frame `since` and later; prompted frames stay."""
        for frames in (self._recent, self._beats, self._long_term):
            _keep(frames, [m for m in frames if m.index < since])
        self._filter.forget_since(since)
        if self._first_absence is not None and self._first_absence >= since:
            self._first_absence = None

    @property
    def has_been_away(self) -> bool:
        """Whether the object was absent from any frame since it was prompted last."""
        return self._first_absence is not None

    def has_conditioning(self, index: int) -> bool:
        """Whether a frame is remembered as a prompted one."""
        return any(m.index == index for m in self._conditioning)

    def recall(self, index: int) -> Recall[Content]:
        """What the object remembers when frame `index` is tracked. Reading changes nothing."""
        conditioning = _ranked(Role.CONDITIONING, index, self._conditioning)
        short = self._short_term(index)
        pointed = [m for m in reversed(self._recent) if 0 < index - m.index <= self._settings.pointer_frames]
        pointers = [slot for slot in conditioning if slot.distance >= 0] + _ranked(Role.SHORT_TERM, index, pointed)
        if self._settings.long_pointers:
            pointers += _ranked(Role.LONG_TERM, index, self._without(self._long_term, pointed))
        long = _ranked(Role.LONG_TERM, index, self._without(self._long_term, [slot.memory for slot in short]))
        return Recall((*conditioning, *short, *long), tuple(pointers))

    def find(self, index: int) -> FrameMemory[Content] | None:
        """What is remembered of one frame, while it is."""
        return next((m for m in (*self._conditioning, *self._recent) if m.index == index), None)

    @property
    def long_term(self) -> tuple[FrameMemory[Content], ...]:
        """The long-term queue, oldest first."""
        return tuple(self._long_term)

    def _offer(self, memory: FrameMemory[Content]) -> None:
        newest = self._long_term[-1] if self._long_term else self._conditioning[-1]
        kept = self._filter.offer(memory, newest)
        if kept is not None:
            self.add_long_term(kept)

    def _forget(self, index: int) -> None:
        """Drop whatever is remembered of a frame: a person has corrected its mask, and the object is there."""
        self._first_absence = None
        self._conditioning = [m for m in self._conditioning if m.index != index]
        for frames in (self._recent, self._beats, self._long_term):
            _keep(frames, [m for m in frames if m.index != index])
        self._filter.forget(index)

    def _short_term(self, index: int) -> list[Slot[Content]]:
        """The previous frame and those that begin a stride before it, old to new, as in SAM 2's temporal stride."""
        if self._settings.short_ages:
            aged = (m for m in self._recent if index - m.index in self._settings.short_ages)
            return _ranked(Role.SHORT_TERM, index, aged)
        latest = self._beat_at(index - 2)
        ranked = [(latest - self._beat(m) + 2, m) for m in self._beats if m.index < index - 1]
        ranked += [(1, m) for m in self._recent if m.index == index - 1]
        return [_slot(Role.SHORT_TERM, index, m, rank) for rank, m in ranked if rank <= self._settings.short_term]

    def _beat_at(self, index: int) -> int:
        if not self._settings.short_stride:
            return index
        before = self._newest_before(index + 1)
        return 0 if before is None else self._beat(before)

    def _newest_before(self, index: int) -> FrameMemory[Content] | None:
        known = (m for m in (*self._conditioning, *self._recent) if m.index < index)
        return max(known, key=lambda m: m.index, default=None)

    def _beat(self, memory: FrameMemory[Content]) -> int:
        """Number of the short-term stride that a frame lies in; without a stride every frame is one."""
        stride_ns = round(self._settings.short_stride * NANOSECONDS)
        return memory.stamp_ns // stride_ns if stride_ns else memory.index

    def _without(
        self, memories: Iterable[FrameMemory[Content]], shown: Iterable[FrameMemory[Content]]
    ) -> list[FrameMemory[Content]]:
        indices = {m.index for m in shown}
        return [m for m in memories if m.index not in indices]


def _keep(frames: deque[FrameMemory[Content]], kept: list[FrameMemory[Content]]) -> None:
    frames.clear()
    frames.extend(kept)


def _ranked(role: Role, index: int, memories: Iterable[FrameMemory[Content]]) -> list[Slot[Content]]:
    return [_slot(role, index, memory, rank) for rank, memory in enumerate(memories)]


def _slot(role: Role, index: int, memory: FrameMemory[Content], rank: int) -> Slot[Content]:
    return Slot(role, index - memory.index, memory, rank)
