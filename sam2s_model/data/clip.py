"""Our own layout: a folder with images, label images and a description of the objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sam2s_model.data.image_files import LazySequence, image_paths, labelled_frame, read_labels, read_rgb
from sam2s_model.data.labelled_video import Image, LabelledFrame, LabelledVideo, UnreadableData, stamps


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
        instruments: Values of the objects that are surgical instruments.
        least_area: Pixels of an object that have to be seen before it can be pointed at.
    """

    name: str
    fps: float
    frames: Sequence[Image]
    labels: Sequence[Image]
    objects: dict[int, str]
    ignore_values: tuple[int, ...] = ()
    instruments: tuple[int, ...] = ()
    least_area: int = 1

    def video(self) -> LabelledVideo:
        """The same with a mask for each object; object ids are the label values."""
        times = stamps(len(self.frames), self.fps)

        def frame_at(index: int) -> LabelledFrame:
            return labelled_frame(self.frames[index], self.labels[index], times[index], self.ignore_values)

        return LabelledVideo(
            self.name,
            self.fps,
            {str(value): name for value, name in self.objects.items()},
            LazySequence(range(len(self.frames)), frame_at),
            frozenset(map(str, self.instruments)),
            self.least_area,
        )


def is_clip(folder: Path) -> bool:
    """Whether a folder looks like one of ours."""
    return (folder / 'meta.json').is_file() and (folder / 'frames').is_dir()


def read_clip(folder: Path) -> Clip:
    """Open a folder of `frames/*.jpg` (or png), `masks/*.png` of the same stems and `meta.json`.

    meta.json names the `objects` by label value; `fps` (25 if missing), `ignore_values`, `instruments` (label values)
    and `least_area` (pixels) are optional.

    Raises:
        UnreadableData: A part is missing.
    """
    meta = _read_meta(folder / 'meta.json')
    files = clip_files(folder)
    return Clip(
        name=str(meta.get('name', folder.name)),
        fps=float(meta.get('fps', 25.0)),
        frames=LazySequence([image for image, _ in files], read_rgb),
        labels=LazySequence([mask for _, mask in files], read_labels),
        objects={int(value): str(name) for value, name in meta['objects'].items()},
        ignore_values=tuple(int(value) for value in meta.get('ignore_values', ())),
        instruments=tuple(int(value) for value in meta.get('instruments', ())),
        least_area=int(meta.get('least_area', 1)),
    )


def read_clip_video(folder: Path) -> LabelledVideo:
    """Open a folder as in `read_clip`, with a mask for each object."""
    return read_clip(folder).video()


def clip_files(folder: Path) -> list[tuple[Path, Path]]:
    """The image and the mask file of each frame, in order.

    Raises:
        UnreadableData: There are none, or a mask is missing.
    """
    frames = image_paths(folder / 'frames')
    if not frames:
        raise UnreadableData(f'expected images in {folder / "frames"}, found none')
    masks = [folder / 'masks' / f'{frame.stem}.png' for frame in frames]
    if missing := [mask for mask in masks if not mask.is_file()]:
        raise UnreadableData(f'expected a mask for each frame, {len(missing)} are missing, first {missing[0]}')
    return list(zip(frames, masks, strict=True))


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads(path.read_text())
        return meta | {'objects': dict(meta['objects'])}
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableData(
            f'expected {path}, there is none; give a folder with frames/, masks/ and meta.json'
        ) from None
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableData(f'expected JSON with "objects": {{"1": name}} in {path}, got {error!r}') from error
