"""Recordings that hold true masks beside the images, with a script that prompts each object once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sam2s_model import MaskPrompt, PointPrompt, Prompt
from sam2s_model.evaluation.protocol import centre_of, tight_box
from sam2s_ros.bag_io import BagWriter, serialize
from sam2s_ros.bag_types import COMPRESSED_IMAGE, NANOSECONDS, compressed_image
from sam2s_ros.prompt_script import GroundTruth, PromptScript, ScriptedPrompt, write_prompt_script

IMAGE_TOPIC = '/endoscope/image_raw/compressed'
TRUTH_TOPIC = '/ground_truth/instances/compressed'
FRAME_ID = 'endoscope'
FIRST_STAMP_NS = 1_700_000_000 * NANOSECONDS

# What one entry of a script can say; more clicks would need the tracker's answer to the first.
ScriptedKind = Literal['box', 'mask', '1-click']
SCRIPTED_KINDS: tuple[ScriptedKind, ...] = get_args(ScriptedKind)


@dataclass(frozen=True)
class EncodedFrame:
    """One image and its true masks as the files they are stored in.

    Attributes:
        image: A JPEG or PNG file.
        labels: A grey PNG file, each pixel the label value of its object.
    """

    image: bytes
    labels: bytes


@dataclass(frozen=True)
class LabelledObject:
    """An object of the label images.

    Attributes:
        value: Its value in the label images.
        object_id: Its name for the tracker.
        label: Its class name.
        least_area: Pixels that have to be seen before it is prompted.
    """

    value: int
    object_id: str
    label: str
    least_area: int = 1


def stamp_of(index: int, fps: float) -> int:
    """The stamp, nanoseconds, of a frame in the recordings written here."""
    return FIRST_STAMP_NS + round(index * NANOSECONDS / fps)


def write_labelled_bag(path: Path, frames: Iterable[EncodedFrame], fps: float, script: PromptScript) -> None:
    """Record images and true masks with equal stamps, and put the script into the recording's folder.

    Raises:
        FileExistsError: Something is at the path already.
    """
    with BagWriter(path) as writer:
        for topic in (IMAGE_TOPIC, TRUTH_TOPIC):
            writer.add_topic(topic, COMPRESSED_IMAGE)
        for index, frame in enumerate(frames):
            stamp = stamp_of(index, fps)
            for topic, data in ((IMAGE_TOPIC, frame.image), (TRUTH_TOPIC, frame.labels)):
                kind = 'jpeg' if data.startswith(b'\xff\xd8') else 'png'
                writer.write(topic, stamp, serialize(compressed_image(stamp, FRAME_ID, kind, data)))
    write_prompt_script(script, path / 'prompts.yaml')


def script_from_labels(
    labels: Sequence[NDArray[np.uint8]],
    objects: Sequence[LabelledObject],
    fps: float,
    kind: ScriptedKind,
    ignore_values: tuple[int, ...] = (),
) -> PromptScript:
    """Prompt each object once, from its true mask, on the first frame that shows enough of it.

    Args:
        labels: T label images (H, W) uint8.
        objects: What the values in them are; one that is never seen is left out.
        fps: Frames per second.
        kind: What to give: a tight box, the mask, or one click in its centre.
        ignore_values: Label values that are not scored.
    """
    waiting = list(objects)
    prompts = []
    for index, image in enumerate(labels):
        for found in [known for known in waiting if np.count_nonzero(image == known.value) >= known.least_area]:
            prompt = _prompt(image == found.value, kind)
            prompts.append(ScriptedPrompt(stamp_of(index, fps), found.object_id, found.label, prompt))
            waiting.remove(found)
        if not waiting:
            break
    values = {known.object_id: known.value for known in objects if known not in waiting}
    return PromptScript(IMAGE_TOPIC, tuple(prompts), GroundTruth(TRUTH_TOPIC, values, ignore_values))


def _prompt(mask: NDArray[np.bool_], kind: ScriptedKind) -> Prompt:
    if kind == 'mask':
        return MaskPrompt(mask)
    return tight_box(mask) if kind == 'box' else PointPrompt((centre_of(mask),), (1,))
