"""Sprites: small premultiplied pictures of rigid parts, how they are cut out, lit and laid over a frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2s_model.phantom.noise import Array

_SUBPIXEL_BITS = 4
_PADDING = 2


@dataclass(frozen=True)
class Sprite:
    """One rigid part, drawn once.

    Attributes:
        rgba: (h, w, 4) float32, colour in [0, 255] premultiplied with alpha, alpha in [0, 1].
        origin: (x, y) of the part's own origin in sprite pixels.
        scale: Sprite pixels for one unit of the part's own coordinates.
    """

    rgba: Array
    origin: tuple[float, float]
    scale: float

    @classmethod
    def of(cls, rgb: Array, alpha: Array, origin: tuple[float, float], scale: float) -> Sprite:
        """Build from straight colour (h, w, 3) and alpha (h, w)."""
        rgba = np.empty((*alpha.shape, 4), np.float32)
        np.multiply(np.clip(rgb, 0, 255), alpha[..., None], out=rgba[..., :3])
        rgba[..., 3] = alpha
        return cls(rgba, origin, scale)


@dataclass(frozen=True)
class Cutout:
    """A shape on its canvas: alpha (h, w) float32, where the origin lies and how many pixels make one unit."""

    alpha: Array
    origin: tuple[float, float]
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the canvas in pixels."""
        return self.alpha.shape[0], self.alpha.shape[1]

    def grid(self) -> tuple[Array, Array]:
        """The x (1, w) and y (h, 1) of the canvas pixels in the shape's own units."""
        height, width = self.alpha.shape
        x = (np.arange(width, dtype=np.float32) - self.origin[0]) / self.scale
        y = (np.arange(height, dtype=np.float32) - self.origin[1]) / self.scale
        return x[None, :], y[:, None]


def cut(outline: Array, scale: float, holes: tuple[Array, ...] = ()) -> Cutout:
    """Cut a polygon (P, 2), in units, out of nothing at `scale` pixels a unit, with antialiased edges."""
    low = outline.min(axis=0) * scale - _PADDING
    width, height = np.ceil(outline.max(axis=0) * scale + _PADDING - low).astype(int) + 1
    alpha = np.zeros((height, width), np.uint8)
    _fill(alpha, outline * scale - low, 255)
    for hole in holes:
        _fill(alpha, hole * scale - low, 0)
    return Cutout(alpha.astype(np.float32) / 255, (float(-low[0]), float(-low[1])), scale)


def _fill(canvas: Array, points: Array, value: int) -> None:
    fixed = np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], (value,), cv2.LINE_AA, _SUBPIXEL_BITS)


def bevel(alpha: Array, radius: float) -> tuple[Array, Array]:
    """Slopes (dz/dx, dz/dy) of a surface that rises roundly from the shape's edge over `radius` pixels."""
    distance = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    depth = 1 - np.minimum(distance / radius, 1)
    rise = cv2.GaussianBlur(radius * np.sqrt(1 - depth * depth), (0, 0), max(0.6, radius * 0.2))
    return cv2.Sobel(rise, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(rise, cv2.CV_32F, 0, 1, scale=0.125)


def lit(rgb: Array, slopes: tuple[Array, Array], light: Array, gloss: float, sharpness: float) -> Array:
    """Light a coloured relief: Lambert's law plus a Blinn highlight of the given gloss (0..1) and sharpness."""
    gx, gy = slopes
    norm = 1 / np.sqrt(1 + gx * gx + gy * gy)
    lambert = np.clip((light[2] - gx * light[0] - gy * light[1]) * norm, 0, 1)
    half = light + np.array([0, 0, 1])
    half = half / np.linalg.norm(half)
    facing = np.clip((half[2] - gx * half[0] - gy * half[1]) * norm, 0, 1)
    highlight = gloss * 255 * cv2.pow(facing, sharpness)
    return rgb * (0.3 + 0.75 * lambert)[..., None] + highlight[..., None]


def light_direction(rng: np.random.Generator) -> Array:
    """A unit vector towards the light, which sits near the camera."""
    direction = np.array([*rng.normal(0, 0.45, 2), 1.0])
    return direction / np.linalg.norm(direction)


def pose(sprite: Sprite, x: float, y: float, angle: float, scale: float, stretch: float = 1.0) -> Array:
    """(3, 3) matrix from sprite pixels to image pixels.

    The sprite's origin lands on (x, y), turned by `angle` (radians, x towards y), at `scale` image pixels a unit;
    `stretch` shortens it along its own x axis, as when it points out of the image plane.
    """
    k = scale / sprite.scale
    cos, sin = np.cos(angle) * k, np.sin(angle) * k
    a, b, c, d = cos * stretch, -sin, sin * stretch, cos
    ox, oy = sprite.origin
    return np.array([[a, b, x - a * ox - b * oy], [c, d, y - c * ox - d * oy], [0, 0, 1.0]])
