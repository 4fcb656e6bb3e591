"""Photographed things: cut-outs of animals, fruit, vehicles and tools that move, turn, bend and have doubles."""

from __future__ import annotations

import cv2
import numpy as np

from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.free_motion import free_placements
from sam2s_model.phantom.instrument_actor import Handling
from sam2s_model.phantom.noise import Array, noise_field
from sam2s_model.phantom.pictures import cutout, cutout_count
from sam2s_model.phantom.scene import Actor
from sam2s_model.phantom.sprite import Sprite

_MARGIN = 2  # transparent pixels around a cut-out, so that its edge is antialiased when it turns
_DRAWS = 20


def photo_sprite(rng: np.random.Generator, size: float, ground: Array | None) -> Sprite | None:
    """A random cut-out in random colours, at most `size` pixels large; None when no cut-outs are installed.

    Args:
        ground: RGB (3,) of what lies behind, for something that hardly stands out from it.
    """  # fmt: skip
    rgba = _draw_cutout(rng)
    if rgba is None:
        return None
    factor = min(1.0, size / max(rgba.shape[:2]))
    stretch = np.exp(rng.uniform(-0.2, 0.2))
    width, height = (max(6, round(n * factor * k)) for n, k in ((rgba.shape[1], stretch), (rgba.shape[0], 1 / stretch)))
    small = cv2.resize(rgba, (width, height), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        small = small[:, ::-1]
    rgb, alpha = recoloured(rng, small[..., :3].astype(np.float32)), small[..., 3].astype(np.float32) / 255
    if ground is not None:
        rgb = blended_in(rng, rgb, alpha, ground)
    shade = noise_field(rng, 'smooth', height, width, 2.5 * max(height, width))[..., None]
    rgb = rgb * (1 + rng.uniform(0, 0.7) * (shade - 0.5))
    border = ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN))
    rgb, alpha = np.pad(rgb, (*border, (0, 0)), mode='edge'), np.pad(alpha, border)
    origin = (width / 2 + _MARGIN, height / 2 + _MARGIN)
    return Sprite.of(rgb, alpha, origin, float(max(height, width)))


def photo_actor(
    rng: np.random.Generator, sprite: Sprite, size: float, camera: CameraPath, handling: Handling, station: Array
) -> Actor:
    """Move a cut-out through the video, `size` pixels large."""
    placements = free_placements(rng, (sprite,), size, camera, handling, station, upright=bool(rng.random() < 0.6))
    return Actor('cut-out', False, handling.prompted, placements, float(rng.choice([0.0, 0.35])))


def recoloured(rng: np.random.Generator, rgb: Array) -> Array:
    """Other light on the same thing: contrast, gain of each channel, now and then other colours altogether."""
    if rng.random() < 0.2:
        rgb = rgb[..., rng.permutation(3)]
    if rng.random() < 0.15:
        rgb = np.repeat(rgb.mean(axis=2, keepdims=True), 3, axis=2)
    middle = rgb.mean()
    rgb = (rgb - middle) * rng.uniform(0.55, 1.25) + middle
    return np.clip(rgb * np.exp(rng.normal(0, 0.12, 3)) * np.exp(rng.normal(0, 0.18)), 0, 255)


def blended_in(rng: np.random.Generator, rgb: Array, alpha: Array, ground: Array) -> Array:
    """Shift colours (h, w, 3) towards those of what lies behind."""
    solid = alpha > 0.5
    mean = rgb[solid].mean(axis=0) if solid.any() else ground
    contrast = rng.uniform(0.4, 0.9)
    hidden = (rgb - mean) * contrast + ground * rng.uniform(0.85, 1.15)
    return np.clip(rgb + (hidden - rgb) * rng.uniform(0.6, 1.0), 0, 255)


def _draw_cutout(rng: np.random.Generator) -> Array | None:
    for _ in range(_DRAWS if cutout_count() else 0):
        rgba = cutout(int(rng.integers(cutout_count())))
        if rgba is not None:
            return rgba
    return None
