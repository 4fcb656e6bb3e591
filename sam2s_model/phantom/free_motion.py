"""How things move that are no instruments: fixed to the tissue, or on their own in some style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.instrument_actor import Handling
from sam2s_model.phantom.motion import velocity, wander
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.scene import PlacedPart
from sam2s_model.phantom.sprite import Sprite, pose
from sam2s_model.phantom.warps import LATTICE, soft_motion

# The fastest smear of a thing, as a share of the image side.
_LONGEST_SMEAR = 0.06


@dataclass(frozen=True)
class MotionStyle:
    """How lively something is; each number is multiplied by the actor's activity.

    Attributes:
        reach: How far it strays, in image sides. pace: Seconds between way points, fewest and most.
        turn: Radians. loom: Logarithm of how much nearer and farther it comes.
        softness: Largest deformation, as a share of its size. swing: Of its limbs, in radians.
        flicker: Logarithm of how much lighter and darker it becomes.
    """

    reach: float
    pace: tuple[float, float]
    turn: float
    loom: float
    softness: float
    swing: float
    flicker: float


EASY_STYLES = (
    MotionStyle(0.08, (0.7, 2.5), 0.3, 0.1, 0.02, 0.2, 0.0),
    MotionStyle(0.3, (0.7, 2.5), 1.2, 0.35, 0.05, 0.5, 0.1),
)
HARD_STYLES = {
    'fast': MotionStyle(0.42, (0.35, 0.8), 0.8, 0.2, 0.04, 0.8, 0.1),
    'spinning': MotionStyle(0.2, (0.8, 2.0), 4.0, 0.2, 0.03, 0.5, 0.2),
    'looming': MotionStyle(0.2, (0.8, 2.0), 0.8, 0.8, 0.04, 0.5, 0.1),
    'soft': MotionStyle(0.25, (0.7, 2.0), 0.8, 0.25, 0.11, 1.0, 0.1),
    'flickering': MotionStyle(0.25, (0.7, 2.0), 1.0, 0.3, 0.05, 0.5, 0.6),
}


def fixed_placements(
    rng: np.random.Generator, sprite: Sprite, size: float, camera: CameraPath, station: Array, height: float = 0.0
) -> tuple[tuple[PlacedPart, ...], ...]:
    """Placements of what is fixed to the tissue: it moves and deforms as camera, breathing and tools make it.

    Args:
        size: Image pixels for one unit of the sprite.
        height: How much nearer to the camera than the tissue it lies, as a share of the distance.
    """  # fmt: skip
    angle = rng.uniform(0, 2 * np.pi)
    nodes = _lattice_in_world(sprite, size / camera.side, angle, station)
    # From world displacements to shares of the sprite, against the direction in which things move (see `warps`).
    cos, sin = np.cos(angle), np.sin(angle)
    shares = -camera.side / size * sprite.scale / max(sprite.rgba.shape[:2]) * np.array([[cos, -sin], [sin, cos]])
    placements = []
    for frame in range(len(camera.times)):
        (x, y), roll, magnification = camera.place(frame, station, height)
        warp = None
        if len(camera.waves) or camera.pushes:
            warp = (camera.displacement(frame, nodes) @ shares).reshape(LATTICE, LATTICE, 2).astype(np.float32)
        matrix = pose(sprite, float(x), float(y), angle + roll, size * magnification)
        smear = (float(camera.smear[frame, 0]), float(camera.smear[frame, 1]))
        placements.append((PlacedPart(sprite, matrix, smear=smear, warp=warp),))
    return tuple(placements)


def _lattice_in_world(sprite: Sprite, unit: float, angle: float, station: Array) -> Array:
    """World points (P, 2) of a warp's nodes for a sprite at rest whose unit is `unit` image sides."""
    rows, columns = sprite.rgba.shape[:2]
    u, v = np.meshgrid(np.linspace(0, columns, LATTICE), np.linspace(0, rows, LATTICE))
    x, y = (u - sprite.origin[0]) * unit / sprite.scale, (v - sprite.origin[1]) * unit / sprite.scale
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1).reshape(-1, 2) + station


def free_placements(
    rng: np.random.Generator,
    sprites: tuple[Sprite, ...],
    size: float,
    camera: CameraPath,
    handling: Handling,
    station: Array,
    upright: bool = False,
) -> tuple[tuple[PlacedPart, ...], ...]:
    """Placements of what moves by itself: path, turn, nearness, deformation, swinging limbs, leaving and returning.

    Args:
        sprites: The first is the body; all turn about the same point.
        size: Image pixels for one unit of the sprites.
        upright: Whether it starts as its sprite stands, as photographed things do, instead of at any angle.
    """  # fmt: skip
    style = _draw_style(rng, handling.hard)
    times, activity = camera.times, handling.activity
    path = _path(rng, times, style, handling, station)
    first_angle = rng.normal(0, 0.3) if upright else rng.uniform(0, 2 * np.pi)
    angle = first_angle + wander(rng, times, rng.uniform(1.0, 3.0), style.turn * activity)[:, 0] + camera.roll
    nearness = np.exp(wander(rng, times, rng.uniform(1.0, 3.0), style.loom * activity)[:, 0]) * camera.zoom * size
    swings = wander(rng, times, rng.uniform(0.3, 1.0), style.swing * activity, len(sprites))
    swings[:, 1:] += rng.uniform(0, 2 * np.pi, len(sprites) - 1)
    gain = np.exp(wander(rng, times, rng.uniform(0.3, 2.0), style.flicker)[:, 0])
    warp = soft_motion(rng, times, style.softness * min(activity, 1.5)) if rng.random() < 0.6 else None
    image = np.stack([camera.to_image(t, path[t : t + 1])[0] for t in range(len(times))])
    longest = _LONGEST_SMEAR * camera.side
    smear = np.clip(velocity(image, times) * handling.shutter, -longest, longest)

    def part(t: int, sprite: Sprite, swing: float) -> PlacedPart:
        matrix = pose(sprite, image[t, 0], image[t, 1], angle[t] + swing, nearness[t])
        bent = None if warp is None else warp[t]
        return PlacedPart(sprite, matrix, True, float(gain[t]), (float(smear[t, 0]), float(smear[t, 1])), bent)

    def parts(t: int) -> tuple[PlacedPart, ...]:
        if handling.inside[t] == 0:
            return ()
        return tuple(part(t, sprite, swing) for sprite, swing in zip(sprites, swings[t], strict=True))

    return tuple(parts(t) for t in range(len(times)))


def _draw_style(rng: np.random.Generator, hard: bool) -> MotionStyle:
    if hard:
        return HARD_STYLES[str(rng.choice(sorted(HARD_STYLES)))]
    return EASY_STYLES[rng.integers(len(EASY_STYLES))]


def _path(rng: np.random.Generator, times: Array, style: MotionStyle, handling: Handling, station: Array) -> Array:
    """World path (T, 2), led out of the image while it is away."""
    path = station + wander(rng, times, rng.uniform(*style.pace), style.reach * handling.activity, 2)
    exit_angle = rng.uniform(0, 2 * np.pi)
    return path + (1 - handling.inside)[:, None] * 2.0 * np.array([np.cos(exit_angle), np.sin(exit_angle)])
