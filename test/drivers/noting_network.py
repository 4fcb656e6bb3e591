"""A network that only notes what it is asked, and prompts and frames to ask it with."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sam2s_model import BoxPrompt, Frame, MaskPrompt, PointPrompt
from sam2s_model.frame_memory import Recall, Role
from sam2s_model.mask_decoder import HighResFeatures
from sam2s_model.network import FrameFeatures, MaskOutput, PromptBatch

SIDE = 64
FRAME_NS = 40_000_000


class Asked(NamedTuple):
    """One call of `track_frame`: brightness of the frame, what was recalled for each object, and the prompt."""

    frame: float
    recalls: list[Recall[str]]
    prompt: PromptBatch | None


class NotingNetwork:
    """Finds every object everywhere, surely and for ever, and notes what it was asked."""

    image_size = SIDE
    pixel_mean = (0.0, 0.0, 0.0)
    pixel_std = (1 / 255, 1 / 255, 1 / 255)

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.encoded: list[float] = []
        self.logit = 40.0

    def calibrate(self, image: Tensor) -> None:
        return None

    def encode_image(self, image: Tensor, calibration: None) -> FrameFeatures:
        self.encoded.append(float(image.mean()))
        empty = torch.empty(0)
        return FrameFeatures(image, empty, HighResFeatures(empty, empty), torch.ones(3))

    def layout(self, recall: Recall[str]) -> Hashable:
        return len(recall.frames)

    def track_frame(
        self, features: FrameFeatures, recalls: Sequence[Recall[str]], prompt: PromptBatch | None
    ) -> MaskOutput:
        self.asked.append(Asked(float(features.image.mean()), list(recalls), prompt))
        count = len(recalls)
        logits = torch.full((count, 1, SIDE // 4, SIDE // 4), self.logit)
        return MaskOutput(logits, torch.full((count,), 0.99), torch.full((count,), 3.0), None, None)

    def encode_memory(
        self, features: FrameFeatures, recalls: Sequence[Recall[str]], output: MaskOutput, prompted: bool
    ) -> list[str]:
        kind = 'prompted' if prompted else 'tracked'
        return [f'{kind} {float(features.image.mean()):.0f}'] * len(output.iou)


def frame(number: int) -> Frame:
    """A frame as bright as its number."""
    return Frame(np.full((48, 32, 3), number, np.uint8), number * FRAME_NS)


def click(x: float = 16, y: float = 24, label: int = 1) -> PointPrompt:
    return PointPrompt(((x, y),), (label,))


MASK = MaskPrompt(np.ones((48, 32), bool))
BOX = BoxPrompt((4, 6, 20, 30))


def contents(recall: Recall[str], role: Role) -> list[str]:
    return [slot.memory.content for slot in recall.frames if slot.role is role]


def labels_asked(network: NotingNetwork) -> list[int]:
    prompt = network.asked[-1].prompt
    assert prompt is not None
    return [int(label) for label in prompt.labels[0]]
