"""What lies behind everything: a large picture with its relief, seen through the camera with moving wet highlights."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2s_model.phantom.bleeding import Bleeding, cover_with_blood
from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.noise import Array

# How much larger than the image the canvas is, so that a panning camera finds something to see.
CANVAS_MARGIN = 1.5


@dataclass(frozen=True)
class Backdrop:
    """A canvas around the world's origin.

    Attributes:
        albedo: (h, w, 3) float32 in [0, 255], diffuse shading included.
        slopes: (h, w, 2) float32 surface slopes in x and y, or None for what never shines.
        gloss: Strength of highlights in [0, 1].
        sharpness: How small and hard highlights are.
        bleeding: Blood that spreads on it, if any.
    """

    albedo: Array
    slopes: Array | None
    gloss: float
    sharpness: float
    bleeding: Bleeding | None = None


def canvas_shape(height: int, width: int) -> tuple[int, int]:
    """Canvas (height, width) for an image of that size."""
    return round(height * CANVAS_MARGIN), round(width * CANVAS_MARGIN)


def colour_at(backdrop: Backdrop, point: Array, side: int) -> Array:
    """Mean RGB (3,) around a world point (2,), for an image whose shorter side is `side` pixels."""
    rows, columns = backdrop.albedo.shape[:2]
    x, y = np.clip(point * side + np.array([columns, rows]) / 2, 0, [columns - 1, rows - 1]).astype(int)
    reach = max(2, side // 8)
    around = backdrop.albedo[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    return around.mean(axis=(0, 1))


def view(backdrop: Backdrop, camera: CameraPath, frame: int) -> Array:
    """The backdrop as the camera sees it: (H, W, 3) float32 in [0, 255]."""
    shape = (backdrop.albedo.shape[0], backdrop.albedo.shape[1])
    coarse, fraction = cv2.convertMaps(*camera.sampling_maps(frame, shape), cv2.CV_16SC2)

    def look_at(picture: Array) -> Array:
        return cv2.remap(picture, coarse, fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    seen = look_at(backdrop.albedo)
    if backdrop.bleeding is not None:
        reach = look_at(backdrop.bleeding.reach)
        cover_with_blood(seen, reach, float(backdrop.bleeding.level[frame]))
    if backdrop.slopes is None or backdrop.gloss <= 0:
        return seen
    seen += _highlights(look_at(backdrop.slopes), backdrop, camera.side)[..., None]
    return seen


def _highlights(slopes: Array, backdrop: Backdrop, side: int) -> Array:
    """White glare (H, W) where the wet surface mirrors the light, which sits beside the camera."""
    height, width = slopes.shape[:2]
    # The mirror condition shifts with the viewing direction: a surface at the right edge must lean left to shine.
    lean_x = (np.arange(width, dtype=np.float32) - width / 2) * (0.7 / side) + 0.12
    lean_y = (np.arange(height, dtype=np.float32) - height / 2) * (0.7 / side) - 0.08
    miss_x = slopes[..., 0] - lean_x[None, :]
    miss_y = slopes[..., 1] - lean_y[:, None]
    shine = cv2.exp((miss_x * miss_x + miss_y * miss_y) * -backdrop.sharpness)
    return np.minimum(shine * (330 * backdrop.gloss), 255)
