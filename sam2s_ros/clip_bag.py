"""Turns a folder of frames and true masks into a recording with a prompt script."""

from __future__ import annotations

from pathlib import Path

from sam2s_model.data.clip import clip_files, read_clip
from sam2s_ros.labelled_bag import (
    EncodedFrame,
    LabelledObject,
    ScriptedKind,
    script_from_labels,
    write_labelled_bag,
)
from sam2s_ros.prompt_script import PromptScript


def write_clip_bag(folder: Path, path: Path, kind: ScriptedKind) -> PromptScript:
    """Record a folder of `frames/`, `masks/` and `meta.json`; the image files go in as they are.

    Returns:
        The script that was written with it: each object prompted on the first frame that shows it.

    Raises:
        UnreadableData: The folder is no clip.
        FileExistsError: Something is at the path already.
    """
    clip = read_clip(folder)
    objects = [LabelledObject(value, str(value), name) for value, name in clip.objects.items()]
    script = script_from_labels(clip.labels, objects, clip.fps, kind, clip.ignore_values)
    frames = (EncodedFrame(image.read_bytes(), labels.read_bytes()) for image, labels in clip_files(folder))
    write_labelled_bag(path, frames, clip.fps, script)
    return script
