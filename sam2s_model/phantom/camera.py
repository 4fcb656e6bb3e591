"""The endoscope: where it looks, how the living tissue moves beneath it, and what its optics do to the light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam2s_model.phantom.motion import velocity, wander
from sam2s_model.phantom.noise import Array, enlarge, smoothstep

# Nodes of the grid on which the view is worked out: breathing is smooth, pushed tissue is not.
_GRID, _FINE_GRID = 9, 25
_LONGEST_SMEAR = 0.05  # image sides


@dataclass(frozen=True)
class Push:
    """Tissue that a tool drags along.

    Attributes:
        at: (T, 2) world point of the tool. by: (T, 2) displacement there. radius: How far around it tissue follows.
    """

    at: Array
    by: Array
    radius: float


@dataclass(frozen=True)
class CameraPath:
    """Camera pose and tissue pulsation for each frame.

    World coordinates have their origin at the scene's centre and the image's shorter side as unit.

    Attributes:
        height, width: Of the image, in pixels.
        times: (T,) seconds.
        pan: (T, 2) world point that the image centre shows.
        zoom: (T,) magnification. roll: (T,) radians.
        waves: (M, 8) pulsation modes: dx, dy, kx, ky, phase, frequency in Hz, start, sharpness.
        smear: (T, 2) image pixels by which the tissue moves while the shutter is open.
        pushes: Where tools drag the tissue.
    """

    height: int
    width: int
    times: Array
    pan: Array
    zoom: Array
    roll: Array
    waves: Array
    smear: Array
    pushes: tuple[Push, ...] = ()

    @property
    def side(self) -> int:
        """The shorter side of the image, in pixels."""
        return min(self.height, self.width)

    def place(self, frame: int, point: Array, height: float) -> tuple[Array, float, float]:
        """Where a rigid thing at a world point (2,) is seen: image pixel (2,), roll and magnification.

        Args:
            height: How much nearer than the tissue it lies, as a share of the distance; near things move more.
        """  # fmt: skip
        cos, sin = np.cos(self.roll[frame]), np.sin(self.roll[frame])
        x, y = point - self.pan[frame] * (1 + height)
        magnification = float(self.zoom[frame] ** (1 + height))
        turned = np.array([x * cos - y * sin, x * sin + y * cos]) * (magnification * self.side)
        return turned + np.array([self.width / 2, self.height / 2]), float(self.roll[frame]), magnification

    def to_world(self, frame: int, pixel: Array) -> Array:
        """The world point (2,) that a pixel (2,) shows when the tissue is at rest."""
        cos, sin = np.cos(self.roll[frame]), np.sin(self.roll[frame])
        x, y = (pixel - np.array([self.width / 2, self.height / 2])) / (self.zoom[frame] * self.side)
        return np.array([x * cos + y * sin, y * cos - x * sin]) + self.pan[frame]

    def to_image(self, frame: int, points: Array) -> Array:
        """Project world points (P, 2) that are fixed to the tissue to image pixels."""
        moved = points + self.pulsation(frame, points) - self.pan[frame]
        cos, sin = np.cos(self.roll[frame]), np.sin(self.roll[frame])
        turned = moved @ np.array([[cos, sin], [-sin, cos]])
        return turned * (self.zoom[frame] * self.side) + np.array([self.width / 2, self.height / 2])

    def pulsation(self, frame: int, points: Array) -> Array:
        """Displacement (P, 2) of world points by breathing and heartbeat."""
        shift = np.zeros_like(points, dtype=float)
        for dx, dy, kx, ky, phase, frequency, start, sharpness in self.waves:
            beat = np.sin(2 * np.pi * frequency * self.times[frame] + start)
            beat = np.sign(beat) * np.abs(beat) ** sharpness
            pattern = beat * np.sin(points[:, 0] * kx + points[:, 1] * ky + phase)
            shift += pattern[:, None] * np.array([dx, dy])
        return shift

    def displacement(self, frame: int, points: Array) -> Array:
        """Displacement (P, 2) of world points by all that moves the tissue."""
        shift = self.pulsation(frame, points)
        for push in self.pushes:
            if push.by[frame].any():
                away = points - push.at[frame]
                share = np.exp(-(away * away).sum(axis=1) / (2 * push.radius**2))
                shift += share[:, None] * push.by[frame]
        return shift

    def sampling_maps(self, frame: int, canvas_shape: tuple[int, int]) -> tuple[Array, Array]:
        """Where each image pixel looks on a canvas whose centre is the world's origin: x and y maps (H, W) float32."""
        nodes = _FINE_GRID if any(push.by[frame].any() for push in self.pushes) else _GRID
        ys, xs = np.mgrid[0 : self.height - 1 : nodes * 1j, 0 : self.width - 1 : nodes * 1j]
        centred = np.stack([xs.ravel() - self.width / 2, ys.ravel() - self.height / 2], axis=1)
        cos, sin = np.cos(self.roll[frame]), np.sin(self.roll[frame])
        world = centred @ np.array([[cos, -sin], [sin, cos]]) / (self.zoom[frame] * self.side) + self.pan[frame]
        world = world - self.displacement(frame, world)
        canvas = world * self.side + np.array([canvas_shape[1] / 2, canvas_shape[0] / 2])
        coarse = canvas.reshape(nodes, nodes, 2).astype(np.float32)
        x, y = coarse[..., 0], coarse[..., 1]
        return enlarge(x, self.height, self.width), enlarge(y, self.height, self.width)


def draw_camera(
    rng: np.random.Generator,
    times: Array,
    height: int,
    width: int,
    motion: float,
    alive: bool,
    zooming: float = 1.0,
    shutter: float = 0.0,
) -> CameraPath:
    """Draw a camera path.

    Args:
        motion: 0 holds still, 1 is lively.
        alive: Whether there is breathing and heartbeat.
        zooming: Strength of zoom beside the other motion.
        shutter: Seconds for which the shutter is open.
    """  # fmt: skip
    count = len(times)
    amount = motion * rng.choice([0.0, 0.25, 1.0], p=[0.25, 0.4, 0.35])
    shake = rng.normal(0, 0.0025 * amount, (count, 2))
    pan = wander(rng, times, rng.uniform(1.0, 4.0), 0.22 * amount, 2) + shake
    zoom = np.exp(wander(rng, times, rng.uniform(1.5, 5.0), 0.2 * amount * zooming)[:, 0])
    roll = wander(rng, times, rng.uniform(2.0, 6.0), 0.2 * amount)[:, 0]
    waves = _draw_waves(rng) if alive else np.zeros((0, 8))
    side = min(height, width)
    smear = np.clip(velocity(pan, times) * (-side * shutter), -_LONGEST_SMEAR * side, _LONGEST_SMEAR * side)
    return CameraPath(height, width, times, pan, zoom, roll, waves, smear)


def _draw_waves(rng: np.random.Generator) -> Array:
    """Two breathing modes at 0.2–0.35 Hz and one heartbeat at 0.9–1.6 Hz, which jerks rather than sways."""
    waves = np.empty((3, 8))
    breathing, heart = rng.uniform(0.2, 0.35), rng.uniform(0.9, 1.6)
    strength = rng.uniform(0.0, 1.0)
    for row, (size, frequency, sharpness) in enumerate(
        [(0.025, breathing, 1.0), (0.012, breathing, 1.0), (0.006, heart, 2.0)]
    ):
        direction = rng.normal(0, size * strength, 2)
        waves[row] = *direction, *rng.normal(0, 3.0, 2), *rng.uniform(0, 7, 1), frequency, rng.uniform(0, 7), sharpness
    return waves


@dataclass(frozen=True)
class Optics:
    """What lens and light leave of the scene: `light` (H, W, 3) float32 gain, `open` (H, W) bool field of view."""

    light: Array
    open: Array


def draw_optics(
    rng: np.random.Generator,
    height: int,
    width: int,
    border: bool,
    falloff: float,
    warmth: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Optics:
    """Draw the light cone.

    Args:
        border: Whether the field of view is round or cropped.
        falloff: 0 for even light, 1 for strong decay.
        warmth: RGB gain.
    """  # fmt: skip
    side = min(height, width)
    y = (np.arange(height, dtype=np.float32)[:, None] - height / 2 - rng.normal(0, 0.06) * side) / side
    x = (np.arange(width, dtype=np.float32)[None, :] - width / 2 - rng.normal(0, 0.06) * side) / side
    radius = np.sqrt(x * x + y * y)
    strength = falloff * rng.uniform(0.2, 1.0)
    light = (1.0 + 0.15 * strength) / (1 + strength * (radius / rng.uniform(0.45, 0.8)) ** 3)
    opening = np.ones((height, width), np.float32)
    if border:
        rim = rng.uniform(0.47, 0.62)
        edge = radius
        if rng.random() < 0.4:  # a square with cut corners, as colonoscopes show it
            edge = np.maximum(np.maximum(np.abs(x), np.abs(y)), (np.abs(x) + np.abs(y)) * rng.uniform(0.62, 0.75))
            rim = rng.uniform(0.4, 0.48)
        opening = 1 - smoothstep(rim, rim + rng.uniform(0.008, 0.04), edge)
    return Optics(((light * opening)[..., None] * np.array(warmth)).astype(np.float32), opening >= 0.5)
