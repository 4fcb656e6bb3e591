"""Sets of single images with masks, each read as a video of one frame: images/NAME.* and masks/NAME.*.

Masks are label images, or black and white (anything from 128 on is the object), as most endoscopy sets have them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from sam2s_model.data.image_files import LazySequence, image_paths, read_labels, read_rgb, split_labels
from sam2s_model.data.labelled_video import Image, LabelledFrame, LabelledVideo, UnreadableData, VideoSource

FPS = 1.0
WHITE = 128


def is_image_set(folder: Path) -> bool:
    """Whether a folder looks like a set of images with masks."""
    return (folder / 'images').is_dir() and (folder / 'masks').is_dir()


def image_sources(folder: Path) -> list[VideoSource]:
    """One video of one frame for each image.

    Raises:
        UnreadableData: There are no images, or masks are missing.
    """
    masks = {path.stem: path for path in image_paths(folder / 'masks')}
    images = image_paths(folder / 'images')
    if missing := [image for image in images if image.stem not in masks]:
        raise UnreadableData(f'expected a mask for each image, {len(missing)} are missing, first for {missing[0]}')
    if not images:
        raise UnreadableData(f'expected images in {folder / "images"}, found none; give another folder')
    return [VideoSource(path.stem, folder.name, partial(read_image, path, masks[path.stem])) for path in images]


def read_image(image: Path, mask: Path) -> LabelledVideo:
    """An image and its mask as a video of one frame; object ids are the label values."""
    labels = read_labels(mask)
    values = np.unique(labels)
    if _is_black_and_white(values):
        labels = (labels >= WHITE).astype(np.uint8)
        values = np.unique(labels)
    objects = {str(value): '' for value in values.tolist() if value}
    return LabelledVideo(image.stem, FPS, objects, LazySequence([(image, labels)], _frame))


def _frame(parts: tuple[Path, Image]) -> LabelledFrame:
    path, labels = parts
    return LabelledFrame(read_rgb(path), 0, split_labels(labels)[0])


def _is_black_and_white(values: Image) -> bool:
    """JPEG leaves greys near black and near white; labels have low numbers without a gap to white."""
    return bool(values.max(initial=0) >= 250 and not np.any((values > 16) & (values < 240)))
