"""One tracked object: its memory, what people said about it, and its newest mask."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field

from torch import Tensor

from sam2s_model.frame_memory import FrameMemory, Recall
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.network import PREVIOUS_LOGIT_LIMIT, MemoryContent
from sam2s_model.semantics import ClassEvidence

CLICKED_FRAMES = 8  # frames whose clicks are remembered, for more clicks on them


@dataclass(frozen=True)
class Clicks:
    """The clicks and the box that a person has given on one frame, in pixels of the square."""

    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]

    def __add__(self, later: Clicks) -> Clicks:
        return Clicks(self.points + later.points, self.labels + later.labels)


@dataclass(frozen=True)
class Segmentation:
    """One object on one frame: mask_logits (1, 1, S/4, S/4), quality and presence in [0, 1]."""

    frame_index: int
    mask_logits: Tensor
    iou: float
    presence: float

    @property
    def is_finite(self) -> bool:
        """Whether the network returned numbers."""
        return math.isfinite(self.iou) and math.isfinite(self.presence)


@dataclass(frozen=True)
class Finding:
    """What one frame tells of one object: what to remember, what to show, and what its class looks like.

    Attributes:
        class_logits: (K,) one for each class of the instrument bank; empty where there is none or the object is absent.
    """

    memory: FrameMemory[MemoryContent]
    segmentation: Segmentation
    class_logits: tuple[float, ...]


@dataclass
class ObjectTrack:
    """What the tracker knows of one object.

    Prompted frames are staged: they join the memory bank when the video moves on. Until then another click on the same
    frame is answered from the same memory as the first one (SAM 2).

    Attributes:
        bank: What the object is remembered by.
        first_index: The frame on which it was added.
        newest: The object on the newest frame that it was segmented on.
        evidence: What its class looks like; None while nothing is known of it.
        sharing: Ids of the objects of which it is a part, and of its own parts.
    """

    object_id: str
    bank: MemoryBank[MemoryContent]
    first_index: int
    newest: Segmentation | None = None
    evidence: ClassEvidence | None = None
    sharing: list[str] = field(default_factory=list)
    _staged: dict[int, FrameMemory[MemoryContent]] = field(default_factory=dict)
    _clicks: OrderedDict[int, Clicks] = field(default_factory=OrderedDict)

    def recall_for_prompt(self, index: int) -> Recall[MemoryContent]:
        """The first prompts of an object are answered without memory, and so are those on earlier frames (SAM 2)."""
        return self.bank.recall(index) if index >= self.first_index else Recall()

    def previous_logits(self, index: int) -> Tensor | None:
        """The mask that clicks on a frame correct, clamped as SAM 2 does; None when it is not known any more."""
        memory = self._staged.get(index) or self.bank.find(index)
        if memory is None or memory.mask_logits is None:
            return None
        return memory.mask_logits.clamp(-PREVIOUS_LOGIT_LIMIT, PREVIOUS_LOGIT_LIMIT)

    def add_clicks(self, index: int, clicks: Clicks, afresh: bool) -> Clicks:
        """All clicks on a frame; the new ones replace the earlier ones or come on top."""
        earlier = self._clicks.pop(index, None)
        self._clicks[index] = clicks if earlier is None or afresh else earlier + clicks
        if len(self._clicks) > CLICKED_FRAMES:
            self._clicks.popitem(last=False)
        return self._clicks[index]

    def forget_clicks(self, index: int) -> None:
        """A mask prompt has made the clicks on a frame pointless."""
        self._clicks.pop(index, None)

    def stage(self, memory: FrameMemory[MemoryContent]) -> None:
        """Keep a prompted frame for the memory bank; it replaces an earlier prompt's result on that frame."""
        self._staged[memory.index] = memory

    def see(self, finding: Finding) -> None:
        """Take note of where the object is, unless a newer frame has shown it, and of what its class looks like."""
        if self.newest is None or finding.segmentation.frame_index >= self.newest.frame_index:
            self.newest = finding.segmentation
        if finding.class_logits:
            self.evidence = (
                self.evidence.then(finding.class_logits) if self.evidence else ClassEvidence.of(finding.class_logits)
            )

    def move_on(self) -> None:
        """The video goes on: remember what was prompted."""
        for memory in self._staged.values():
            self.bank.add_conditioning(memory)
        self._staged.clear()

    def rewind(self, index: int) -> None:
        """Go back to a frame, or to a staged one before it: forget what was tracked from there on, keep the prompts."""
        self.bank.forget_tracked(min(index, *self._staged) if self._staged else index)
        self.move_on()

    @property
    def is_seen(self) -> bool:
        """Whether the object can be seen on the newest frame that it was segmented on."""
        return self.newest is not None and self.newest.presence > 0.5

    @property
    def has_been_away(self) -> bool:
        """Whether the object was absent from any frame since it was prompted last."""
        return self.bank.has_been_away

    def share_with(self, other: ObjectTrack) -> None:
        """Note that one of the two is a part of the other."""
        if other.object_id not in self.sharing:
            self.sharing.append(other.object_id)
            other.sharing.append(self.object_id)

    def is_prompted_on(self, index: int) -> bool:
        """Whether a person said what the object looks like on a frame."""
        return index in self._staged or self.bank.has_conditioning(index)
