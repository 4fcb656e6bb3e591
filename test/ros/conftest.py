"""Objects on images for the tests of what is made of them, a tracker that needs no network, and ROS test benches."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from sam2s_model import BoxPrompt, Frame, FrameResult, MaskPrompt, ObjectMask, PointPrompt, Prompt
from sam2s_ros.object_registry import Identity
from sam2s_ros.run_lengths import encode_mask
from sam2s_ros.track_state import Sighting, TrackState
from sam2s_ros.tracked_image import TrackedObject

HEIGHT, WIDTH = 60, 80


class BlobTracker:
    """Follows each object as the region of its brightness: one grey value, one object. Same methods as the real one."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.index = 0

    def step(self, frame: Frame) -> FrameResult:
        self.index += 1
        return self._result(frame)

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        x, y = _middle(prompt)
        self.values[object_id] = int(frame.rgb[min(y, frame.rgb.shape[0] - 1), min(x, frame.rgb.shape[1] - 1), 0])
        return self._result(frame)

    def remove(self, object_id: str) -> None:
        del self.values[object_id]

    def reset(self) -> None:
        self.values.clear()
        self.index = 0

    def _result(self, frame: Frame) -> FrameResult:
        masks = {object_id: frame.rgb[..., 0] == value for object_id, value in self.values.items()}
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


@pytest.fixture
def blob_tracker() -> BlobTracker:
    return BlobTracker()


MakeObject = Callable[..., TrackedObject]


@pytest.fixture
def tracked_object() -> MakeObject:
    """Make an object of which the disc (x, y, radius) is seen on an 80×60 image."""

    def make(
        disc: tuple[int, int, int] | None = (40, 30, 10),
        slot: int = 1,
        score: float = 0.9,
        state: TrackState = TrackState.TRACKED,
        object_id: str = 'a',
    ) -> TrackedObject:
        canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
        if disc is not None:
            cv2.circle(canvas, disc[:2], disc[2], 1, -1)
        mask = canvas.astype(bool)
        return TrackedObject(
            identity=Identity(object_id, slot, 'grasper'),
            class_id=1,
            mask=mask,
            runs=encode_mask(mask),
            score=score,
            presence=0.95,
            state=state,
            reason='' if state == TrackState.TRACKED else 'because',
            sighting=Sighting(5, 0, 3_000_000_007),
        )

    return make
