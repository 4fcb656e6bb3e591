"""Outlines of tubes, threads and needles: no two are bent alike. Units are diameters, the tip is at the origin."""

from __future__ import annotations

import numpy as np

from sam2s_model.phantom.noise import Array

_TUBE_LENGTH = 40.0  # reaches from the tip to outside the image
_STEPS = 48


def catheter(rng: np.random.Generator) -> Array:
    """A long, gently curved tube with a rounded end, coming from negative x: (P, 2)."""
    curl = np.cumsum(rng.normal(0, 0.05, _STEPS)) + np.linspace(0, rng.normal(0, 0.7), _STEPS)
    return _band(_spine(curl, _TUBE_LENGTH), np.full(_STEPS, 0.5), rounded=True)


def thread(rng: np.random.Generator) -> Array:
    """A thread in loose loops, some of them tight: (P, 2)."""
    curl = np.cumsum(rng.normal(rng.normal(0, 0.08), rng.uniform(0.1, 0.35), _STEPS))
    spine = _spine(curl, rng.uniform(18, 45))
    return _band(spine - spine.mean(axis=0), np.full(_STEPS, rng.uniform(0.25, 0.5)), rounded=False)


def needle(rng: np.random.Generator) -> Array:
    """An arc of about half a circle, pointed at one end: (P, 2)."""
    radius = rng.uniform(1.2, 2.2)
    angles = np.linspace(0, rng.uniform(2.2, 4.0), _STEPS)
    spine = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    taper = np.minimum(1.0, np.linspace(3.0, 0.05, _STEPS))
    return _band(spine - spine.mean(axis=0), rng.uniform(0.08, 0.15) * taper, rounded=False)


def _spine(headings: Array, length: float) -> Array:
    """Points (P, 2) from the tip backwards along negative x, without kinks."""
    headings = np.convolve(np.pad(headings, 4, mode='edge'), np.ones(9) / 9, mode='valid')
    steps = -np.stack([np.cos(headings), np.sin(headings)], axis=1) * (length / len(headings))
    return np.cumsum(steps, axis=0) - steps[0]


def _band(spine: Array, half_width: Array, rounded: bool) -> Array:
    along = np.gradient(spine, axis=0)
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) * half_width[:, None]
    outline = np.concatenate([spine + normal, (spine - normal)[::-1]])
    if not rounded:
        return outline
    turn = np.linspace(-np.pi / 2, np.pi / 2, 9)[1:-1]
    forward = -along[0]
    side = np.array([-forward[1], forward[0]])
    cap = spine[0] + half_width[0] * (np.cos(turn)[:, None] * forward + np.sin(turn)[:, None] * side)
    return np.concatenate([outline, cap])
