"""The memory banks of a clip's objects while it is trained: the tracker's banks, filled as the clip's roles say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from sam2s_model.frame_memory import FrameMemory, Recall, Role
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.network import MemoryContent
from sam2s_model.training.clips import Clip
from sam2s_model.training.prompt_plan import PromptPlan

NEVER = 1.0  # predicted IoU that no frame exceeds: sampling chooses the long-term frames, not the filter


@dataclass(frozen=True)
class TrainingMemory:
    """What is remembered within a clip.

    Attributes:
        short_term, short_ages, pointer_frames: As in `MemorySettings`.
        min_iou: Predicted IoU above which tracked frames may be kept for long, as in `MemorySettings`, but of any five
            in a row: clips are short. Nothing is kept by default; sampling chooses long-term frames (SAM2S).
        true_masks: Share of frames remembered with their true mask instead of the predicted one (SAM 2: 0).
    """

    short_term: int = 6
    short_ages: tuple[int, ...] = ()
    pointer_frames: int = 15
    min_iou: float = NEVER
    true_masks: float = 0.3


class Found(NamedTuple):
    """What an object's mask was said to be: its quality in [0, 1], and whether the object is there at all."""

    iou: float
    present: bool


class ClipMemory:
    """What each object of a clip remembers; gradients flow through it."""

    def __init__(self, clip: Clip, plan: PromptPlan, settings: TrainingMemory) -> None:
        self._clip, self._plan = clip, plan
        bank = MemorySettings(
            short_term=settings.short_term,
            short_ages=settings.short_ages,
            pointer_frames=settings.pointer_frames,
            long_term=clip.roles.count(Role.LONG_TERM) or MemorySettings.long_term,
            min_iou=settings.min_iou,
            candidate_interval=0.0,
        )
        self._banks: list[MemoryBank[MemoryContent]] = [MemoryBank(bank) for _ in clip.masks]

    def role(self, t: int) -> Role:
        """As what frame t is remembered; prompted and corrected frames are conditioning ones (SAM 2)."""
        prompted = t in self._plan.conditioning or t in self._plan.corrected
        return Role.CONDITIONING if prompted else self._clip.roles[t]

    def recall(self, t: int) -> list[Recall[MemoryContent]]:
        """What the objects remember on frame t; nothing where they are prompted for the first time."""
        if t in self._plan.conditioning:
            return [Recall() for _ in self._banks]
        return [bank.recall(self._clip.positions[t]) for bank in self._banks]

    def add(self, t: int, embedding: Tensor, found: Sequence[Found], contents: Sequence[MemoryContent]) -> None:
        """Remember frame t: how well each object was found, and what of it."""
        role, index = self.role(t), self._index(t)
        for bank, (iou, present), content in zip(self._banks, found, contents, strict=True):
            memory = FrameMemory(index, index, iou, present, embedding, content)
            if role is Role.CONDITIONING:
                bank.add_conditioning(memory)
            elif role is Role.LONG_TERM:
                bank.add_long_term(memory)
            else:
                bank.add_tracked(memory)

    def _index(self, t: int) -> int:
        """Long-term frames lie anywhere in time; negative numbers keep them apart from all other frames."""
        return -t if self._clip.roles[t] is Role.LONG_TERM else self._clip.positions[t]
