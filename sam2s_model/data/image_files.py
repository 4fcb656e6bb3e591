"""Images and label images out of files, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar, overload

import cv2
import numpy as np

from sam2s_model.data.labelled_video import Image, LabelledFrame, Mask, UnreadableData

IMAGE_SUFFIXES = frozenset({'.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff'})

Key = TypeVar('Key')
Item = TypeVar('Item')


class LazySequence(Sequence[Item], Generic[Key, Item]):
    """A sequence that makes each item from its key when it is asked for, and keeps none."""

    def __init__(self, keys: Sequence[Key], make: Callable[[Key], Item]) -> None:
        self._keys = keys
        self._make = make

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return LazySequence(self._keys[index], self._make)
        return self._make(self._keys[index])


def image_paths(folder: Path) -> list[Path]:
    """The image files of a folder in the order of their names."""
    return sorted(path for path in folder.glob('*') if path.suffix.lower() in IMAGE_SUFFIXES)


def read_rgb(path: Path) -> Image:
    """An image file as (H, W, 3) uint8, red first. Raises UnreadableData."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise UnreadableData(f'expected an image, {path} cannot be decoded; restore the file')
    return np.asarray(image, dtype=np.uint8)


def read_labels(path: Path) -> Image:
    """A label image as (H, W) uint8: the grey value of a pixel, or its number in the palette.

    Raises:
        UnreadableData: It is no image, or a coloured one.
    """
    # OpenCV would turn the colours of a palette into grey and lose the numbers.
    from PIL import Image as Pillow

    try:
        with Pillow.open(path) as image:
            if image.mode in ('P', 'L'):
                return np.array(image, dtype=np.uint8)
            colours = np.asarray(image.convert('RGB'))
    except OSError as error:
        raise UnreadableData(f'expected an image, {path} cannot be decoded ({error}); restore the file') from error
    if (colours != colours[..., :1]).any():
        raise UnreadableData(f'expected a grey or palette image, {path} has colours; convert it to label values')
    return np.ascontiguousarray(colours[..., 0])


def has_palette(path: Path) -> bool:
    """Whether an image file numbers the colours of a palette."""
    from PIL import Image as Pillow

    with Pillow.open(path) as image:
        return bool(image.mode == 'P')


def split_labels(labels: Image, ignore_values: Sequence[int] = ()) -> tuple[dict[str, Mask], Mask | None]:
    """Masks (H, W) of all values in a label image but 0 and those to ignore, by value; and the pixels to ignore."""
    values = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    masks = {str(value): labels == value for value in values.tolist() if value and value not in ignore_values}
    return masks, np.isin(labels, list(ignore_values)) if ignore_values else None


def labelled_frame(rgb: Image, labels: Image | None, stamp_ns: int, ignore_values: Sequence[int] = ()) -> LabelledFrame:
    """An image and its label image; None for a frame that nobody has annotated."""
    if labels is None:
        return LabelledFrame(rgb, stamp_ns, None)
    masks, ignored = split_labels(labels, ignore_values)
    return LabelledFrame(rgb, stamp_ns, masks, ignored)
