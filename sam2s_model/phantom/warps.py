"""Smooth deformation of soft and jointed things: a lattice of displacements that follows time."""

from __future__ import annotations

import cv2
import numpy as np

from sam2s_model.phantom.motion import wander
from sam2s_model.phantom.noise import Array, smoothstep

LATTICE = 13
_FREE_NODES = 4


def soft_motion(rng: np.random.Generator, times: Array, amount: float) -> Array:
    """Draw a deformation: swaying, bending about hinges and travelling waves.

    Args:
        times: (T,) seconds.
        amount: Largest displacement as a share of the sprite, 0.1 for something clearly soft.

    Returns:
        (T, LATTICE, LATTICE, 2) float32 displacements of what is seen at a node, in shares of the sprite.
    """
    moved = np.zeros((len(times), LATTICE, LATTICE, 2), np.float32)
    kinds = rng.random(3) < np.array([0.6, 0.55, 0.35])
    if kinds[0] or not kinds.any():
        moved += _sway(rng, times, amount)
    if kinds[1]:
        for _ in range(rng.integers(1, 4)):
            moved += _bend(rng, times, 4.0 * amount)
    if kinds[2]:
        moved += _waves(rng, times, 0.35 * amount)
    return moved


def displaced(u: Array, v: Array, warp: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """Move sprite positions u, v (any shape, pixels) as a lattice says; `size` is the sprite's (width, height)."""
    x = np.clip(u / size[0], 0, 1) * (LATTICE - 1)
    y = np.clip(v / size[1], 0, 1) * (LATTICE - 1)
    left, top = np.minimum(x.astype(int), LATTICE - 2), np.minimum(y.astype(int), LATTICE - 2)
    right_share, bottom_share = (x - left)[..., None], (y - top)[..., None]
    upper = warp[top, left] * (1 - right_share) + warp[top, left + 1] * right_share
    lower = warp[top + 1, left] * (1 - right_share) + warp[top + 1, left + 1] * right_share
    shift = (upper + (lower - upper) * bottom_share) * max(size)
    return u + shift[..., 0], v + shift[..., 1]


def _nodes() -> tuple[Array, Array]:
    at = np.linspace(0, 1, LATTICE)
    return np.meshgrid(at, at)


def _sway(rng: np.random.Generator, times: Array, amount: float) -> Array:
    """A few nodes wander, the others follow."""
    paths = wander(rng, times, rng.uniform(0.4, 1.6), amount, _FREE_NODES * _FREE_NODES * 2)
    coarse = paths.reshape(-1, _FREE_NODES, _FREE_NODES, 2).astype(np.float32)
    return np.stack([cv2.resize(field, (LATTICE, LATTICE), interpolation=cv2.INTER_CUBIC) for field in coarse])


def _bend(rng: np.random.Generator, times: Array, amount: float) -> Array:
    """All that lies beyond a soft hinge line turns about it: a head, a leg, a wing."""
    x, y = _nodes()
    hinge, direction = rng.uniform(0.3, 0.7, 2), rng.uniform(0, 2 * np.pi)
    along = (x - hinge[0]) * np.cos(direction) + (y - hinge[1]) * np.sin(direction)
    share = smoothstep(0.0, rng.uniform(0.1, 0.4), along)
    angle = wander(rng, times, rng.uniform(0.25, 1.2), min(amount, 0.9))[:, :1, None] * share
    from_x, from_y = x - hinge[0], y - hinge[1]
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([from_x * cos - from_y * sin - from_x, from_x * sin + from_y * cos - from_y], axis=-1)
    return turned.astype(np.float32)


def _waves(rng: np.random.Generator, times: Array, amount: float) -> Array:
    x, y = _nodes()
    numbers, starts, speeds = rng.uniform(4, 9, 2), rng.uniform(0, 2 * np.pi, 2), rng.normal(0, 4, 2)
    phase = speeds * times[:, None] + starts
    across = np.sin(numbers[0] * y + phase[:, :1, None])
    down = np.sin(numbers[1] * x + phase[:, 1:, None])
    return (amount * np.stack([across, down], axis=-1)).astype(np.float32)
