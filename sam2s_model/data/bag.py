"""Recordings with true masks: rosbag2 or ROS 1 files, read with the rosbags library; no ROS is needed.

The file prompts.yaml in the recording's folder (NAME.prompts.yaml beside a single file) tells the image topic, the
topic of the label images and what their values are:

    image_topic: /endoscope/image_raw/compressed
    prompts: [{object_id: grasper_1, label: grasper, …}]    # only the class names are taken from these
    ground_truth: {topic: /ground_truth/instances/compressed, values: {grasper_1: 1}, ignore_values: [255]}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sam2s_model.data.image_files import split_labels
from sam2s_model.data.labelled_video import Image, LabelledFrame, LabelledVideo, Mask, UnreadableData, VideoSource

SUFFIXES = frozenset({'.mcap', '.db3', '.bag'})
USUAL_FPS = 25.0  # of a recording with a single image


@dataclass(frozen=True)
class BagDescription:
    """What prompts.yaml says: topics, label value to object id, object id to class name, values not scored."""

    image_topic: str
    truth_topic: str
    objects: dict[int, str]
    labels: dict[str, str]
    ignore_values: tuple[int, ...]


def is_bag(path: Path) -> bool:
    """Whether a path looks like a recording."""
    return (path / 'metadata.yaml').is_file() or (path.is_file() and path.suffix in SUFFIXES)


def bag_source(path: Path) -> VideoSource:
    """A recording as a video to open."""
    return VideoSource(path.stem, path.absolute().parent.name, partial(read_bag, path))


def read_bag(path: Path) -> LabelledVideo:
    """Open a recording. The label images are kept in memory as they are stored, the images are not.

    Raises:
        UnreadableData: It is no recording, has no prompts.yaml with `ground_truth`, or lacks a topic.
    """
    description = _read_description(_description_path(path))
    truth = dict(_messages(path, description.truth_topic))
    times = [stamp for stamp, _ in _messages(path, description.image_topic)]
    fps = 1e9 / float(np.median(np.diff(times))) if len(times) > 1 else USUAL_FPS
    objects = {object_id: description.labels.get(object_id, '') for object_id in description.objects.values()}
    return LabelledVideo(path.stem, fps, objects, _BagFrames(path, description, truth, len(times)))


class _BagFrames(Collection[LabelledFrame]):
    """The images of a recording in the order in which they were recorded, with the label images of the same stamp."""

    def __init__(self, path: Path, description: BagDescription, truth: dict[int, Any], count: int) -> None:
        self._path = path
        self._description = description
        self._truth = truth
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __contains__(self, frame: object) -> bool:
        return any(frame is own for own in self)

    def __iter__(self) -> Iterator[LabelledFrame]:
        for stamp, message in _messages(self._path, self._description.image_topic):
            labels = self._truth.get(stamp)
            masks, ignored = (None, None) if labels is None else self._masks(_pixels(labels, 'mono8'))
            yield LabelledFrame(_pixels(message, 'rgb8'), stamp, masks, ignored)

    def _masks(self, labels: Image) -> tuple[dict[str, Mask], Mask | None]:
        masks, ignored = split_labels(labels, self._description.ignore_values)
        names = self._description.objects
        return {names.get(int(value), value): mask for value, mask in masks.items()}, ignored


def _description_path(bag: Path) -> Path:
    path = bag / 'prompts.yaml' if bag.is_dir() else bag.with_suffix('.prompts.yaml')
    if not path.is_file():
        raise UnreadableData(f'expected {path} with the topic of the true masks, there is none; write it')
    return path


def _read_description(path: Path) -> BagDescription:
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
        truth = content['ground_truth']
        return BagDescription(
            image_topic=str(content['image_topic']),
            truth_topic=str(truth['topic']),
            objects={int(value): str(object_id) for object_id, value in truth['values'].items()},
            labels={str(p['object_id']): str(p['label']) for p in content.get('prompts', ()) if p.get('label')},
            ignore_values=tuple(int(value) for value in truth.get('ignore_values', ())),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableData(
            f'expected image_topic and ground_truth (topic, values) in {path}, got {error!r}'
        ) from error


def _messages(path: Path, topic: str) -> Iterator[tuple[int, Any]]:
    """Stamps, nanoseconds, and messages of a topic, in the order of recording."""
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore

    with _explained(path), AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        connections = [connection for connection in reader.connections if connection.topic == topic]
        if not connections:
            there = ', '.join(sorted(reader.topics)) or 'none'
            raise UnreadableData(f'expected topic {topic} in {path}, found {there}; correct prompts.yaml')
        for connection, _, data in reader.messages(connections):
            message: Any = reader.deserialize(data, connection.msgtype)
            stamp = message.header.stamp
            yield int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec), message


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (UnreadableData, GeneratorExit):
        raise
    except Exception as error:  # a damaged file makes the parsers below raise anything, from struct to sqlite3
        reason = f'{type(error).__name__}: {error}'
        raise UnreadableData(f'expected a whole recording in {path}, got {reason}; record again') from error


def _pixels(message: Any, encoding: str) -> Image:
    """An Image or CompressedImage as rgb8 (H, W, 3) or mono8 (H, W)."""
    from rosbags.image import message_to_cvimage

    if hasattr(message, 'format'):
        flag = cv2.IMREAD_GRAYSCALE if encoding == 'mono8' else cv2.IMREAD_COLOR_RGB
        pixels = cv2.imdecode(np.frombuffer(message.data, np.uint8), flag)
        if pixels is None:
            raise UnreadableData('expected JPEG or PNG in a CompressedImage, it does not decode; look for lost data')
        return np.asarray(pixels, np.uint8)
    return np.ascontiguousarray(message_to_cvimage(message, encoding), np.uint8)
