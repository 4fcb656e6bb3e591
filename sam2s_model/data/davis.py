"""DAVIS and YouTube-VOS: JPEGImages/VIDEO/*.jpg and Annotations/VIDEO/*.png with a palette, or black and white."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from sam2s_model.data.image_files import (
    LazySequence,
    has_palette,
    image_paths,
    labelled_frame,
    read_labels,
    read_rgb,
)
from sam2s_model.data.labelled_video import LabelledFrame, LabelledVideo, UnreadableData, VideoSource

RESOLUTIONS = ('480p', 'Full-Resolution')  # DAVIS has one folder more than YouTube-VOS
DAVIS_FPS = 24.0
YOUTUBE_FPS = 30.0  # of the films; the file names count their frames, and most are left out
VOID = 255  # of a palette: pixels that belong to nothing and are not scored


def is_davis(folder: Path) -> bool:
    """Whether a folder looks like DAVIS or a part of YouTube-VOS."""
    return (folder / 'JPEGImages').is_dir() and (folder / 'Annotations').is_dir()


def davis_sources(root: Path, listed: Path | None = None) -> list[VideoSource]:
    """All annotated videos below JPEGImages and Annotations, or those in a list such as ImageSets/2017/val.txt.

    Raises:
        UnreadableData: A listed video is not there.
    """
    masks = _resolution(root / 'Annotations')
    names = sorted(path.name for path in masks.iterdir() if path.is_dir())
    if listed is not None:
        wanted = listed.read_text().split()
        if missing := sorted(set(wanted) - set(names)):
            raise UnreadableData(f'{listed} names {missing[0]}, which is not in {masks}; get the whole dataset')
        names = wanted
    dataset = root.name if listed is None else f'{root.name}-{listed.stem}'
    return [VideoSource(name, dataset, partial(read_davis, root, name)) for name in names]


def list_owner(path: Path) -> Path | None:
    """The dataset that a list of videos belongs to: ROOT of ROOT/ImageSets/**/list.txt."""
    if path.suffix != '.txt':
        return None
    return next((folder.parent for folder in path.parents if folder.name == 'ImageSets'), None)


def read_davis(root: Path, name: str) -> LabelledVideo:
    """Open one video. Frames without a file in Annotations count as not annotated, as in YouTube-VOS.

    Raises:
        UnreadableData: The images or all annotations are missing.
    """
    images = image_paths(_resolution(root / 'JPEGImages') / name)
    annotated = {path.stem: path for path in image_paths(_resolution(root / 'Annotations') / name)}
    if not images or not annotated:
        raise UnreadableData(f'expected images and annotations of {name!r} in {root}, found {len(images)} and '
                             f'{len(annotated)}; get the whole dataset')  # fmt: skip
    ignore = (VOID,) if has_palette(next(iter(annotated.values()))) else ()
    classes = _class_names(root, name)
    fps = _frame_rate(images, YOUTUBE_FPS if classes is not None else DAVIS_FPS)

    def frame_at(index: int) -> LabelledFrame:
        file = annotated.get(images[index].stem)
        labels = None if file is None else read_labels(file)
        return labelled_frame(read_rgb(images[index]), labels, round(index * 1e9 / fps), ignore)

    objects = classes if classes is not None else dict.fromkeys(_values(annotated.values(), ignore), '')
    return LabelledVideo(name, fps, objects, LazySequence(range(len(images)), frame_at))


def _resolution(folder: Path) -> Path:
    return next((folder / name for name in RESOLUTIONS if (folder / name).is_dir()), folder)


def _class_names(root: Path, name: str) -> dict[str, str] | None:
    """Object id to category, from YouTube-VOS's meta.json; None for DAVIS, which has none."""
    path = root / 'meta.json'
    if not path.is_file():
        return None
    objects = json.loads(path.read_text()).get('videos', {}).get(name, {}).get('objects', {})
    return {str(object_id): str(entry.get('category', '')) for object_id, entry in objects.items()} or None


def _frame_rate(images: list[Path], film: float) -> float:
    """Frames a second, since the numbers of the files count the frames of the film."""
    numbers = [int(path.stem) for path in images if path.stem.isdigit()]
    steps = np.diff(numbers)
    return film / float(np.median(steps)) if steps.size and np.median(steps) > 0 else film


def _values(files: Iterable[Path], ignore: tuple[int, ...]) -> list[str]:
    seen: set[int] = set()
    for path in files:
        seen |= set(np.unique(read_labels(path)).tolist())
    return [str(value) for value in sorted(seen - {0, *ignore})]
