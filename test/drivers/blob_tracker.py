"""A tracker that needs no network: it follows each object as the region of its grey."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sam2s_model import BoxPrompt, Frame, FrameResult, MaskPrompt, ObjectMask, PointPrompt, Prompt

NOISE = 15  # grey values that JPEG compression may change


class BlobTracker:
    """Follows each object as the region of its brightness: one grey value, one object. Same methods as the real one."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.index = 0
        self.caught_up: list[tuple[int, tuple[str, ...]]] = []

    def step(self, frame: Frame) -> FrameResult:
        self.index += 1
        return self._result(frame)

    def look(self, frame: Frame) -> FrameResult:
        return self._result(frame)

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        x, y = _middle(prompt)
        self.values[object_id] = int(frame.rgb[min(y, frame.rgb.shape[0] - 1), min(x, frame.rgb.shape[1] - 1), 0])
        return self._result(frame)

    def catch_up(self, frame: Frame, object_ids: Iterable[str]) -> FrameResult:
        self.caught_up.append((frame.stamp_ns, tuple(object_ids)))
        return self._result(frame)

    def remove(self, object_id: str) -> None:
        del self.values[object_id]

    def reset(self) -> None:
        self.values.clear()
        self.index = 0

    def _result(self, frame: Frame) -> FrameResult:
        masks = {
            object_id: np.abs(frame.rgb[..., 0].astype(int) - value) <= NOISE
            for object_id, value in self.values.items()
        }
        objects = tuple(ObjectMask(object_id, mask, 0.9, float(mask.any())) for object_id, mask in masks.items())
        return FrameResult(self.index, frame.stamp_ns, objects)


def _middle(prompt: Prompt) -> tuple[int, int]:
    if isinstance(prompt, MaskPrompt):
        y, x = (int(place.mean()) for place in np.nonzero(prompt.mask))
        return x, y
    if isinstance(prompt, BoxPrompt):
        x0, y0, x1, y1 = prompt.box
        return int(x0 + x1) // 2, int(y0 + y1) // 2
    assert isinstance(prompt, PointPrompt)
    return int(prompt.points[0][0]), int(prompt.points[0][1])
