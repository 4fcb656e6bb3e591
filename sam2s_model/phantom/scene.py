"""Actors in front of the backdrop, and how a frame and its label image are composed of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2s_model.phantom.noise import Array, enlarge
from sam2s_model.phantom.sprite import Sprite
from sam2s_model.phantom.warps import displaced

_SHADOW_STEP = 4
# Longer smears would need larger regions and look like nothing.
_NO_SMEAR, _MAX_SMEAR = 1.2, 14.0
_WARP_STEP = 8  # pixels from one node of the interpolated map to the next


@dataclass(frozen=True)
class PlacedPart:
    """A sprite at its place in one frame.

    Attributes:
        to_image: (3, 3) sprite pixels to image pixels.
        labelled: Whether these pixels count as the object; if not, they only cover what is behind.
        gain: Brightness.
        smear: (dx, dy) image pixels moved while the shutter was open.
        warp: Deformation lattice (see `warps`), or None for what is rigid.
    """

    sprite: Sprite
    to_image: Array
    labelled: bool = True
    gain: float = 1.0
    smear: tuple[float, float] = (0.0, 0.0)
    warp: Array | None = None


@dataclass(frozen=True)
class Actor:
    """One thing in front of the backdrop.

    Attributes:
        name: Class name.
        is_instrument: Whether it is a surgical instrument.
        prompted: Whether it gets a label; others are distractors and occluders.
        placements: For each frame its parts, hindmost first; empty while it is away.
        shadow: Darkness of the shadow it casts, in [0, 1].
        touch: (T, 2) image pixel where a tool touches the tissue, or None for what does not.
    """

    name: str
    is_instrument: bool
    prompted: bool
    placements: tuple[tuple[PlacedPart, ...], ...]
    shadow: float = 0.0
    touch: Array | None = None


@dataclass(frozen=True)
class Patch:
    """A drawn part: premultiplied RGBA (h, w, 4) with its upper left corner (x, y) in the image."""

    rgba: Array
    x: int
    y: int
    labelled: bool


def compose(
    image: Array, labels: Array, actor: Actor, label: int, frame: int, shadow_shift: tuple[float, float]
) -> None:
    """Lay an actor over an image (H, W, 3) float32 and its label image (H, W) uint8, both in place."""
    patches = [patch for part in actor.placements[frame] if (patch := draw_part(part, *labels.shape)) is not None]
    if not patches:
        return
    if actor.shadow > 0:
        _cast_shadow(image, patches, actor.shadow, shadow_shift)
    for patch in patches:
        height, width = patch.rgba.shape[:2]
        region = (slice(patch.y, patch.y + height), slice(patch.x, patch.x + width))
        alpha = patch.rgba[..., 3]
        behind = image[region]
        behind *= (1 - alpha)[..., None]
        behind += patch.rgba[..., :3]
        labels[region][alpha >= 0.5] = label if patch.labelled else 0


def draw_part(part: PlacedPart, height: int, width: int) -> Patch | None:
    """Draw a part into the smallest region of a height × width image that holds it; None when it is outside."""
    region = _region(part, height, width)
    if region is None:
        return None
    x0, y0, x1, y1 = region
    shifted = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]]) @ part.to_image
    size = (x1 - x0, y1 - y0)
    rgba = _warp(part, shifted, size)
    rgba = smeared(rgba, *part.smear)
    if part.gain != 1.0:
        rgba *= np.array([part.gain, part.gain, part.gain, 1], np.float32)
    return Patch(rgba, x0, y0, part.labelled)


def smeared(picture: Array, dx: float, dy: float) -> Array:
    """A picture that has moved by (dx, dy) pixels while the shutter was open."""
    if max(abs(dx), abs(dy)) <= _NO_SMEAR:
        return picture
    return cv2.filter2D(picture, -1, smear_kernel(dx, dy), borderType=cv2.BORDER_REPLICATE)


def smear_kernel(dx: float, dy: float) -> Array:
    """A line kernel of the length and direction (dx, dy), in pixels."""
    shrink = min(1.0, _MAX_SMEAR / max(np.hypot(dx, dy), 1e-6))
    dx, dy = dx * shrink, dy * shrink
    radius = int(np.ceil(max(abs(dx), abs(dy)) / 2))
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.uint8)
    ends = np.array([[-dx, -dy], [dx, dy]]) * 8 + radius * 16
    cv2.polylines(kernel, [np.round(ends).astype(np.int32)], False, (255,), 1, cv2.LINE_AA, 4)
    return kernel.astype(np.float32) / kernel.sum()


def _region(part: PlacedPart, height: int, width: int) -> tuple[int, int, int, int] | None:
    rows, columns = part.sprite.rgba.shape[:2]
    room = 0.0 if part.warp is None else float(np.abs(part.warp).max()) * max(rows, columns)
    low, right, bottom = -room, columns + room, rows + room
    corners = np.array([[low, low, 1], [right, low, 1], [low, bottom, 1], [right, bottom, 1.0]]) @ part.to_image.T
    corners = corners[:, :2] / corners[:, 2:]
    margin = 1 + min(_MAX_SMEAR, max(abs(part.smear[0]), abs(part.smear[1]))) / 2
    x0, y0 = np.floor(corners.min(axis=0) - margin).astype(int)
    x1, y1 = np.ceil(corners.max(axis=0) + margin).astype(int) + 1
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if x0 >= x1 or y0 >= y1:
        return None
    return int(x0), int(y0), int(x1), int(y1)


def _warp(part: PlacedPart, to_region: Array, size: tuple[int, int]) -> Array:
    if part.warp is not None:
        maps = _warped_maps(part.warp, to_region, size, part.sprite.rgba.shape)
        return cv2.remap(part.sprite.rgba, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    if abs(to_region[2, 0]) + abs(to_region[2, 1]) > 1e-9:
        return cv2.warpPerspective(part.sprite.rgba, to_region, size, flags=cv2.INTER_LINEAR)
    return cv2.warpAffine(part.sprite.rgba, to_region[:2], size, flags=cv2.INTER_LINEAR)


def _warped_maps(
    warp: Array, to_region: Array, size: tuple[int, int], sprite_shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """Where each pixel of a region (width, height) looks on the sprite: two float32 maps.

    Worked out on a coarse grid and interpolated, which is exact for the pose and close for the smooth deformation.
    """
    inverse = np.linalg.inv(to_region)
    columns, rows = (int(np.clip(length / _WARP_STEP, 2, 40)) + 1 for length in size)
    x, y = np.linspace(0, size[0] - 1, columns)[None, :], np.linspace(0, size[1] - 1, rows)[:, None]
    u = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
    v = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
    u, v = displaced(u, v, warp, (sprite_shape[1], sprite_shape[0]))
    return enlarge(u.astype(np.float32), size[1], size[0]), enlarge(v.astype(np.float32), size[1], size[0])


def _cast_shadow(image: Array, patches: list[Patch], darkness: float, shift: tuple[float, float]) -> None:
    """Darken what lies behind, softly and a little aside, at a quarter of the resolution."""
    height, width = image.shape[:2]
    small = np.zeros((-(-height // _SHADOW_STEP), -(-width // _SHADOW_STEP)), np.float32)
    for patch in patches:
        skip_x, skip_y = -patch.x % _SHADOW_STEP, -patch.y % _SHADOW_STEP
        coarse = patch.rgba[skip_y::_SHADOW_STEP, skip_x::_SHADOW_STEP, 3]
        top, left = (patch.y + skip_y) // _SHADOW_STEP, (patch.x + skip_x) // _SHADOW_STEP
        region = small[top : top + coarse.shape[0], left : left + coarse.shape[1]]
        np.maximum(region, coarse, out=region)
    move = np.array([[1, 0, shift[0] / _SHADOW_STEP], [0, 1, shift[1] / _SHADOW_STEP]])
    moved = cv2.warpAffine(small, move, (small.shape[1], small.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), max(1.0, min(height, width) / 80))
    image *= (1 - darkness * cv2.resize(soft, (width, height)))[..., None]
