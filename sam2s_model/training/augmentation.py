"""Augmentation of clips: one draw for all frames of a clip, so that motion stays what it was (SAM 2, fine-tuning)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.training.videos import Images, Masks

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Augmentation:
    """What is done to clips; all zero leaves them as they are.

    Attributes:
        flip: How often a clip is mirrored left to right (SAM 2: 0.5).
        rotation: Largest rotation in degrees (SAM 2: 25).
        shear: Largest shear in degrees (SAM 2: 20).
        brightness, contrast, saturation: Largest change, as a share of 1 (SAM 2: 0.1, 0.03, 0.03).
        grey: How often a clip loses its colours (SAM 2: 0.05).
        flicker: Largest change of brightness from frame to frame, as a share of 1 (SAM 2: 0.1).
    """

    flip: float = 0.0
    rotation: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    grey: float = 0.0
    flicker: float = 0.0

    @property
    def is_off(self) -> bool:
        """Whether nothing is done at all."""
        return not any(vars(self).values())


def augment(rng: np.random.Generator, settings: Augmentation, frames: Images, masks: Masks) -> tuple[Images, Masks]:
    """Change frames (T, S, S, 3) and masks (N, T, S, S) of a clip alike."""
    if settings.is_off:
        return frames, masks
    matrix = _draw_affine(rng, settings, frames.shape[1])
    moved = np.stack([_warp(frame, matrix, cv2.INTER_LINEAR) for frame in frames])
    planes = masks.reshape(-1, *masks.shape[2:]).astype(np.uint8)
    moved_masks = np.stack([_warp(plane, matrix, cv2.INTER_NEAREST) for plane in planes]).reshape(masks.shape)
    return _recolour(rng, settings, moved), moved_masks.astype(bool)


def _draw_affine(rng: np.random.Generator, settings: Augmentation, side: int) -> Matrix:
    """(2, 3) matrix that turns and shears about the image's centre, and mirrors."""
    angle = np.radians(rng.uniform(-settings.rotation, settings.rotation))
    shear = np.tan(np.radians(rng.uniform(-settings.shear, settings.shear, 2)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mirror = np.diag([-1.0 if rng.random() < settings.flip else 1.0, 1.0])
    linear = turn @ np.array([[1.0, shear[0]], [shear[1], 1.0]]) @ mirror
    centre = np.full(2, (side - 1) / 2)
    return np.column_stack((linear, centre - linear @ centre))


def _warp(image: NDArray[np.uint8], matrix: Matrix, interpolation: int) -> NDArray[np.uint8]:
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=interpolation), np.uint8)


def _recolour(rng: np.random.Generator, settings: Augmentation, frames: Images) -> Images:
    brightness, contrast, saturation = (
        1 + rng.uniform(-reach, reach) for reach in (settings.brightness, settings.contrast, settings.saturation)
    )
    if rng.random() < settings.grey:
        saturation = 0.0
    flicker = 1 + rng.uniform(-settings.flicker, settings.flicker, len(frames))
    return np.stack([_shade(f, brightness * k, contrast, saturation) for f, k in zip(frames, flicker, strict=True)])


def _shade(frame: NDArray[np.uint8], brightness: float, contrast: float, saturation: float) -> NDArray[np.uint8]:
    """Scale an image's light, its distance from the mean grey, and its distance from grey."""
    lit = frame.astype(np.float32) * brightness
    grey = lit @ GREY_WEIGHTS
    stretched = (lit - grey.mean()) * contrast + grey.mean()
    grey = (stretched @ GREY_WEIGHTS)[..., None]
    return np.asarray(((stretched - grey) * saturation + grey).clip(0, 255).round(), np.uint8)
