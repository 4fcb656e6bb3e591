"""A network that finds every object everywhere, until it runs out of memory, returns NaN or loses its GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from noting_network import NotingNetwork

from sam2s_model.frame_memory import Recall
from sam2s_model.network import FrameFeatures, MaskOutput, PromptBatch

OUT_OF_MEMORY = torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB')
DEVICE_LOST = RuntimeError('CUDA error: an illegal memory access was encountered')


class FaultyNetwork(NotingNetwork):
    """For the real `Tracker`.

    Attributes:
        room: Objects for which memory suffices at once.
        spoiled: Field of `MaskOutput` that is NaN; None when all is well.
        fault: Asked whenever objects are segmented; gives what is raised, None when all is well.
    """

    def __init__(self, room: int = 99, spoiled: str | None = None) -> None:
        super().__init__()
        self.room = room
        self.spoiled = spoiled
        self.fault: Callable[[], Exception | None] = lambda: None

    def track_frame(
        self, features: FrameFeatures, recalls: Sequence[Recall[str]], prompt: PromptBatch | None
    ) -> MaskOutput:
        if len(recalls) > self.room:
            raise OUT_OF_MEMORY
        fault = self.fault()
        if fault is not None:
            raise fault
        output = super().track_frame(features, recalls, prompt)
        if self.spoiled:
            getattr(output, self.spoiled)[:] = torch.nan
        return output
