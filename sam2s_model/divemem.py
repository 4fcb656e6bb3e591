"""DiveMem: which tracked frames are worth remembering for long (SAM2S section 3, Eq. 2)."""

from __future__ import annotations

from typing import Generic

import torch
import torch.nn.functional as F

from sam2s_model.frame_memory import Content, FrameMemory
from sam2s_model.memory_settings import MemorySettings

NANOSECONDS = 1_000_000_000


class DiveMemFilter(Generic[Content]):
    """Choose which tracked frames enter long-term memory.

    Frames on which the object is present with predicted IoU above γ_iou collect in a candidate buffer B; any other
    frame empties it. When B holds Δ frames, the one whose image features E are least like those of the newest
    long-term memory l_k is kept, and the buffer is emptied (Eq. 2):

        b* = argmin_{b in B} cos(E(b), E(l_k))
    """

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings
        self._candidates: list[FrameMemory[Content]] = []
        self._last_stamp_ns: int | None = None

    def offer(self, tracked: FrameMemory[Content], newest: FrameMemory[Content]) -> FrameMemory[Content] | None:
        """Take one tracked frame; return the frame to keep, once the buffer is full."""
        if not tracked.present or tracked.iou <= self._settings.min_iou:
            self._interrupt()
            return None
        if self._is_too_soon(tracked):
            return None
        self._candidates.append(tracked)
        self._last_stamp_ns = tracked.stamp_ns
        if len(self._candidates) < self._settings.buffer_size:
            return None
        kept = self._least_like(newest)
        self._candidates.clear()
        return kept

    def forget(self, index: int) -> None:
        """Drop a frame that was prompted: its mask may have been wrong."""
        self._candidates = [candidate for candidate in self._candidates if candidate.index != index]

    def forget_since(self, index: int) -> None:
        """Drop a frame and all after it: they will be tracked again."""
        self._candidates = [candidate for candidate in self._candidates if candidate.index < index]
        self._last_stamp_ns = self._candidates[-1].stamp_ns if self._candidates else None

    def _interrupt(self) -> None:
        if self._settings.consecutive:
            self._candidates.clear()
            self._last_stamp_ns = None

    def _is_too_soon(self, tracked: FrameMemory[Content]) -> bool:
        if self._last_stamp_ns is None:
            return False
        return tracked.stamp_ns - self._last_stamp_ns < self._settings.candidate_interval * NANOSECONDS

    def _least_like(self, newest: FrameMemory[Content]) -> FrameMemory[Content]:
        embeddings = torch.stack([candidate.embedding for candidate in self._candidates]).float()
        similarity = F.cosine_similarity(embeddings, newest.embedding.float().unsqueeze(0))
        return self._candidates[int(similarity.argmin())]
