"""SA-V: masklets as COCO run lengths in a JSON file beside the film, or as one folder of masks for each object.

Training set: sav_000001.mp4 with sav_000001_manual.json and sav_000001_auto.json. Validation and test sets:
JPEGImages_24fps/VIDEO/*.jpg and Annotations_6fps/VIDEO/OBJECT/*.png. Every fourth frame is annotated.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sam2s_model.data.image_files import LazySequence, image_paths, read_labels, read_rgb
from sam2s_model.data.labelled_video import LabelledFrame, LabelledVideo, Mask, UnreadableData, VideoSource

FPS = 24.0
ANNOTATED_EVERY = 4
IMAGES, ANNOTATIONS = 'JPEGImages_24fps', 'Annotations_6fps'
KINDS = ('_manual', '_auto')


def is_sav_folder(folder: Path) -> bool:
    """Whether a folder looks like SA-V's validation or test set."""
    return (folder / IMAGES).is_dir() and (folder / ANNOTATIONS).is_dir()


def sav_files(folder: Path) -> list[Path]:
    """The annotation files of a folder of SA-V's training set; manual ones where there are any."""
    manual = sorted(folder.glob('*_manual.json'))
    return manual or sorted(folder.glob('*_auto.json'))


def sav_file_source(path: Path) -> VideoSource:
    """A video of the training set by its annotation file."""
    return VideoSource(path.stem, path.parent.name, partial(read_sav_file, path))


def sav_folder_sources(root: Path) -> list[VideoSource]:
    """All videos of a validation or test set."""
    names = sorted(path.name for path in (root / ANNOTATIONS).iterdir() if path.is_dir())
    return [VideoSource(name, root.name, partial(read_sav_folder, root, name)) for name in names]


def read_sav_file(path: Path) -> LabelledVideo:
    """Open a JSON file of masklets with its film (.mp4), or a folder of its images, beside it.

    Raises:
        UnreadableData: It holds no masklets, or neither film nor images are there.
    """
    content = _read_json(path)
    masklets, ids = content['masklet'], [str(object_id) for object_id in content['masklet_id']]
    name = str(content.get('video_id', _without_kind(path.stem)))

    def masks_at(index: int) -> dict[str, Mask] | None:
        row, between = divmod(index, ANNOTATED_EVERY)
        return None if between or row >= len(masklets) else _decode(ids, masklets[row])

    folder, film = path.parent / name, path.parent / f'{name}.mp4'
    if folder.is_dir():
        images = image_paths(folder)

        def frame_at(index: int) -> LabelledFrame:
            return LabelledFrame(read_rgb(images[index]), _stamp(index), masks_at(index))

        frames: Collection[LabelledFrame] = LazySequence(range(len(images)), frame_at)
    elif film.is_file():
        count = int(content.get('video_frame_count', len(masklets) * ANNOTATED_EVERY))
        frames = _Film(film, count, LazySequence(range(count), masks_at))
    else:
        raise UnreadableData(f'expected {film} or the folder {folder}, found neither; put the film beside its JSON')
    return LabelledVideo(path.stem, FPS, dict.fromkeys(ids, ''), frames)


def read_sav_folder(root: Path, name: str) -> LabelledVideo:
    """Open one video of a validation or test set.

    Raises:
        UnreadableData: Its images are missing.
    """
    images = image_paths(root / IMAGES / name)
    if not images:
        raise UnreadableData(f'expected images in {root / IMAGES / name}, found none; get the whole dataset')
    folders = sorted(path for path in (root / ANNOTATIONS / name).iterdir() if path.is_dir())
    annotated = {path.stem for folder in folders for path in image_paths(folder)}

    def frame_at(index: int) -> LabelledFrame:
        stem = images[index].stem
        files = [(folder.name, folder / f'{stem}.png') for folder in folders]
        masks = {object_id: read_labels(file) > 0 for object_id, file in files if file.is_file()}
        return LabelledFrame(read_rgb(images[index]), _stamp(index), masks if stem in annotated else None)

    objects = dict.fromkeys((folder.name for folder in folders), '')
    return LabelledVideo(name, FPS, objects, LazySequence(range(len(images)), frame_at))


class _Film(Collection[LabelledFrame]):
    """The frames of a film in order, with their masks."""

    def __init__(self, path: Path, count: int, masks: Sequence[dict[str, Mask] | None]) -> None:
        self._path = path
        self._count = count
        self._masks = masks

    def __len__(self) -> int:
        return self._count

    def __contains__(self, frame: object) -> bool:
        return any(frame is own for own in self)

    def __iter__(self) -> Iterator[LabelledFrame]:
        import av

        try:
            with av.open(str(self._path)) as film:
                for index, picture in zip(range(self._count), film.decode(video=0), strict=False):
                    rgb = np.asarray(picture.to_ndarray(format='rgb24'), np.uint8)
                    yield LabelledFrame(rgb, _stamp(index), self._masks[index])
        except av.FFmpegError as error:
            raise UnreadableData(f'expected a film in {self._path}, got {error}; restore the file') from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        return content | {'masklet': list(content['masklet']), 'masklet_id': list(content['masklet_id'])}
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise UnreadableData(f'expected JSON with "masklet" and "masklet_id" in {path}, got {error!r}') from error


def _decode(ids: Sequence[str], row: Sequence[Any]) -> dict[str, Mask]:
    """The masks (H, W) of one frame; an object without run lengths is not seen."""
    from pycocotools import mask as coco

    return {
        object_id: np.asarray(coco.decode(runs), dtype=np.bool_)
        for object_id, runs in zip(ids, row, strict=False)
        if runs
    }


def _stamp(index: int) -> int:
    return round(index * 1e9 / FPS)


def _without_kind(stem: str) -> str:
    return next((stem.removesuffix(kind) for kind in KINDS if stem.endswith(kind)), stem)
