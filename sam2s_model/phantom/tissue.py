"""Living tissue: looks (colour, relief, vessels, fat) and the canvases and textures made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from sam2s_model.phantom.backdrop import Backdrop, canvas_shape
from sam2s_model.phantom.noise import Array, NoiseKind, noise_field, smoothstep

Colour: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class TissueLook:
    """How one kind of tissue looks.

    Attributes:
        deep, middle, pale: RGB from hollow to crest.
        pattern, period: Noise of the surface and its size as a share of the image side.
        relief, folds: Strength of bumps and of long folds.
        vessels, fat: Density of vessels and cover of yellow fat, in [0, 1].
        gloss: Strength of wet highlights, in [0, 1].
        lumen: Strength of the dark far end of a hollow organ, in [0, 1].
    """

    deep: Colour
    middle: Colour
    pale: Colour
    pattern: NoiseKind
    period: float
    relief: float
    folds: float
    vessels: float
    fat: float
    gloss: float
    lumen: float


LOOKS = {
    'peritoneum': TissueLook(
        (150, 52, 48), (196, 96, 84), (228, 158, 146), 'cloud', 1.6, 0.7, 0.6, 0.7, 0.15, 0.8, 0.0
    ),
    'pelvis': TissueLook((150, 62, 20), (206, 112, 62), (226, 152, 142), 'cloud', 2.2, 0.6, 0.9, 0.5, 0.5, 0.7, 0.0),
    'liver': TissueLook((62, 16, 14), (104, 34, 28), (142, 62, 50), 'rough', 1.2, 0.35, 0.2, 0.05, 0.05, 0.7, 0.0),
    'gallbladder': TissueLook(
        (120, 70, 40), (168, 120, 84), (190, 168, 140), 'cloud', 1.5, 0.5, 0.5, 0.6, 0.6, 0.8, 0.0
    ),
    'bowel': TissueLook((180, 84, 72), (216, 138, 122), (240, 190, 172), 'cloud', 1.2, 0.7, 1.2, 0.9, 0.2, 0.8, 0.0),
    'colon': TissueLook((110, 44, 22), (182, 98, 58), (222, 152, 104), 'cloud', 1.4, 0.6, 1.4, 0.7, 0.0, 0.9, 0.9),
    'omentum': TissueLook((170, 104, 34), (212, 160, 72), (238, 206, 138), 'cells', 0.9, 0.9, 0.3, 0.6, 0.9, 0.6, 0.0),
    'muscle': TissueLook((110, 26, 26), (162, 52, 46), (198, 98, 84), 'ridge', 0.9, 0.8, 0.3, 0.2, 0.1, 0.5, 0.0),
    'bleeding': TissueLook((74, 4, 6), (134, 16, 16), (182, 60, 48), 'rough', 1.4, 0.8, 0.6, 0.2, 0.1, 0.9, 0.2),
    'cavity': TissueLook((34, 12, 12), (92, 40, 34), (168, 102, 84), 'cloud', 1.1, 0.9, 1.0, 0.3, 0.2, 0.6, 0.7),
    'uterus': TissueLook((172, 78, 76), (214, 128, 118), (238, 180, 168), 'cloud', 1.9, 0.35, 0.2, 0.5, 0.0, 0.9, 0.0),
    'kidney': TissueLook((84, 24, 26), (132, 52, 46), (176, 98, 84), 'rough', 1.0, 0.4, 0.2, 0.15, 0.1, 0.7, 0.0),
    'spleen': TissueLook((58, 14, 30), (96, 30, 46), (136, 62, 74), 'rough', 1.3, 0.3, 0.2, 0.05, 0.0, 0.8, 0.0),
    'fascia': TissueLook((176, 118, 100), (216, 172, 152), (240, 216, 200), 'ridge', 1.1, 0.6, 0.5, 0.4, 0.2, 0.6, 0.0),
    'vein': TissueLook((70, 28, 46), (104, 52, 68), (142, 90, 100), 'cloud', 1.5, 0.2, 0.1, 0.0, 0.0, 0.8, 0.0),
    'stomach': TissueLook((168, 68, 50), (214, 118, 88), (240, 172, 130), 'cells', 0.35, 0.5, 1.0, 0.3, 0.0, 0.9, 0.5),
}

_FAT: tuple[Colour, Colour] = ((204, 138, 66), (246, 200, 122))
_VESSELS: tuple[Colour, ...] = ((126, 20, 26), (150, 30, 30), (92, 30, 52), (70, 52, 88))


def draw_tissue(
    rng: np.random.Generator, look: TissueLook, height: int, width: int, beside: tuple[str, ...] = ()
) -> Backdrop:
    """Draw a canvas of one tissue, with sheets of others on it, for an image of height × width pixels.

    Args:
        beside: Names of the looks that those others may have; any, if there are none.
    """  # fmt: skip
    rows, columns = canvas_shape(height, width)
    side = min(height, width)
    relief, crest = _relief(rng, look, rows, columns, side)
    albedo = _colours(rng, look, crest, rows, columns, side)
    _draw_vessels(rng, albedo, look.vessels, side)
    for _ in range(rng.choice(3, p=[0.35, 0.4, 0.25])):
        _lay_sheet(rng, albedo, relief, random_look(rng, beside) if rng.random() < 0.6 else look, side)
    slopes = _slopes(relief, side)
    albedo *= _diffuse(rng, slopes)[..., None]
    _darken_lumen(rng, albedo, look.lumen, side)
    gloss = look.gloss * rng.choice([0.0, 0.5, 1.0], p=[0.15, 0.25, 0.6])
    return Backdrop(albedo, slopes, float(gloss), math.exp(rng.uniform(math.log(25), math.log(160))))


def tissue_texture(rng: np.random.Generator, look: TissueLook, height: int, width: int, side: int) -> Array:
    """A flat piece of tissue (height, width, 3) float32 in [0, 255] for an image whose shorter side is `side`."""
    crest = _crest(rng, look, height, width, side)
    rgb = _colours(rng, look, crest, height, width, side)
    _draw_vessels(rng, rgb, look.vessels * 0.5, min(side, height, width))
    return rgb


def random_look(rng: np.random.Generator, names: tuple[str, ...] = ()) -> TissueLook:
    """One of the looks, or of those named."""
    return LOOKS[str(rng.choice(names or sorted(LOOKS)))]


def _crest(rng: np.random.Generator, look: TissueLook, rows: int, columns: int, side: int) -> Array:
    """The pattern in [0, 1] of a look, 1 on its crests."""
    return noise_field(rng, look.pattern, rows, columns, look.period * side * rng.uniform(0.7, 1.4))


def _relief(rng: np.random.Generator, look: TissueLook, rows: int, columns: int, side: int) -> tuple[Array, Array]:
    """Height of the surface, in image sides, and the pattern in [0, 1] that colours it."""
    crest = _crest(rng, look, rows, columns, side)
    broad = noise_field(rng, 'smooth', rows, columns, rng.uniform(1.2, 3.5) * side)
    relief = (
        rng.uniform(0.2, 0.6) * broad + math.exp(rng.uniform(math.log(0.002), math.log(0.04))) * look.relief * crest
    )
    if look.folds > 0:
        relief += 0.07 * look.folds * noise_field(rng, 'fold', rows, columns, rng.uniform(1.5, 4.0) * side)
    # Small bumps in places only: they break the highlights into sparks, where smooth tissue has broad glare.
    fine = noise_field(rng, 'rough', rows, columns, rng.uniform(0.3, 0.8) * side)
    places = smoothstep(0.35, 0.75, noise_field(rng, 'cloud', rows, columns, 1.5 * side))
    return relief + rng.uniform(0.0, 0.005) * look.relief * fine * places, crest


def _lay_sheet(rng: np.random.Generator, albedo: Array, relief: Array, look: TissueLook, side: int) -> None:
    """Lay a raised sheet of tissue with a wavy border over part of the canvas, with its shadow beside it."""
    rows, columns = relief.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / side
    direction = rng.uniform(0, 2 * np.pi)
    level = math.cos(direction) * (x - columns / side / 2) + math.sin(direction) * (y - rows / side / 2)
    level += rng.uniform(0.3, 1.2) * (noise_field(rng, 'smooth', rows, columns, rng.uniform(1.0, 2.5) * side) - 0.5)
    level += rng.uniform(0.0, 0.06) * (noise_field(rng, 'rough', rows, columns, 0.7 * side) - 0.5) - rng.uniform(
        0.0, 0.35
    )
    softness = rng.uniform(0.006, 0.06)
    cover = smoothstep(-softness, softness, level)
    shade = 1 - rng.uniform(0.1, 0.55) * smoothstep(-rng.uniform(0.06, 0.25), 0.0, level)
    albedo *= shade[..., None]
    below, beside = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    if len(below):
        box = (slice(below[0], below[-1] + 1), slice(beside[0], beside[-1] + 1))
        under = albedo[box]
        under += (tissue_texture(rng, look, under.shape[0], under.shape[1], side) - under) * cover[box][..., None]
    # The edge is round: it rises over a tenth of the image and then levels out.
    rise = np.clip(level / rng.uniform(0.05, 0.2), 0, 1)
    relief += rng.uniform(0.02, 0.08) * np.sqrt(rise * (2 - rise))


def _slopes(relief: Array, side: int) -> Array:
    smooth = cv2.GaussianBlur(relief, (0, 0), max(0.8, side / 130))
    return cv2.merge(
        [cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=side / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=side / 8)]
    )


def _colours(rng: np.random.Generator, look: TissueLook, crest: Array, rows: int, columns: int, side: int) -> Array:
    ramp = np.array([look.deep, look.middle, look.pale], np.float32) * rng.uniform(0.9, 1.1, (3, 3))
    mottle = noise_field(rng, 'cloud', rows, columns, rng.uniform(1.0, 2.5) * side)
    rgb = _along_ramp(0.45 * crest + 0.55 * mottle, ramp)
    rgb *= (0.9 + 0.2 * noise_field(rng, 'rough', rows, columns, 0.4 * side))[..., None]
    cover = look.fat * rng.uniform(0.0, 1.3)
    if cover > 0.1:
        _lay_fat(rng, rgb, cover, side)
    return rgb


def _along_ramp(position: Array, ramp: Array) -> Array:
    """Colours (h, w, 3) float32 at positions in [0, 1] along three RGB stops (a look-up table of 256 steps)."""
    steps = np.linspace(0, 2, 256)
    table = np.stack([np.interp(steps, np.arange(3), ramp[:, c]) for c in range(3)], axis=1).astype(np.float32)
    return table[np.clip(position * 255, 0, 255).astype(np.uint8)]


def _lay_fat(rng: np.random.Generator, rgb: Array, cover: float, side: int) -> None:
    rows, columns = rgb.shape[:2]
    where = noise_field(rng, 'cloud', rows, columns, rng.uniform(1.2, 2.5) * side)
    lobules = noise_field(rng, 'cells', rows, columns, rng.uniform(0.5, 1.0) * side)
    amount = smoothstep(0.0, 0.15, where - (0.85 - 0.5 * cover)) * 0.85
    dark, bright = (np.array(colour, np.float32) for colour in _FAT)
    fat = bright + (dark - bright) * lobules[..., None]
    rgb += (fat - rgb) * amount[..., None]


def _draw_vessels(rng: np.random.Generator, rgb: Array, density: float, side: int) -> None:
    """Draw branching vessels into a canvas."""
    count = rng.poisson(9 * density)
    if count == 0:
        return
    ink = np.zeros(rgb.shape[:2], np.uint8)
    for _ in range(count):
        start = rng.uniform(0, 1, 2) * np.array([rgb.shape[1], rgb.shape[0]])
        _grow_vessel(rng, ink, start, rng.uniform(0, 2 * np.pi), rng.uniform(0.003, 0.012) * side, side, 3)
    alpha = cv2.GaussianBlur(ink, (0, 0), max(0.6, side / 350)).astype(np.float32)[..., None] / 255
    colour = np.array(_VESSELS[rng.integers(len(_VESSELS))], np.float32)
    rgb += (colour - rgb) * (alpha * rng.uniform(0.25, 0.7))


def _grow_vessel(
    rng: np.random.Generator, ink: Array, start: Array, heading: float, thickness: float, side: int, generations: int
) -> None:
    steps = int(rng.integers(8, 24))
    headings = heading + np.cumsum(rng.normal(0, 0.22, steps))
    points = start + np.cumsum(np.stack([np.cos(headings), np.sin(headings)], axis=1), axis=0) * (side * 0.03)
    fixed = np.round(points * 16).astype(np.int32)
    for begin in range(0, steps - 1, 4):  # thinner towards its end
        width = thickness * (1 - 0.6 * begin / steps)
        shade = int(255 * min(1.0, 0.3 + 0.7 * width))
        cv2.polylines(ink, [fixed[begin : begin + 5]], False, (shade,), max(1, round(width)), cv2.LINE_AA, 4)
    if generations == 0:
        return
    for _ in range(int(rng.integers(1, 3))):
        at = int(rng.integers(2, steps))
        turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
        _grow_vessel(rng, ink, points[at], headings[at] + turn, thickness * 0.65, side, generations - 1)


def _diffuse(rng: np.random.Generator, slopes: Array) -> Array:
    tilt = rng.normal(0, 0.35, 2)
    gx, gy = slopes[..., 0], slopes[..., 1]
    facing = (1 - gx * tilt[0] - gy * tilt[1]) / np.sqrt(1 + gx * gx + gy * gy)
    return np.clip(0.25 + 0.8 * facing, 0.15, 1.35)


def _darken_lumen(rng: np.random.Generator, albedo: Array, strength: float, side: int) -> None:
    """A hollow organ leads into the dark; folds around it stay lit."""
    if strength * rng.uniform(0, 1) < 0.2:
        return
    rows, columns = albedo.shape[:2]
    centre = np.array([columns, rows]) / 2 + rng.uniform(-0.35, 0.35, 2) * side
    y, x = np.ogrid[0:rows, 0:columns]
    warp = noise_field(rng, 'cloud', rows, columns, 1.2 * side)
    radius = np.hypot(x - centre[0], y - centre[1]).astype(np.float32) / side + 0.12 * warp
    albedo *= (1 - 0.9 * strength * (1 - smoothstep(0.1, rng.uniform(0.3, 0.6), radius)))[..., None]
