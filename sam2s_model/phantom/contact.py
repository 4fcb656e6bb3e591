"""Tools in contact with the tissue: they hold on, and it follows their tips until they let go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sam2s_model.phantom.camera import CameraPath, Push
from sam2s_model.phantom.motion import oscillation
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.scene import Actor

_FARTHEST = 0.12  # image sides that tissue gives way


def draw_pushes(
    rng: np.random.Generator, camera: CameraPath, actors: Sequence[Actor], chance: float
) -> tuple[Push, ...]:
    """For each tool, with a chance, where and how it drags the tissue."""
    return tuple(
        _draw_push(rng, camera, actor.touch) for actor in actors if actor.touch is not None and rng.random() < chance
    )


def _draw_push(rng: np.random.Generator, camera: CameraPath, touch: Array) -> Push:
    tip = np.stack([camera.to_world(t, pixel) for t, pixel in enumerate(touch)])
    grip = np.clip(oscillation(rng, camera.times, -0.6, 1.0, rng.uniform(0.8, 2.0)), 0, 1)
    drag = (tip - _slowly(tip, camera.times)) * rng.uniform(0.6, 1.0)
    pull = rng.normal(0, 0.03, 2)
    by = grip[:, None] * (drag + pull)
    length = np.linalg.norm(by, axis=1, keepdims=True)
    by = by * np.minimum(1.0, _FARTHEST / np.maximum(length, 1e-9))
    return Push(tip - by / 2, by, float(rng.uniform(0.1, 0.25)))


def _slowly(path: Array, times: Array) -> Array:
    """The path (T, 2) averaged over about two seconds: where the tissue rests."""
    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    half = min(max(1, round(1.0 / step)), len(times) - 1)
    if half < 1:
        return path
    padded = np.pad(path, ((half, half), (0, 0)), mode='edge')
    kernel = np.hanning(2 * half + 3)[1:-1]
    return np.stack([np.convolve(padded[:, k], kernel / kernel.sum(), mode='valid') for k in range(2)], axis=1)
