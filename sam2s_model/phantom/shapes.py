"""Outlines of things that are no instruments, in units of their size: about 1 across, around the origin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sam2s_model.phantom.noise import Array


def blob(rng: np.random.Generator) -> Array:
    """A smooth closed curve: radius with a few random harmonics."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = np.ones_like(angles)
    for harmonic in range(1, 6):
        radius += rng.normal(0, 0.32 / harmonic) * np.sin(harmonic * angles + rng.uniform(0, 2 * np.pi))
    return _polar(angles, np.maximum(radius, 0.25) * 0.45, rng.uniform(0.45, 1.0))


def polygon(rng: np.random.Generator) -> Array:
    """A polygon of three to nine corners, some of them sharp."""
    corners = int(rng.integers(3, 10))
    angles = np.sort(rng.uniform(0, 2 * np.pi / corners, corners) * 0.8 + np.arange(corners) * 2 * np.pi / corners)
    return _polar(angles, rng.uniform(0.3, 0.6, corners), rng.uniform(0.4, 1.0))


def star(rng: np.random.Generator) -> Array:
    """A star of four to nine rays."""
    rays = int(rng.integers(4, 10))
    angles = np.linspace(0, 2 * np.pi, 2 * rays, endpoint=False)
    radius = np.where(np.arange(2 * rays) % 2 == 0, 0.55, rng.uniform(0.18, 0.4))
    return _polar(angles, radius * rng.uniform(0.8, 1.1, 2 * rays), 1.0)


def tube(rng: np.random.Generator) -> Array:
    """A curved band of even width: catheter, thread, strap, bowel loop."""
    count = 24
    headings = rng.uniform(-1, 1) + np.cumsum(rng.normal(0, 0.22, count) + rng.normal(0, 0.08))
    steps = np.stack([np.cos(headings), np.sin(headings)], axis=1) * (1.3 / count)
    spine = np.cumsum(steps, axis=0)
    normal = np.stack([-np.sin(headings), np.cos(headings)], axis=1) * np.exp(rng.uniform(np.log(0.02), np.log(0.14)))
    outline = np.concatenate([spine + normal, (spine - normal)[::-1]])
    return outline - outline.mean(axis=0)


def crescent(rng: np.random.Generator) -> Array:
    """A curved needle or sickle."""
    angles = np.linspace(0, rng.uniform(1.8, 4.2), 30)
    thickness = rng.uniform(0.04, 0.22) * np.sin(np.linspace(0.15, np.pi - 0.05, 30))
    outer = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outline = 0.5 * np.concatenate([outer, (outer * (1 - thickness)[:, None])[::-1]])
    return outline - outline.mean(axis=0)


def card(rng: np.random.Generator) -> Array:
    """A rectangle, sheared a little: gauze, card, box."""
    width, height = rng.uniform(0.25, 0.6, 2)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([width, height])
    return corners + rng.normal(0, 0.05, (4, 2))


def round_bump(rng: np.random.Generator) -> Array:
    """A nearly round outline: polyp, lymph node, ball."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = 0.5 * (1 + 0.07 * np.sin(2 * angles + rng.uniform(0, 7)) + 0.05 * np.sin(3 * angles + rng.uniform(0, 7)))
    return _polar(angles, radius, rng.uniform(0.65, 1.0))


def leaf(rng: np.random.Generator) -> Array:
    """A long drop, pointed at both ends."""
    along = np.linspace(0, np.pi, 24)
    width = rng.uniform(0.12, 0.35) * np.sin(along) ** rng.uniform(0.6, 1.6)
    x = np.linspace(-0.6, 0.6, 24)
    curve = rng.normal(0, 0.3) * (x * x)
    return np.concatenate([np.stack([x, curve + width], axis=1), np.stack([x, curve - width], axis=1)[::-1]])


def lobe(rng: np.random.Generator) -> Array:
    """A large lobe: one long even border, the rest of it out of sight."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = 1 + 0.08 * np.sin(2 * angles + rng.uniform(0, 7)) + 0.04 * np.sin(5 * angles + rng.uniform(0, 7))
    return _polar(angles, 0.55 * radius, rng.uniform(0.45, 0.7)) + np.array([0.0, rng.uniform(-0.1, 0.1)])


def pear(rng: np.random.Generator) -> Array:
    """A sac with a neck, slightly bent."""
    along = np.linspace(0, np.pi, 30)
    x, width = -0.5 * np.cos(along), np.sin(along) * (0.27 - 0.15 * rng.uniform(0.5, 1.0) * np.cos(along - np.pi))
    curve = rng.normal(0, 0.35) * x * x
    return np.concatenate([np.stack([x, curve + width], axis=1), np.stack([x, curve - width], axis=1)[::-1]])


def loop(rng: np.random.Generator) -> Array:
    """A bowel loop: a thick band in a wide bend."""
    return _bent_band(rng, rng.uniform(0.11, 0.17), rng.uniform(0.06, 0.2))


def duct(rng: np.random.Generator) -> Array:
    """A vessel or duct: a narrow band, nearly straight."""
    return _bent_band(rng, rng.uniform(0.035, 0.08), rng.uniform(0.0, 0.05))


SHAPES: dict[str, Callable[[np.random.Generator], Array]] = {
    'ball': round_bump,
    'blob': blob,
    'card': card,
    'crescent': crescent,
    'leaf': leaf,
    'polygon': polygon,
    'star': star,
    'tube': tube,
}


def _polar(angles: Array, radius: Array, flatness: float) -> Array:
    return np.stack([np.cos(angles) * radius, np.sin(angles) * radius * flatness], axis=1)


def _bent_band(rng: np.random.Generator, half_width: float, bend: float) -> Array:
    count = 28
    headings = np.cumsum(rng.normal(0, 0.04, count)) + np.arange(count) * bend * rng.choice([-1, 1])
    spine = np.cumsum(np.stack([np.cos(headings), np.sin(headings)], axis=1) / count, axis=0)
    normal = np.stack([-np.sin(headings), np.cos(headings)], axis=1)
    width = half_width * (1 + 0.12 * np.sin(np.arange(count) * rng.uniform(0.2, 0.5)))[:, None]
    width *= np.sin(np.linspace(0.05, np.pi - 0.05, count))[:, None] ** 0.35  # its ends dive into what surrounds it
    outline = np.concatenate([spine + normal * width, (spine - normal * width)[::-1]])
    return outline - outline.mean(axis=0)
