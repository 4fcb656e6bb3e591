"""How things move: smooth random signals over seconds, and when an object is in view at all."""

from __future__ import annotations

import numpy as np

from sam2s_model.phantom.noise import Array

_ROUND = 8.0  # seconds that hold a stay and an absence


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


def presence(
    rng: np.random.Generator,
    times: Array,
    absent: bool,
    late: bool,
    stays: tuple[float, float] = (2.0, 6.4),
    absences: tuple[float, float] = (1.0, 3.2),
) -> Array:
    """(T,) values from 0 (far outside) to 1 (in its place); an absent object leaves and returns, a late one starts out.

    Args:
        stays, absences: Shortest and longest, in seconds; videos of less than eight seconds shrink them, so that short
            clips have them too.
    """
    inside = np.ones(len(times))
    if not (absent or late):
        return inside
    shrink = min(max(float(times[-1]), 1e-3), _ROUND) / _ROUND
    # Fast enough to be gone between two frames of a slow clip, slow enough to be seen going in a fast one.
    easing = min(rng.uniform(0.25, 0.9), 0.25 * _ROUND * shrink)
    clock, state = 0.0, 0.0 if late else 1.0
    if late:
        inside[:] = 0.0
    while clock < times[-1]:
        clock += shrink * rng.uniform(*(stays if state == 1.0 else absences)) + (easing if state == 0.0 else 0.0)
        state = 1.0 - state
        ramp = np.clip((times - clock) / easing, 0, 1)
        inside += (2 * state - 1) * ramp * ramp * (3 - 2 * ramp)
        if not absent:
            break
    return np.clip(inside, 0, 1)


def stand_in(inside: Array, times: Array, pause: float) -> Array:
    """(T,) presence of what comes while another (T,) is away: `pause` seconds after it left, to before its return."""
    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    frames = min(round(pause / step), len(times) - 1)
    away = np.pad(1 - inside, frames, mode='edge')
    return np.minimum(away[: len(times)], away[2 * frames :])


def velocity(path: Array, times: Array) -> Array:
    """(T, 2) change of a path (T, 2) a second, by central differences."""
    if len(times) < 2:
        return np.zeros_like(path)
    return np.gradient(path, times, axis=0)
