"""The recording that an offline run writes: the node's messages, the images if asked, and where all of it is from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rclpy.serialization import serialize_message
from std_msgs.msg import String

from sam2s_ros.bag_io import BagWriter, SerializedImage
from sam2s_ros.conversions import image_message, time_message, track_array
from sam2s_ros.event_publisher import track_event
from sam2s_ros.label_image import label_image
from sam2s_ros.offline.stream_tracking import OfflineResult

NODE = 'sam2s_tracker'  # the topics are called as the node of that name would call them
TRACKS, INSTANCES, EVENTS, PROVENANCE = 'tracks', 'instances/mask', 'events', 'provenance'
TYPES = {
    TRACKS: 'sam2s_msgs/msg/TrackArray',
    INSTANCES: 'sensor_msgs/msg/Image',
    EVENTS: 'sam2s_msgs/msg/TrackEvent',
}


def output_prefixes(topics: tuple[str, ...]) -> dict[str, str]:
    """What the output topics of each image topic begin with: its namespace where there are two that differ."""
    if len(topics) == 1:
        return {topics[0]: f'/{NODE}'}
    plain = {topic: topic.removesuffix('/compressed') for topic in topics}
    spaces = {topic: name.rpartition('/')[0] for topic, name in plain.items()}
    named = spaces if len(set(spaces.values())) == len(topics) else plain
    return {topic: f'{space}/{NODE}' for topic, space in named.items()}


class OutputBag:
    """Writes results in the order in which they come; use it in a `with` statement.

    Args:
        path: New folder of the recording.
        images: Image topics to their message types.
        keeps_images: Whether the images themselves are recorded, too.
    """

    def __init__(self, path: Path, images: Mapping[str, str], keeps_images: bool) -> None:
        self._writer = BagWriter(path)
        self._prefixes = output_prefixes(tuple(images))
        self._keeps_images = keeps_images
        self._writer.add_topic(f'/{NODE}/{PROVENANCE}', 'std_msgs/msg/String')
        for topic, kind in images.items():
            for name, output_kind in TYPES.items():
                self._writer.add_topic(f'{self._prefixes[topic]}/{name}', output_kind)
            if keeps_images:
                self._writer.add_topic(topic, kind)

    def __enter__(self) -> OutputBag:
        self._writer.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._writer.__exit__(*error)

    def tell_provenance(self, text: str, recorded_ns: int) -> None:
        """Say where everything is from; as JSON."""
        self._writer.write(f'/{NODE}/{PROVENANCE}', recorded_ns, serialize_message(String(data=text)))

    def add(self, topic: str, image: SerializedImage, result: OfflineResult) -> None:
        """Record what became of an image, at the time at which the image was recorded."""
        prefix, at = self._prefixes[topic], image.recorded_ns
        if self._keeps_images:
            self._writer.write(topic, at, image.cdr)
        for event in result.events:
            stamp = time_message(image.stamp_ns if event.stamp_ns is None else event.stamp_ns)
            self._writer.write(f'{prefix}/{EVENTS}', at, serialize_message(track_event(event, stamp)))
        tracked = result.tracked
        if tracked is None:
            return
        self._writer.write(f'{prefix}/{TRACKS}', at, serialize_message(track_array(tracked)))
        labels = label_image(tracked.objects, *tracked.rgb.shape[:2])
        message = image_message(tracked.image.message.header, labels, 'mono8')
        self._writer.write(f'{prefix}/{INSTANCES}', at, serialize_message(message))
