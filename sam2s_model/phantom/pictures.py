"""Photographs and cut-outs that other packages install: natural texture for training, never part of this one.

Searched are the folders in the environment variable `SAM2S_PICTURES` (separated as in PATH), or where Debian installs
`tuxpaint-stamps-default` and wallpapers, and the photographs in scikit-image. Whatever is missing is done without.
Pictures are decoded once in a process, when first used, and kept small.
"""

from __future__ import annotations

import importlib.util
import os
import re
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from sam2s_model.phantom.noise import Array

FOLDERS_VARIABLE = 'SAM2S_PICTURES'
_INSTALLED = ('/usr/share/tuxpaint/stamps', '/usr/share/backgrounds', '/usr/share/wallpapers')
# Photographs in the wheel of scikit-image that its documentation states to be in the public domain or under CC0.
_SKIMAGE = (
    'astronaut.png',
    'chelsea.png',
    'coffee.png',
    'rocket.jpg',
    'brick.png',
    'grass.png',
    'gravel.png',
    'hubble_deep_field.jpg',
)
_DRAWINGS = frozenset({'symbols', 'cartoon', 'drawn', 'flags', 'roadsigns'})
_SUFFIXES = frozenset({'.jpeg', '.jpg', '.png', '.webp'})
_CUTOUT_SIDE, _PHOTO_SIDE = 256, 512
_SMALLEST_PHOTO = 240  # pixels; smaller ones are icons
_PNG_COLOUR_TYPE, _PNG_WITH_ALPHA = 25, 6  # byte of the file, and what it says
# A wallpaper comes in several sizes, each in a file named by it.
_SIZE_NAME = re.compile(r'(\d+)x(\d+)')
_SMALLEST_WALLPAPER = 720
_PREVIEW = 'screenshot'


def cutout(index: int) -> Array | None:
    """Cut-out `index` of `cutout_count()`: (h, w, 4) uint8 straight RGBA; None when the file holds none."""
    return _read_cutout(_found()[0][index])


def photograph(index: int) -> Array | None:
    """Photograph `index` of `photograph_count()`: (h, w, 3) uint8 RGB; None when it cannot be read."""
    return _read_photograph(_found()[1][index])


def cutout_count() -> int:
    """How many files may hold a cut-out."""
    return len(_found()[0])


def photograph_count() -> int:
    """How many photographs there are."""
    return len(_found()[1])


def forget_pictures() -> None:
    """Search again at the next use, after the environment variable has changed."""
    for cached in (_found, _read_cutout, _read_photograph):
        cached.cache_clear()


@cache
def _found() -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Files of cut-outs and files of photographs, in an order that does not depend on the file system."""
    named = os.environ.get(FOLDERS_VARIABLE)
    folders = [Path(folder) for folder in (named.split(os.pathsep) if named is not None else _INSTALLED) if folder]
    cutouts: list[Path] = []
    photographs: list[Path] = []
    for folder in folders:
        files = sorted(path for path in folder.rglob('*') if path.suffix.lower() in _SUFFIXES)
        files = [path for path in files if not _DRAWINGS & set(path.relative_to(folder).parts)]
        with_alpha = [path for path in files if _holds_cutout(path)]
        cutouts += with_alpha
        photographs += _one_of_each_size(sorted(set(files) - set(with_alpha)))
    return tuple(cutouts), (*photographs, *_skimage_photographs())


def _holds_cutout(path: Path) -> bool:
    if path.suffix.lower() != '.png' or path.stem == _PREVIEW or _SIZE_NAME.fullmatch(path.stem):
        return False
    with path.open('rb') as file:
        header = file.read(_PNG_COLOUR_TYPE + 1)
    return len(header) > _PNG_COLOUR_TYPE and header[_PNG_COLOUR_TYPE] == _PNG_WITH_ALPHA


def _one_of_each_size(paths: list[Path]) -> list[Path]:
    """Of the files of a folder that are named by their size, the smallest that is large enough."""
    sized: dict[Path, list[tuple[int, Path]]] = {}
    others = []
    for path in paths:
        size = _SIZE_NAME.fullmatch(path.stem)
        if size is None:
            others.append(path)
        elif min(int(size[1]), int(size[2])) >= _SMALLEST_WALLPAPER:
            sized.setdefault(path.parent, []).append((int(size[1]) * int(size[2]), path))
    return sorted([path for path in others if path.stem != _PREVIEW] + [min(found)[1] for found in sized.values()])


def _skimage_photographs() -> list[Path]:
    spec = importlib.util.find_spec('skimage')
    if spec is None or spec.origin is None:
        return []
    paths = [Path(spec.origin).parent / 'data' / name for name in _SKIMAGE]
    return [path for path in paths if path.exists()]


@cache
def _read_cutout(path: Path) -> Array | None:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
        return None
    solid = pixels[..., 3] >= 128
    if not solid.any() or _is_drawing(pixels[..., :3], solid) or _is_glow(pixels[..., 3]):
        return None
    rows, columns = (np.flatnonzero(solid.any(axis=axis)) for axis in (1, 0))
    cropped = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if min(cropped.shape[:2]) < 12 or (cropped[..., 3] >= 128).mean() > 0.985:
        return None
    straight = cv2.cvtColor(_shrunk(cropped, _CUTOUT_SIDE), cv2.COLOR_BGRA2RGBA)
    return straight


def _is_drawing(bgr: Array, solid: Array) -> bool:
    """Drawings have flat areas: many pixels like their left neighbour."""
    inside = solid[:, 1:] & solid[:, :-1]
    same = (bgr[:, 1:] == bgr[:, :-1]).all(axis=2)
    return bool(same[inside].mean() > 0.4) if inside.any() else True


def _is_glow(alpha: Array) -> bool:
    """Smoke, light and glass have no outline: much of what is there is half transparent."""
    return bool(np.count_nonzero(alpha >= 200) < 0.75 * np.count_nonzero(alpha >= 16))


def _shrunk(pixels: Array, side: int) -> Array:
    """Premultiply while resizing, so that hidden colours do not bleed over the edge."""
    factor = min(1.0, side / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    alpha = pixels[..., 3:].astype(np.float32) / 255
    weighted = np.concatenate([pixels[..., :3] * alpha, alpha], axis=2)
    small = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    straight = small[..., :3] / np.maximum(small[..., 3:], 1 / 255)
    return np.clip(np.concatenate([straight, small[..., 3:] * 255], axis=2), 0, 255).round().astype(np.uint8)


@cache
def _read_photograph(path: Path) -> Array | None:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None or min(bgr.shape[:2]) < _SMALLEST_PHOTO:
        return None
    factor = min(1.0, _PHOTO_SIDE / min(bgr.shape[:2]))
    small = cv2.resize(bgr, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
