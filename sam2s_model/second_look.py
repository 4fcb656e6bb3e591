"""Second looks: a tracked mask is read again in an enlarged view of its own, and what is read is remembered.

What tracks sees the whole frame at stride 4 and wears masks a little with every frame. The reader sees the object
larger, has its mask and how it looked when it was prompted in view, and is trained on worn masks. An object that is not
seen is sought in the whole frame by a reader of its own, beside how it looked. Where time is short, objects take turns:
a look at one costs half as much as tracking it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam2s_model.frame_memory import Content, Recall, Role
from sam2s_model.innermost import innermost
from sam2s_model.memory_read_out import CellMask
from sam2s_model.network import PromptBatch
from sam2s_model.prompt_encoder import FOREGROUND, NO_POINT
from sam2s_model.prompt_reader import Looks, Reference
from sam2s_model.prompt_view import STRIDE, View, view_of_mask

SHARPNESS = 2.0  # of the mask as the reader is shown it; it learnt from prompted masks, which doubt themselves less


class Question(NamedTuple):
    """What the reader is asked about N masks: the prompts, and the views in which they are read."""

    prompt: PromptBatch
    views: list[View]


def whose_turn(recalls: Sequence[Recall[Content]], frames: int) -> list[int]:
    """Numbers of the objects, each of which has its turn on one of so many frames, whose turn it is."""
    slot = recalls[0].frames[0]
    now = slot.memory.index + slot.distance
    return [n for n in range(len(recalls)) if (now + n) % frames == 0]


def ask_again(mask_logits: Tensor, masks: NDArray[np.bool_]) -> Question:
    """Ask about N masks (N, S/4, S/4) of some cells each, logits (N, 1, S/4, S/4): as they are, with a click."""
    points = torch.tensor([[_click(mask)] for mask in masks], dtype=torch.float32).to(mask_logits.device)
    labels = torch.full(points.shape[:2], FOREGROUND, device=mask_logits.device)
    views = [view_of_mask(mask, STRIDE * masks.shape[-1]) for mask in masks]
    return Question(PromptBatch(points, labels, previous_logits=mask_logits.detach() * SHARPNESS), views)


def nothing_said(image: Tensor) -> PromptBatch:
    """The prompt of one object that is sought: none."""
    return PromptBatch(image.new_zeros(1, 1, 2), torch.full((1, 1), NO_POINT, device=image.device))


def looks_of(recall: Recall[CellMask]) -> Looks | None:
    """How an object looked when it was prompted for the last time; None where nothing of it could be seen then."""
    newest_first = (slot.memory.content for slot in reversed(recall.frames) if slot.role is Role.CONDITIONING)
    return next((content.seen for content in newest_first if content.seen is not None), None)


def join(references: Iterable[Reference]) -> Reference:
    """Some references as one."""
    return Reference(*(torch.cat(parts) for parts in zip(*references, strict=True)))


def split(reference: Reference) -> list[Reference]:
    """A reference of N objects as N."""
    return [Reference(*parts) for parts in zip(*(torch.split(part, 1) for part in reference), strict=True)]


def _click(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """The centre (x, y) in pixels of the innermost cell of a mask (S/4, S/4)."""
    column, row = innermost(mask)
    return (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
