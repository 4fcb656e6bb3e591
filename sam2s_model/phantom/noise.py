"""Noise fields: precomputed tileable tiles, cut at random position, angle and scale.

The tiles are constants of the generator (fixed seed), so that a field costs one warp; what is random is the cut.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
NoiseKind: TypeAlias = Literal['smooth', 'fold', 'cloud', 'rough', 'ridge', 'cells', 'grain']

TILE_SIDE = 512
# Power-law exponents of the amplitude spectrum: how fast detail fades from coarse to fine.
_SPECTRA = {'smooth': 3.2, 'fold': 2.7, 'cloud': 1.9, 'rough': 1.25, 'ridge': 1.7, 'grain': 0.3}


def noise_field(rng: np.random.Generator, kind: NoiseKind, height: int, width: int, period: float) -> Array:
    """Cut a noise field (height, width) float32 in [0, 1] whose pattern repeats every `period` pixels.

    The coarsest features are about a quarter of the period wide.
    """
    side = TILE_SIDE
    while side > 64 and side > 1.5 * period:
        side //= 2
    angle = rng.uniform(0, 2 * np.pi)
    step = side / period
    cos, sin = step * np.cos(angle), step * np.sin(angle)
    x, y = rng.uniform(0, side, 2)
    inverse = np.array([[cos, -sin, x], [sin, cos, y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(_tile(kind, side), inverse, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP)


def smoothstep(low: float, high: float, values: Array) -> Array:
    """Rise from 0 to 1 between low and high without a kink."""
    x = np.clip((values - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def enlarge(coarse: Array, height: int, width: int) -> Array:
    """Interpolate a grid (g, h) linearly so that its corner samples fall on the corner pixels: (height, width).

    Written out because OpenCV rounds positions to 1/32 of a grid cell, and a matrix product would wake BLAS threads.
    """
    low, share = _grid_positions(coarse.shape[0], height)
    rows = coarse[low] * (1 - share)[:, None] + coarse[low + 1] * share[:, None]
    low, share = _grid_positions(coarse.shape[1], width)
    return rows[:, low] * (1 - share) + rows[:, low + 1] * share


@lru_cache(maxsize=4096)
def _grid_positions(samples: int, length: int) -> tuple[Array, Array]:
    """For each of `length` pixels the grid sample before it and its float32 way to the next one."""
    at = np.linspace(0, samples - 1, length)
    low = np.minimum(at.astype(int), samples - 2)
    return low, (at - low).astype(np.float32)


def white_noise() -> Array:
    """(512, 512, 3) float32 normal noise, the tile from which sensor noise is cut."""
    return _white_tile()


@cache
def _white_tile() -> Array:
    return np.random.default_rng(7).standard_normal((TILE_SIDE, TILE_SIDE, 3), dtype=np.float32)


@cache
def _tile(kind: NoiseKind, side: int) -> Array:
    if side < TILE_SIDE:
        return cv2.resize(_tile(kind, TILE_SIDE), (side, side), interpolation=cv2.INTER_AREA)
    return _cells() if kind == 'cells' else _spectral(kind)


def _spectral(kind: NoiseKind) -> Array:
    rng = np.random.default_rng(sum(map(ord, kind)))
    frequencies = np.fft.fftfreq(TILE_SIDE) * TILE_SIDE
    radius = np.hypot(frequencies[:, None], frequencies[None, :])
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.standard_normal((TILE_SIDE, TILE_SIDE))) * np.maximum(radius, 2.0) ** -_SPECTRA[kind]
    values = np.fft.ifft2(spectrum).real
    return _unit(-np.abs(values) if kind in ('ridge', 'fold') else values)


def _cells() -> Array:
    """Distance to the nearest of random points, wrapped at the borders: lobules, cobbles, scales."""
    rng = np.random.default_rng(11)
    points = rng.integers(0, TILE_SIDE, (180, 2))
    canvas = np.full((3 * TILE_SIDE, 3 * TILE_SIDE), 255, np.uint8)
    for dy in range(3):
        for dx in range(3):
            canvas[points[:, 0] + dy * TILE_SIDE, points[:, 1] + dx * TILE_SIDE] = 0
    distance = cv2.distanceTransform(canvas, cv2.DIST_L2, 5)
    return _unit(distance[TILE_SIDE : 2 * TILE_SIDE, TILE_SIDE : 2 * TILE_SIDE])


def _unit(values: Array) -> Array:
    low, high = np.percentile(values, (0.5, 99.5))
    return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
