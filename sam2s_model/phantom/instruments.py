"""Instruments: shaft, wrist and jaws drawn once as sprites, then moved on a path through the video."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2s_model.phantom.instrument_designs import (
    DESIGNS,
    Finish,
    InstrumentDesign,
    Outline,
    mirrored,
    smooth_outline,
)
from sam2s_model.phantom.noise import Array, noise_field, smoothstep
from sam2s_model.phantom.scene import PlacedPart
from sam2s_model.phantom.sprite import Cutout, Sprite, bevel, cut, light_direction, lit, pose

_FINISHES: dict[Finish, tuple[tuple[int, int, int], ...]] = {
    'steel': ((150, 152, 158), (150, 152, 158), (112, 114, 120), (186, 188, 192)),
    'dark': ((48, 48, 54),),
    'gold': ((176, 140, 72),),
    'white': ((214, 212, 204),),
    'blue': ((60, 92, 160),),
    'tan': ((168, 140, 128),),
    'thread': ((92, 44, 130), (40, 70, 170), (30, 30, 34), (228, 226, 214), (40, 130, 90), (196, 186, 140)),
    'plastic': ((222, 206, 150), (226, 226, 224), (110, 150, 200), (196, 120, 60), (60, 62, 70), (120, 180, 160)),
}
_SHINY = frozenset({'steel', 'gold'})
# Real shafts are black, grey, steel, pale blue-grey; a few are coloured.
_SHAFTS = (
    (36, 36, 42),
    (62, 64, 72),
    (120, 124, 132),
    (158, 160, 168),
    (176, 186, 206),
    (206, 206, 206),
    (46, 62, 100),
)
# Shaft sprites are this many diameters long; they are stretched to reach beyond the image.
_SHAFT_LENGTH = 9.0


@dataclass(frozen=True)
class InstrumentSprites:
    """All parts of one instrument, in units of its shaft diameter."""

    design: InstrumentDesign
    shaft: Sprite | None
    wrist: Sprite | None
    tips: tuple[Sprite, ...]


@dataclass(frozen=True)
class InstrumentPose:
    """One frame of an instrument.

    Attributes:
        joint: (x, y) image pixels of the end of the shaft.
        angle: Direction of the shaft, radians. bend: Of the wrist against it. opening: Of the jaws.
        diameter: Of the shaft at its end, in pixels.
        taper: Diameter at the far end of the visible shaft over that at its end.
        reach: Length of shaft to draw, in pixels.
        stretch: Foreshortening of wrist and jaws, in (0, 1].
        gain: Brightness.
        smear: Motion blur, image pixels.
        warp: Deformation of a limp tip, or None.
    """

    joint: tuple[float, float]
    angle: float
    bend: float
    opening: float
    diameter: float
    taper: float
    reach: float
    stretch: float
    gain: float
    smear: tuple[float, float]
    warp: Array | None = None


def build_instrument(rng: np.random.Generator, name: str, diameter: float) -> InstrumentSprites:
    """Draw the parts of an instrument of class `name` whose shaft is at most `diameter` pixels wide."""
    design = DESIGNS[name]
    scale = max(8.0, diameter)
    light = light_direction(rng)
    wrist = _wrist_sprite(rng, design, scale, light) if design.wrist[0] > 0 else None
    shaft = _shaft_sprite(rng, scale) if design.shaft else None
    return InstrumentSprites(design, shaft, wrist, _tip_sprites(rng, design, scale, light))


def place_instrument(
    sprites: InstrumentSprites, at: InstrumentPose, labelled: tuple[bool, bool]
) -> tuple[PlacedPart, ...]:
    """The parts in drawing order; `labelled` says whether the shaft and whether the wrist with the tip count."""
    heading = at.angle + at.bend
    length = sprites.design.wrist[0] * at.diameter * at.stretch
    tip_x = at.joint[0] + np.cos(heading) * length
    tip_y = at.joint[1] + np.sin(heading) * length
    parts = []
    for tip, turn in zip(sprites.tips, _jaw_turns(sprites, at.opening), strict=True):
        matrix = pose(tip, tip_x, tip_y, heading + turn, at.diameter, at.stretch)
        if sprites.design.loop:
            matrix = matrix @ _narrowed(tip, at.opening / sprites.design.opening)
        parts.append(PlacedPart(tip, matrix, labelled[1], at.gain, at.smear, at.warp))
    if sprites.wrist is not None:
        matrix = pose(sprites.wrist, *at.joint, heading, at.diameter, at.stretch)
        parts.append(PlacedPart(sprites.wrist, matrix, labelled[1], at.gain, at.smear))
    if sprites.shaft is not None:
        parts.append(PlacedPart(sprites.shaft, _shaft_matrix(sprites.shaft, at), labelled[0], at.gain, at.smear))
    return tuple(parts)


def _jaw_turns(sprites: InstrumentSprites, opening: float) -> tuple[float, ...]:
    """Angle of each tip against the wrist: the lower jaw first, then the upper one."""
    if len(sprites.tips) == 1:
        return (0.0,)
    return (0.0, -opening) if sprites.design.one_moves else (0.5 * opening, -0.5 * opening)


def _narrowed(loop: Sprite, openness: float) -> Array:
    """(3, 3) matrix on sprite pixels that pulls a loop together."""
    share = float(np.clip(0.4 + 0.6 * openness, 0.4, 1.1))
    return np.array([[1.0, 0, 0], [0, share, loop.origin[1] * (1 - share)], [0, 0, 1.0]])


def _shaft_matrix(shaft: Sprite, at: InstrumentPose) -> Array:
    """Map the shaft sprite to a trapezium that runs from the joint back to outside the image."""
    rows, columns = shaft.rgba.shape[:2]
    along = np.array([np.cos(at.angle), np.sin(at.angle)])
    across = np.array([-along[1], along[0]]) * at.diameter / 2 * rows / shaft.scale
    joint = np.array(at.joint) + along * 0.15 * at.diameter
    far = joint - along * at.reach
    corners = np.array([far - across * at.taper, far + across * at.taper, joint + across, joint - across], np.float32)
    source = np.array([[0, 0], [0, rows], [columns, rows], [columns, 0]], np.float32)
    return cv2.getPerspectiveTransform(source, corners)


def _shaft_sprite(rng: np.random.Generator, scale: float) -> Sprite:
    """A long cylinder: shading across, one or two highlight lines, rings near its end, scratches and stains."""
    rows, columns = round(scale) + 4, int(_SHAFT_LENGTH * scale)
    v = ((np.arange(rows, dtype=np.float32) - (rows - 1) / 2) / (scale / 2))[:, None]
    alpha = np.clip((1 - np.abs(v)) * scale / 2 + 0.5, 0, 1) * np.ones((1, columns), np.float32)
    alpha[:, -1] *= 0.5
    tint = 0.2 if rng.random() < 0.15 else 0.03
    colour = np.array(_SHAFTS[rng.integers(len(_SHAFTS))], np.float32) * rng.uniform(0.8, 1.15)
    colour = colour * rng.uniform(1 - tint, 1 + tint, 3)
    rgb = np.broadcast_to(colour, (rows, columns, 3)) * _shaft_marks(rng, rows, columns, scale)[..., None]
    rgb = rgb * _cylinder(rng, v)[..., None]
    rgb = rgb + _shaft_gloss(rng, v, rows, columns)[..., None]
    _reflect_tissue(rng, rgb, v)
    _stain(rng, rgb)
    return Sprite.of(rgb, alpha.astype(np.float32), (float(columns), rows / 2), scale)


def _cylinder(rng: np.random.Generator, v: Array) -> Array:
    lean = rng.uniform(-0.6, 0.6)
    facing = np.sqrt(np.clip(1 - v * v, 0, 1)) * np.cos(lean) + v * np.sin(lean)
    return 0.22 + 0.85 * np.clip(facing, 0, 1)


def _shaft_gloss(rng: np.random.Generator, v: Array, rows: int, columns: int) -> Array:
    gloss: Array = np.zeros((rows, 1), np.float32)
    for _ in range(rng.integers(1, 3)):
        gloss = gloss + rng.uniform(30, 200) * np.exp(-(((v - rng.uniform(-0.6, 0.6)) / rng.uniform(0.05, 0.22)) ** 2))
    breaks = noise_field(rng, 'rough', 1, columns, rng.uniform(0.5, 2.0) * columns)
    return gloss * (0.45 + 0.75 * breaks)


def _shaft_marks(rng: np.random.Generator, rows: int, columns: int, scale: float) -> Array:
    """Gain (rows, columns): brushed metal, rings near the end, printed marks."""
    brushed = noise_field(rng, 'grain', rows, columns // 4, 120)
    marks = 0.92 + 0.16 * cv2.resize(brushed, (columns, rows))
    for _ in range(rng.integers(0, 4)):
        at = columns - int(rng.uniform(0.1, 2.5) * scale)
        marks[:, at : at + max(1, int(rng.uniform(0.04, 0.3) * scale))] *= rng.uniform(0.4, 1.5)
    if rng.random() < 0.35:
        glyphs = smoothstep(0.5, 0.6, noise_field(rng, 'rough', rows, columns, 2.0 * scale))
        window = np.zeros((rows, columns), np.float32)
        start = int(rng.uniform(0.3, 0.7) * columns)
        window[int(0.35 * rows) : int(0.62 * rows), start : start + int(2.5 * scale)] = 1
        marks *= 1 + rng.choice([-0.5, 0.6]) * glyphs * window
    return marks


def _reflect_tissue(rng: np.random.Generator, rgb: Array, v: Array) -> None:
    """Shiny edges pick up the red of what surrounds them."""
    tint = np.array([rng.uniform(120, 210), rng.uniform(60, 110), rng.uniform(40, 80)], np.float32)
    amount = rng.uniform(0.0, 0.35) * smoothstep(0.4, 1.0, np.abs(v - rng.uniform(-0.3, 0.3)))
    rgb += (tint * 0.7 - rgb) * amount[..., None]


def _stain(rng: np.random.Generator, rgb: Array) -> None:
    """Blood and char."""
    if rng.random() < 0.55:
        return
    rows, columns = rgb.shape[:2]
    spots = noise_field(rng, 'rough', rows, columns, rng.uniform(2, 6) * max(16, min(rows, columns)))
    amount = rng.uniform(0.3, 0.8) * smoothstep(rng.uniform(0.6, 0.8), 0.95, spots)
    colour = np.array((90, 10, 10) if rng.random() < 0.7 else (20, 16, 14), np.float32)
    rgb += (colour - rgb) * amount[..., None]


def _metal(rng: np.random.Generator, shape: Cutout, finish: Finish, light: Array, ribs: float) -> Sprite:
    rows, columns = shape.alpha.shape
    x, _ = shape.grid()
    brushed = noise_field(rng, 'rough', rows, columns, 1.5 * shape.scale)
    grooves = 1 - 0.35 * (np.sin(2 * np.pi * ribs * x) > 0.2) if ribs else np.ones_like(x)
    colour = np.array(_FINISHES[finish][rng.integers(len(_FINISHES[finish]))], np.float32) * rng.uniform(0.75, 1.2)
    rgb = colour * ((0.8 + 0.4 * brushed) * grooves)[..., None]
    gloss = rng.uniform(0.2, 0.9) if finish in _SHINY else rng.uniform(0.05, 0.4)
    rgb = lit(rgb, bevel(shape.alpha, 0.22 * shape.scale), light, gloss, rng.uniform(15, 70))
    _stain(rng, rgb)
    return Sprite.of(rgb, shape.alpha, shape.origin, shape.scale)


def _tip_sprites(rng: np.random.Generator, design: InstrumentDesign, scale: float, light: Array) -> tuple[Sprite, ...]:
    # Manufacturers differ: jaws of one class vary in length and height.
    size = rng.uniform([0.85, 0.85], [1.25, 1.2])
    holes = tuple(np.array(hole) * size for hole in design.holes)
    if design.tip:
        outline = design.tip(rng) if callable(design.tip) else smooth_outline(design.tip)
        shape = cut(outline * size, scale, holes)
        return (_metal(rng, shape, design.tip_finish, light, design.ribs),)
    upper = smooth_outline(design.jaw) * size
    lower = smooth_outline(design.lower_jaw) * size if design.lower_jaw else mirrored(upper)
    lower_holes = tuple(mirrored(hole) for hole in holes)
    lower_finish = design.lower_finish or design.tip_finish
    return (
        _metal(rng, cut(lower, scale, lower_holes), lower_finish, light, design.ribs),
        _metal(rng, cut(upper, scale, holes), design.tip_finish, light, design.ribs),
    )


def _wrist_sprite(rng: np.random.Generator, design: InstrumentDesign, scale: float, light: Array) -> Sprite:
    length, radius = design.wrist
    outline: Outline = ((-0.35, -0.5), (0.0, -0.5), (length, -0.27), (length, 0.27), (0.0, 0.5), (-0.35, 0.5))
    if not design.sheath:
        end = length + 0.25
        outline = (
            (-0.3, -radius),
            (end - 0.2, -radius),
            (end, -0.16),
            (end, 0.16),
            (end - 0.2, radius),
            (-0.3, radius),
        )
    shape = cut(smooth_outline(outline), scale)
    sprite = _metal(rng, shape, design.wrist_finish, light, 0.0)
    if not design.sheath:
        _draw_pins(sprite, length, radius)
    return sprite


def _draw_pins(sprite: Sprite, length: float, radius: float) -> None:
    """Hinge pins and the dark gap of the clevis."""
    thickness = max(1, round(sprite.scale * 0.05))
    for along in (0.05, length):
        centre = (round(sprite.origin[0] + along * sprite.scale), round(sprite.origin[1]))
        cv2.circle(
            sprite.rgba, centre, max(1, round(0.36 * radius * sprite.scale)), (30, 30, 32, 1), thickness, cv2.LINE_AA
        )
        cv2.circle(sprite.rgba, centre, max(1, round(0.15 * radius * sprite.scale)), (215, 215, 215, 1), -1)
