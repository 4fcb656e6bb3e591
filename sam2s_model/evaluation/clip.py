"""Videos with true masks: what an evaluation needs of one, wherever it comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


class UnreadableClip(ValueError):
    """The folder is no clip; the message says what is missing."""


@dataclass(frozen=True)
class Clip:
    """A video with one label image for each frame.

    Attributes:
        name: What to call it in tables.
        fps: Frames per second.
        frames: T images (H, W, 3) uint8, red first.
        labels: T label images (H, W) uint8: 0 background, else a key of `objects` or one of `ignore_values`.
        objects: Value in the label images to name.
        ignore_values: Label values whose pixels are not scored.
    """

    name: str
    fps: float
    frames: Sequence[Image]
    labels: Sequence[Image]
    objects: dict[int, str]
    ignore_values: tuple[int, ...] = ()

    @property
    def period_ns(self) -> int:
        return round(1e9 / self.fps)


class ImageFiles(Sequence[Image]):
    """Image files as a sequence that reads each one when it is asked for; RGB, or grey for label images."""

    def __init__(self, paths: Sequence[Path], grey: bool) -> None:
        self._paths = paths
        self._mode = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | Sequence[Image]:
        if isinstance(index, slice):
            return [self._read(path) for path in self._paths[index]]
        return self._read(self._paths[index])

    def _read(self, path: Path) -> Image:
        image = cv2.imread(str(path), self._mode)
        if image is None:
            raise UnreadableClip(f'expected an image, {path} cannot be decoded; restore the file')
        return np.asarray(image, dtype=np.uint8)


def read_clip(folder: Path) -> Clip:
    """Open a folder of `frames/*.jpg` (or png), `masks/*.png` of the same stems and `meta.json`.

    meta.json names the `objects` by label value; `fps` (25 if missing) and `ignore_values` are optional.

    Raises:
        UnreadableClip: A part is missing.
    """
    meta = _read_meta(folder / 'meta.json')
    files = clip_files(folder)
    return Clip(
        name=str(meta.get('name', folder.name)),
        fps=float(meta.get('fps', 25.0)),
        frames=ImageFiles([image for image, _ in files], grey=False),
        labels=ImageFiles([mask for _, mask in files], grey=True),
        objects={int(value): str(name) for value, name in meta['objects'].items()},
        ignore_values=tuple(int(value) for value in meta.get('ignore_values', ())),
    )


def clip_files(folder: Path) -> list[tuple[Path, Path]]:
    """The image and the mask file of each frame, in order.

    Raises:
        UnreadableClip: There are none, or a mask is missing.
    """
    frames = sorted(path for path in (folder / 'frames').glob('*') if path.suffix in {'.jpg', '.png'})
    if not frames:
        raise UnreadableClip(f'expected images in {folder / "frames"}, found none')
    masks = [folder / 'masks' / f'{frame.stem}.png' for frame in frames]
    if missing := [mask for mask in masks if not mask.is_file()]:
        raise UnreadableClip(f'expected a mask for each frame, {len(missing)} are missing, first {missing[0]}')
    return list(zip(frames, masks, strict=True))


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads(path.read_text())
        return meta | {'objects': dict(meta['objects'])}
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableClip(
            f'expected {path}, there is none; give a folder with frames/, masks/ and meta.json'
        ) from None
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableClip(f'expected JSON with "objects": {{"1": name}} in {path}, got {error!r}') from error
