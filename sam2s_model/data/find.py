"""Which kind of data a path holds, and the videos in it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sam2s_model.data.bag import bag_source, is_bag
from sam2s_model.data.clip import is_clip, read_clip_video
from sam2s_model.data.davis import davis_sources, is_davis, list_owner
from sam2s_model.data.image_set import image_sources, is_image_set
from sam2s_model.data.labelled_video import UnreadableData, VideoSource
from sam2s_model.data.sav import is_sav_folder, sav_file_source, sav_files, sav_folder_sources

KNOWN = (
    'frames/ + masks/ + meta.json (or a folder of such), JPEGImages/ + Annotations/ (DAVIS, YouTube-VOS) or a list in '
    'its ImageSets/, *_manual.json (SA-V) or a folder of them, JPEGImages_24fps/ + Annotations_6fps/, a recording '
    'with prompts.yaml, or images/ + masks/'
)


def find_videos(path: Path) -> list[VideoSource]:
    """All videos with true masks at a path.

    Raises:
        UnreadableData: There are none of a kind that is known.
    """
    if not path.exists():
        raise UnreadableData(f'expected data at {path}, nothing is there; check the path')
    found = _videos_of(path)
    if not found and path.is_dir():
        folders = sorted(folder for folder in path.iterdir() if folder.is_dir())
        found = [source for folder in folders for source in _videos_inside(folder)]
    if not found:
        raise UnreadableData(f'expected videos with masks at {path}, found none; known are {KNOWN}')
    return found


def _videos_of(path: Path) -> list[VideoSource]:
    if (owner := list_owner(path)) is not None:
        return davis_sources(owner, path)
    if path.suffix == '.json':
        return [sav_file_source(path)]
    for belongs, sources in ((is_davis, davis_sources), (is_sav_folder, sav_folder_sources)):
        if belongs(path):
            return sources(path)
    return _videos_inside(path) or [sav_file_source(file) for file in sav_files(path)]


def _videos_inside(path: Path) -> list[VideoSource]:
    """What may lie in a folder beside others of its kind."""
    if is_clip(path):
        folder = path.absolute()
        return [VideoSource(folder.name, folder.parent.name, partial(read_clip_video, folder))]
    if is_bag(path):
        return [bag_source(path)]
    return image_sources(path) if is_image_set(path) else []
