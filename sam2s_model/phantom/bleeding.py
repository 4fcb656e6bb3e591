"""Blood that wells up at some point of the tissue, spreads downhill and stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam2s_model.phantom.noise import Array, noise_field, smoothstep

_BLOOD = np.array((112, 6, 8), np.float32)


@dataclass(frozen=True)
class Bleeding:
    """A pool on the canvas of the backdrop.

    Attributes:
        reach: (h, w) float32, the level at which the blood arrives at each point.
        level: (T,) how far it has come in each frame.
    """

    reach: Array
    level: Array


def draw_bleeding(rng: np.random.Generator, times: Array, rows: int, columns: int, side: int) -> Bleeding:
    """Draw where it bleeds on a canvas (rows, columns) and how fast, for an image whose shorter side is `side`."""
    centre = np.array([columns, rows]) / 2 + rng.uniform(-0.4, 0.4, 2) * side
    y, x = np.ogrid[0:rows, 0:columns]
    stretch = rng.uniform(0.6, 1.6)
    distance = np.hypot((x - centre[0]) * stretch, (y - centre[1]) / stretch).astype(np.float32) / side
    reach = distance + 0.45 * (noise_field(rng, 'cloud', rows, columns, 1.5 * side) - 0.5)
    first, last = rng.uniform(-0.1, 0.15), rng.uniform(0.15, 0.6)
    speed = rng.uniform(0.5, 3.0) / max(float(times[-1]), 1.0)
    return Bleeding(reach.astype(np.float32), first + (last - first) * np.clip(times * speed, 0, 1))


def cover_with_blood(image: Array, reach: Array, level: float) -> None:
    """Paint blood over an image (H, W, 3) float32 where `reach` (H, W) lies below the level, in place."""
    amount = 0.88 * (1 - smoothstep(level - 0.03, level + 0.03, reach))
    # The rim is thin and light, the middle deep and dark.
    depth = 1 - 0.45 * smoothstep(0.0, 0.25, level - reach)
    image += (_BLOOD * depth[..., None] - image) * amount[..., None]
