"""How things move: smooth random signals over seconds, and when an object is in view at all."""

from __future__ import annotations

import numpy as np

from sam2s_model.phantom.noise import Array


def wander(
    rng: np.random.Generator, times: Array, spacing: float, reach: float | tuple[float, ...], dims: int = 1
) -> Array:
    """Draw a smooth random walk through random way points (Catmull–Rom).

    Args:
        times: (T,) seconds.
        spacing: Seconds from one way point to the next.
        reach: Way points lie in [-reach, reach], one value or one for each dimension.

    Returns:
        (T, dims) positions.
    """
    knots_needed = int(np.ceil(times[-1] / spacing)) + 5
    knots = rng.uniform(-1, 1, (knots_needed, dims)) * np.asarray(reach)
    phase = times / spacing + rng.uniform(0, 1)
    index = phase.astype(int)
    u = (phase - index)[:, None]
    a, b, c, d = (knots[index + k] for k in range(4))
    return b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))


def oscillation(rng: np.random.Generator, times: Array, low: float, high: float, spacing: float) -> Array:
    """(T,) values in [low, high] that rest, rise and fall, as jaws open and close."""
    swing = wander(rng, times, spacing, 1.6)[:, 0]
    return low + (high - low) * (0.5 + 0.5 * np.clip(swing, -1, 1))


def presence(rng: np.random.Generator, times: Array, absent: bool, late: bool) -> Array:
    """(T,) values from 0 (far outside) to 1 (in its place); an absent object leaves and returns, a late one starts out.

    Stays and absences last a share of the video, at most of eight seconds, so that short clips have them too.
    """
    inside = np.ones(len(times))
    if not (absent or late):
        return inside
    span = min(max(float(times[-1]), 1e-3), 8.0)
    # Fast enough to be gone between two frames of a slow clip, slow enough to be seen going in a fast one.
    easing = min(rng.uniform(0.25, 0.9), 0.25 * span)
    clock, state = 0.0, 0.0 if late else 1.0
    if late:
        inside[:] = 0.0
    while clock < times[-1]:
        share = rng.uniform(0.25, 0.8) if state == 1.0 else rng.uniform(0.12, 0.4)
        clock += share * span
        state = 1.0 - state
        ramp = np.clip((times - clock) / easing, 0, 1)
        inside += (2 * state - 1) * ramp * ramp * (3 - 2 * ramp)
        if not absent:
            break
    return np.clip(inside, 0, 1)


def velocity(path: Array, times: Array) -> Array:
    """(T, 2) change of a path (T, 2) a second, by central differences."""
    if len(times) < 2:
        return np.zeros_like(path)
    return np.gradient(path, times, axis=0)
