"""Textures of anything: for things that are not instruments and for backgrounds that are not tissue."""

from __future__ import annotations

import cv2
import numpy as np

from sam2s_model.phantom.backdrop import Backdrop, canvas_shape
from sam2s_model.phantom.noise import Array, noise_field, smoothstep
from sam2s_model.phantom.pictures import photograph, photograph_count
from sam2s_model.phantom.tissue import random_look, tissue_texture


def random_colour(rng: np.random.Generator) -> Array:
    """An RGB colour (3,) float32 in [0, 255], greys and dull colours more often than bright ones."""
    hue, saturation, value = rng.uniform(0, 180), rng.beta(1.2, 1.6) * 255, rng.uniform(25, 250)
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


def random_texture(rng: np.random.Generator, height: int, width: int, side: int, photos: bool) -> Array:
    """A texture (height, width, 3) float32 in [0, 255] for an image whose shorter side is `side`."""
    if photos and rng.random() < 0.35 and (photo := random_photo(rng, height, width)) is not None:
        return photo
    if rng.random() < 0.25:
        return tissue_texture(rng, random_look(rng), height, width, side)
    blend = _blend(rng, height, width, side)[..., None]
    first, second = random_colour(rng), random_colour(rng)
    if rng.random() < 0.4:  # two close shades, as most real surfaces have
        second = np.clip(first + rng.normal(0, 30, 3), 0, 255).astype(np.float32)
    rgb = first + (second - first) * blend
    grain = noise_field(rng, 'rough', height, width, rng.uniform(0.15, 0.8) * side)
    return rgb * (1 + rng.uniform(0, 0.5) * (grain - 0.5))[..., None]


def draw_collage(rng: np.random.Generator, height: int, width: int, photos: bool) -> Backdrop:
    """A background that is no tissue: one texture with patches of others on it."""
    rows, columns = canvas_shape(height, width)
    side = min(height, width)
    scenery = random_photo(rng, rows, columns) if photos and rng.random() < 0.5 else None
    albedo = random_texture(rng, rows, columns, side, photos) if scenery is None else scenery
    for _ in range(rng.integers(0, 6 if scenery is None else 2)):
        patch_rows, patch_columns = (int(rng.uniform(0.1, 0.6) * side) for _ in range(2))
        top, left = int(rng.integers(0, rows - patch_rows)), int(rng.integers(0, columns - patch_columns))
        patch = random_texture(rng, patch_rows, patch_columns, side, photos)
        region = albedo[top : top + patch_rows, left : left + patch_columns]
        region += (patch - region) * _patch_mask(rng, patch_rows, patch_columns)[..., None]
    shade = noise_field(rng, 'cloud', rows, columns, 3.0 * side)[..., None]
    albedo *= 1 + rng.uniform(0, 0.8) * (shade - 0.5)
    return Backdrop(np.ascontiguousarray(albedo, np.float32), None, 0.0, 1.0)


def _patch_mask(rng: np.random.Generator, rows: int, columns: int) -> Array:
    mask = np.zeros((rows, columns), np.uint8)
    if rng.random() < 0.4:
        mask[:] = 255
        return mask.astype(np.float32) / 255
    corners = int(rng.integers(3, 9))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    points = np.stack([np.cos(angles) * columns, np.sin(angles) * rows], axis=1) * 0.5 + np.array([columns, rows]) / 2
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], (255,), cv2.LINE_AA)
    return mask.astype(np.float32) / 255


def _blend(rng: np.random.Generator, rows: int, columns: int, side: int) -> Array:
    """A pattern (rows, columns) float32 in [0, 1]."""
    pattern = rng.integers(6)
    period = rng.uniform(0.04, 0.25) * side
    if pattern == 0:
        field = noise_field(rng, 'cells', rows, columns, period * 12)
        return smoothstep(0.3, rng.uniform(0.35, 1.0), field)
    if pattern in (1, 2):
        field = noise_field(rng, 'cloud' if pattern == 1 else 'rough', rows, columns, period * 8)
        return smoothstep(rng.uniform(0.1, 0.45), rng.uniform(0.55, 0.9), field)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    if pattern == 3:
        return np.full((rows, columns), rng.uniform(0, 1), np.float32)
    bend = noise_field(rng, 'cloud', rows, columns, 2.0 * side) * rng.uniform(0, 4)
    stripes = np.sin(2 * np.pi * along / period + bend)
    if pattern == 4:
        return smoothstep(-0.3, 0.3, stripes)
    return smoothstep(-0.15, 0.15, stripes * np.sin(2 * np.pi * across / (period * rng.uniform(0.5, 2))))


def random_photo(rng: np.random.Generator, rows: int, columns: int) -> Array | None:
    """A random piece (rows, columns, 3) float32 of a photograph, mirrored, recoloured, resized; None without any."""
    photo = photograph(int(rng.integers(photograph_count()))) if photograph_count() else None
    if photo is None:
        return None
    share = rng.uniform(0.35, 1.0) * min(photo.shape[0] / rows, photo.shape[1] / columns)
    crop_rows, crop_columns = max(8, int(rows * share)), max(8, int(columns * share))
    top, left = rng.integers(0, photo.shape[0] - crop_rows + 1), rng.integers(0, photo.shape[1] - crop_columns + 1)
    piece = photo[top : top + crop_rows, left : left + crop_columns]
    piece = cv2.resize(piece, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    if rng.random() < 0.3:
        piece = piece[..., rng.permutation(3)]
    return piece * rng.uniform(0.6, 1.3, 3).astype(np.float32)
