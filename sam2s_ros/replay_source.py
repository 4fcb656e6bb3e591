"""Which recording to replay, which of its topics, and the prompts for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from sam2s_model import BoxPrompt, check_prompt
from sam2s_ros.bag_io import BagReader, RecordedImage, UnreadableBag
from sam2s_ros.bag_types import NANOSECONDS
from sam2s_ros.clip_bag import write_clip_bag
from sam2s_ros.labelled_bag import ScriptedKind
from sam2s_ros.prompt_script import PromptScript, ScriptedPrompt, read_prompt_script, script_beside

SHIPPED_BAG = Path(__file__).resolve().parents[1] / 'bags' / 'phantom_surgery'

Box = tuple[float, float, float, float]


class NothingToTrack(ValueError):
    """No prompts come with the recording; the message says how to give some."""


@dataclass(frozen=True)
class ReplaySource:
    """A recording that is ready to be replayed: its path, its image topic and its prompts."""

    bag: Path
    topic: str
    script: PromptScript


def shipped_source() -> ReplaySource:
    """The phantom surgery that comes with the project.

    Raises:
        UnreadableBag: It is not there.
    """
    if not SHIPPED_BAG.is_dir():
        do = f'make it with: python -m sam2s_ros.phantom_bag {SHIPPED_BAG}'
        raise UnreadableBag('the phantom recording', f'no {SHIPPED_BAG}', do)
    script = read_prompt_script(SHIPPED_BAG / 'prompts.yaml')
    return ReplaySource(SHIPPED_BAG, script.image_topic, script)


def clip_source(folder: Path, path: Path, kind: ScriptedKind) -> ReplaySource:
    """A folder of frames and true masks, turned into a recording at `path`.

    Raises:
        UnreadableClip, FileExistsError: See `write_clip_bag`.
    """
    script = write_clip_bag(folder, path, kind)
    return ReplaySource(path, script.image_topic, script)


def scripted_source(bag: Path, topic: str | None, script_path: Path | None) -> ReplaySource | None:
    """A recording with a prompt script, given or lying beside it; None when there is none.

    Raises:
        UnreadableBag, BadPromptScript, FileNotFoundError: The recording, its topic or the script cannot be used.
    """
    with BagReader(bag) as reader:
        script_path = script_path or script_beside(bag)
        if script_path is None:
            return None
        script = read_prompt_script(script_path)
        return ReplaySource(bag, reader.image_topic(topic or script.image_topic), script)


def boxed_source(bag: Path, topic: str | None, boxes: Sequence[Box], start_s: float, first_image: Path) -> ReplaySource:
    """Any recording with boxes drawn on its first image; each becomes an object `object_1`, `object_2` …

    Args:
        bag: The recording.
        topic: Its image topic; None when it has only one.
        boxes: (x0, y0, x1, y1) in image pixels.
        start_s: Seconds of the recording that will be skipped.
        first_image: Where to put the first image when boxes are still to be drawn on it.

    Raises:
        UnreadableBag: The recording or its topic cannot be read.
        NothingToTrack: There are no boxes.
        InvalidPrompt: A box does not fit the image.
    """
    with BagReader(bag) as reader:
        topic = reader.image_topic(topic)
        image = _first_image(reader, topic, start_s)
    rgb = image.rgb()
    if not boxes:
        cv2.imwrite(str(first_image), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        raise NothingToTrack(
            f'expected prompts for {bag}, found none; give --box x0 y0 x1 y1 in pixels of its first image, '
            f'which is now {first_image}, or --prompts script.yaml'
        )
    prompts = [ScriptedPrompt(image.stamp_ns, f'object_{n}', '', BoxPrompt(box)) for n, box in enumerate(boxes, 1)]
    for scripted in prompts:
        check_prompt(scripted.prompt, *rgb.shape[:2])
    return ReplaySource(bag, topic, PromptScript(topic, tuple(prompts)))


def _first_image(reader: BagReader, topic: str, start_s: float) -> RecordedImage:
    start_ns = None
    for image in reader.images(topic):
        start_ns = start_ns if start_ns is not None else image.recorded_ns + round(start_s * NANOSECONDS)
        if image.recorded_ns >= start_ns:
            return image
    raise UnreadableBag(f'images on {topic} after {start_s:g} s', f'{reader.count(topic)} images', 'start earlier')
