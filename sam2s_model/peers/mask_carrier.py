"""A tracker around any way to carry masks from one frame to the next."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sam2s_model.masklet import Frame, FrameResult, ObjectMask
from sam2s_model.prompt import BoxPrompt, InvalidPrompt, MaskPrompt, Prompt, check_prompt

Image: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]


class MaskCarrier(Protocol):
    """How masks get to the next frame; it keeps of the past what it needs."""

    def carry(self, rgb: Image) -> dict[str, Mask]:
        """The mask (H, W) of every known object on the next frame (H, W, 3)."""
        ...

    def place(self, rgb: Image, object_id: str, mask: Mask) -> None:
        """Put an object's mask in place on the newest frame."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...


class CarryingTracker:
    """`step`, `prompt` and `reset` of `Tracker`, for masks and boxes on the newest frame; a box is its own mask."""

    def __init__(self, carrier: MaskCarrier) -> None:
        self._carrier = carrier
        self._masks: dict[str, Mask] = {}
        self._newest = -1
        self._stamp_ns: int | None = None

    def reset(self) -> None:
        """Forget all objects and the stream."""
        self._carrier.reset()
        self._masks = {}
        self._newest = -1
        self._stamp_ns = None

    def step(self, frame: Frame) -> FrameResult:
        """Carry every object to the next frame."""
        self._newest += 1
        self._stamp_ns = frame.stamp_ns
        self._masks = self._carrier.carry(frame.rgb)
        return self._result(frame)

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        """Add or correct an object on the newest frame.

        Raises:
            InvalidPrompt: It is neither a mask nor a box alone, or does not fit the image.
            ValueError: The frame is not the newest one.
        """
        if frame.stamp_ns != self._stamp_ns:
            raise ValueError(f'expected a prompt on the newest frame ({self._stamp_ns} ns), got {frame.stamp_ns} ns')
        check_prompt(prompt, *frame.rgb.shape[:2])
        mask = _as_mask(prompt, frame.rgb.shape[0], frame.rgb.shape[1])
        self._carrier.place(frame.rgb, object_id, mask)
        self._masks[object_id] = mask
        return self._result(frame)

    def _result(self, frame: Frame) -> FrameResult:
        objects = (ObjectMask(object_id, mask, 1.0, float(mask.any())) for object_id, mask in self._masks.items())
        return FrameResult(self._newest, frame.stamp_ns, tuple(objects))


def _as_mask(prompt: Prompt, height: int, width: int) -> Mask:
    if isinstance(prompt, MaskPrompt):
        return prompt.mask
    if not isinstance(prompt, BoxPrompt) or prompt.points:
        raise InvalidPrompt('expected a mask or a box, got clicks; this tracker cannot turn clicks into a mask')
    x0, y0, x1, y1 = (round(edge) for edge in prompt.box)
    mask = np.zeros((height, width), np.bool_)
    mask[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = True
    return mask
