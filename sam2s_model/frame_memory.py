"""One remembered frame, and all that one object remembers when a frame is tracked (SAM 2, memory bank)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from torch import Tensor

Content = TypeVar('Content')


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
        mask_logits: (1, 1, S/4, S/4) the mask, for corrections that come later; None where nobody will correct.
    """

    index: int
    stamp_ns: int
    iou: float
    present: bool
    embedding: Tensor
    content: Content
    mask_logits: Tensor | None = None


class Role(Enum):
    """Why a frame is remembered."""

    CONDITIONING = 'conditioning'
    SHORT_TERM = 'short-term'
    LONG_TERM = 'long-term'


@dataclass(frozen=True)
class Slot(Generic[Content]):
    """One remembered frame as the current one sees it.

    Attributes:
        role: Why it is remembered.
        distance: How many frames ago it was; negative for a later frame.
        memory: What is remembered of it.
        rank: Its place among those of its role. Short-term: 1 for the previous frame, 2 for the one before, and so on,
            with gaps where a frame is missing. The others: counted from 0, the oldest.
    """

    role: Role
    distance: int
    memory: FrameMemory[Content]
    rank: int = 0


@dataclass(frozen=True)
class Recall(Generic[Content]):
    """All that one object remembers when a frame is tracked.

    Attributes:
        frames: Conditioning frames, then short-term from old to new, then long-term from old to new.
        pointers: Frames that contribute their object pointer: conditioning, then the recent ones from new to old, then
            long-term ones where these have pointers.
    """

    frames: tuple[Slot[Content], ...] = ()
    pointers: tuple[Slot[Content], ...] = ()
